"""Shapes: the parts of stored things that stay the same from run to run.

A path names a field within its document: `cost/amount`, `images/[]/key`. Beside it stand the types that were seen.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Item = Mapping[str, Mapping[str, Any]]  # As DynamoDB writes it: {"name": {"S": "value"}}
Shape = dict[str, str]

_VOLATILE = {
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "<uuid>",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "<time>",
    r"\d{4}-\d\d-\d\d": "<day>",
}
_JSON_TYPES = {
    str: "string", bool: "boolean", int: "number", float: "number", type(None): "null", dict: "object", list: "array",
}  # fmt: skip


def masked(text: str) -> str:
    """The text, with a placeholder for each part that differs between two runs."""
    for pattern, placeholder in _VOLATILE.items():
        text = re.sub(pattern, placeholder, text)
    return text


def item_shape(items: Iterable[Item]) -> Shape:
    """The DynamoDB types of each path. `?` follows the types of an attribute that some of the items do not have."""
    items = list(items)
    types: defaultdict[str, set[str]] = defaultdict(set)
    for path, kind, _ in (found for item in items for found in item_paths(item)):
        types[path].add(kind)
    holders = Counter(name for item in items for name in item)
    sometimes = {name for name, number in holders.items() if number < len(items)}
    return {path: "|".join(sorted(found)) + "?" * (path in sometimes) for path, found in types.items()}


def item_paths(item: Item, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """The path, the type and the value of each attribute, also of those in maps and lists."""
    for name, typed in item.items():
        yield from _typed_paths(prefix + name, typed)


def _typed_paths(path: str, typed: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for kind, value in typed.items():
        yield path, kind, value
        if kind == "M":
            yield from item_paths(value, f"{path}/")
        elif kind == "L":
            for element in value:
                yield from _typed_paths(f"{path}/[]", element)


def document_shape(documents: Iterable[Mapping[str, Any]]) -> Shape:
    """The JSON types of each path in the documents."""
    types: defaultdict[str, set[str]] = defaultdict(set)
    for path, value in (found for document in documents for found in _paths("", document)):
        types[path].add(_JSON_TYPES[type(value)])
    return {path: "|".join(sorted(found)) for path, found in types.items() if path}


def _paths(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(f"{path}/{name}" if path else name, inner)
    elif isinstance(value, list):
        for element in value:
            yield from _paths(f"{path}/[]", element)
