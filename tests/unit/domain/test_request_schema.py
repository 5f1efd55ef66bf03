"""The reader of a request's form accepts the same as pydantic's models of it, and finds the same faults."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from darkroom.domain import request_schema
from darkroom.errors import Rejected
from darkroom.providers.dialects.nebula import OPTIONS
from tests.unit.domain import schema_models

FULL: dict[str, Any] = {
    "thread_id": "campaign/bottle",
    "request_id": "order-4711-1",
    "instruction": "make it blue",
    "images": ["s3://my-uploads/bottle.jpg", {"bucket": "my-uploads", "key": "cat.jpg", "version_id": "v1"}],
    "parent_turn": 2,
    "model": "gemini-3-pro-image",
    "options": {
        "size": "16:9", "aspect_ratio": "1:1", "quality": "hd", "image_size": "2K", "n": 2,
        "mime_type": "image/png", "response_modalities": ["image", "text"], "temperature": 0.5, "top_p": 1.0,
    },
    "metadata": {"order": "4711", "empty": ""},
}  # fmt: skip

keys = st.text(st.characters(categories=["L", "N"]), max_size=6) | st.integers(60, 70).map("k".__mul__)
texts = st.one_of(
    st.text(st.characters(exclude_characters="\x1c\x1d\x1e\x1f"), max_size=6),
    st.sampled_from(["", " ", "a\n", "half \ud83d", "s3://b/k", "s3://bucket", "image/jpeg", "a//b", "a b", "1"]),
    st.sampled_from([1, 2, 3, 63, 64, 65, 128, 129, 256, 257, 512, 513, 1024, 1025, 8000, 8001]).map(lambda n: "x" * n),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts,
    st.sampled_from([-1, 0, 1, 2, 3, 99_999, 100_000, 10**40, -0.1, 0.0, 2.0, 2.1, float("inf"), float("nan")]),
)  # fmt: skip
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=17),
    st.dictionaries(keys, texts, max_size=18),
    st.dictionaries(st.sampled_from(["bucket", "key", "version_id", "size", "n", "top_p"]), scalars, max_size=4),
    st.lists(st.just("s3://my-uploads/a.jpg"), max_size=16),
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in the document, and of one more key or element in each part."""
    inner = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else []
    found = [path] if path else []
    for part in inner:
        found += places(document[part], (*path, part))
    return found + ([(*path, "colour")] if isinstance(document, dict) else [])


def with_value(path: tuple[Any, ...], given_value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(FULL)
    part: Any = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = given_value
    return changed


def without(path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(FULL)
    part: Any = changed
    for step in path[:-1]:
        part = part[step]
    part.pop(path[-1], None) if isinstance(part, dict) else part.pop(path[-1])
    return changed


def taken(document: dict[str, Any]) -> Any:
    """The accepted values in plain form, or the fields with a fault."""
    try:
        body = request_schema.validated(request_schema.Body, document, "mend it", options=OPTIONS)
    except Rejected as rejected:
        return {fault.partition(": ")[0] for fault in re.split(r"; (?!remove|upload)", rejected.message)}
    return {name: plain(getattr(body, name)) for name in FULL}


def plain(part: Any) -> Any:
    if isinstance(part, list):
        return [plain(element) for element in part]
    return {name: getattr(part, name) for name in part.__slots__} if isinstance(part, request_schema.ImageRef) else part


def taken_by_pydantic(document: dict[str, Any]) -> Any:
    try:
        body = schema_models.Body.model_validate(document)
    except ValidationError as error:
        return {field(detail["loc"]) for detail in error.errors()}
    options = None if body.options is None else body.options.model_dump(exclude_none=True)
    return body.model_dump() | {"options": options}


def field(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location if "constrained-str" not in str(part) and part != "[key]"]
    return ".".join(parts).encode(errors="replace").decode()[:100]


changed = st.builds(with_value, st.sampled_from(places(FULL)), values)


def test_every_option_of_the_first_dialect_is_in_the_models_and_is_tried() -> None:
    tried: dict[str, Any] = FULL["options"]
    assert OPTIONS.keys() == schema_models.Options.model_fields.keys() == tried.keys()


@settings(max_examples=1500)
@given(document=changed)
def test_one_value_is_taken_and_refused_as_by_the_models(document: dict[str, Any]) -> None:
    assert taken(document) == taken_by_pydantic(document)


@pytest.mark.parametrize("path", [path for path in places(FULL) if path[-1] != "colour"])
def test_what_is_missing_is_missed_as_by_the_models(path: tuple[Any, ...]) -> None:
    assert taken(without(path)) == taken_by_pydantic(without(path))
