"""The guide's lines of Python, on an emulation of S3: a service that waits for its outcome."""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.domain import keys
from tests.e2e import lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREAD = "活动/瓶子, été"
REJECTED = "rejected/messages/m-1/result.json"
Wait = Callable[..., dict[str, Any]]


@pytest.fixture
def outcome(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> Wait:
    """The guide's own function. The rest of the guide's lines begins with a thread's name."""
    s3.create_bucket(Bucket="results")
    definitions, _, use = lines.marked("docs/guide-services.md")["boto3"].text.partition("\nthread = ")
    assert "outcome(thread, 1, " in use
    monkeypatch.setenv("RESULTS_BUCKET", "results")
    namespace: dict[str, Any] = {}
    exec(definitions, namespace)  # noqa: S102 - the document's lines
    wait: Wait = namespace["outcome"]
    return wait


def put(s3: "S3Client", key: str) -> dict[str, str]:
    s3.put_object(Bucket="results", Key=key, Body=json.dumps({"key": key}).encode())
    return {"key": key}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_turn_is_found_however_its_thread_is_spelt(s3: "S3Client", outcome: Wait, form: Any) -> None:
    told = put(s3, f"threads/{unicodedata.normalize('NFC', THREAD)}/00001-0123abcd/result.json")
    assert outcome(unicodedata.normalize(form, THREAD), 1, REJECTED) == told


def test_what_took_no_turn_is_found_too(s3: "S3Client", outcome: Wait) -> None:
    told = put(s3, REJECTED)
    assert outcome(THREAD, 1, REJECTED) == told


def test_no_other_threads_turn_and_no_picture_is_taken_for_it(s3: "S3Client", outcome: Wait) -> None:
    for key in ("a/00001-0123abcd/image.png", "a/00001-x/00001-0123abcd/result.json", "a/00011-0123abcd/result.json"):
        put(s3, f"threads/{key}")
    with pytest.raises(TimeoutError, match="a has no turn 1"):
        outcome("a", 1, REJECTED, seconds=0.2)


def test_the_place_of_a_rejected_upload_is_the_one_that_the_guide_names() -> None:
    text = lines.marked("docs/guide-services.md")["boto3"].text
    (line,) = [line for line in text.splitlines() if line.startswith("upload = ")]
    namespace: dict[str, Any] = {"hashlib": hashlib, "put": {"ETag": '"abc"'}}
    exec(line, namespace)  # noqa: S102 - the document's lines
    named = f"rejected/uploads/{THREAD}.jpg/{namespace['upload']}/result.json"
    assert named == keys.rejected_upload_key(f"{THREAD}.jpg", "abc")
