"""The logs contain no person's words, no secret and no picture: at no level, whatever breaks.

Everything goes through the functions' own handlers, at the level DEBUG. Object keys, thread ids and request ids are
names, and may be logged.
"""

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from PIL import Image as Pillow

from darkroom.errors import Fault
from functions.on_picture import app as on_picture
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from local.image_api import StandInServer
from tests.contract.conftest import Results, event
from tests.fakes.image_api import png
from tests.invocation import CONTEXT
from tests.unit.samples import encoded
from tests.unit.servers import Server, answering, http

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

WORDS = "Paint the canary 金丝雀"
KEY = "sk-canary-0123456789abcdef"
PICTURE = re.compile(r"data:image|iVBORw0KGgo|/9j/|PNG|base64", re.IGNORECASE)
# At DEBUG they log whole requests. Darkroom never turns that on: see the last test.
THEIRS = ("botocore", "boto3", "urllib3", "PIL")
THREAD = "campaign/bottle"


class Heard:
    """Everything that was printed, and everything that was given to a logger."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._capsys = capsys
        self._caplog = caplog

    def text(self) -> str:
        written = self._capsys.readouterr()
        records = (f"{record.getMessage()} {vars(record)}" for record in self._caplog.records)
        return "\n".join([written.out, written.err, *records])


@pytest.fixture
def heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Heard:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    for name in THEIRS:
        caplog.set_level(logging.INFO, logger=name)
    return Heard(capsys, caplog)


def assert_nothing_said(text: str, *also: str) -> None:
    for secret in (WORDS, KEY, *also):
        for form in (secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()[:-4]):
            assert form not in text
    assert not PICTURE.search(text)
    assert "Authorization" not in text


def asking(**body: Any) -> dict[str, Any]:
    """The event of a message with the words in every possible place."""
    asked = event("request")
    document = {"thread_id": THREAD, "instruction": WORDS, "metadata": {"said": WORDS}, **body}
    asked["Records"][0]["body"] = json.dumps(document, ensure_ascii=False)
    return asked


def announcing(key: str, **about: Any) -> dict[str, Any]:
    announced = event("upload")
    record = announced["Records"][0]
    document = json.loads(record["body"])
    document["Records"][0]["s3"]["object"] = {"key": key, "size": 1, "eTag": "e", "sequencer": "1", **about}
    record["body"] = json.dumps(document)
    return announced


def ordering(key: str) -> dict[str, Any]:
    return {"bucket": "uploads", "key": key, "version_id": None, "most_bytes": 7_000_000}


def quoting(status: int, code: str) -> bytes:
    """An API's answer that quotes the words, the key and a picture, in a header too."""
    message = f"{code}: {WORDS}. (request id: {WORDS}) Authorization: Bearer {KEY} data:image/png;base64,iVBORw0KGgo"
    body = {"error": {"code": code, "message": message + f" (request id: {WORDS})", "type": WORDS}}
    return http(status, json.dumps(body).encode(), x_request_id=KEY, retry_after="1")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, results: Results) -> Iterator[Callable[[bytes], None]]:
    """`provider(response)` starts an API that gives this answer, with a key that it may quote."""
    secret = boto3.client("secretsmanager").create_secret(Name="canary", SecretString=KEY)["ARN"]
    monkeypatch.setenv("IMAGE_API_KEY_SECRET_ARN", secret)
    servers = []

    def answers(response: bytes) -> None:
        servers.append(Server(answering(response)).__enter__())
        monkeypatch.setenv("IMAGE_API_URL", servers[-1].url)

    yield answers
    for server in servers:
        server.__exit__(None, None, None)


def test_of_a_picture_that_was_made_nothing_is_said(results: Results, image_api: StandInServer, heard: Heard) -> None:
    results.upload("photo.jpg", png())
    on_request.handler(asking(images=["s3://uploads/photo.jpg"]), CONTEXT)
    on_request.handler(event("request-with-faults"), CONTEXT)
    text = heard.text()
    assert "request ended" in text
    assert [result["instruction"] for result in results.under("threads/")] == [WORDS]
    assert_nothing_said(text, image_api.key, "colour")


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (quoting(400, "prompt_blocked"), "request ended"),
        (quoting(400, "invalid_request"), "request ended"),
        (quoting(401, "invalid_api_key"), "request waits"),
        (quoting(402, "insufficient_quota"), "request waits"),
        (quoting(429, "rate_limit"), "request waits"),
        (quoting(500, "boom"), "request waits"),
        (quoting(504, "late"), "request waits"),
        (http(200, json.dumps({"data": [{"revised_prompt": WORDS}]}).encode(), x_oneapi_request_id=KEY), "ended"),
        (http(200, json.dumps({"data": [{"b64_json": "aVZCT1J3MEtHZ28="}]}).encode()), "request ended"),
        (http(502, f"<html>{WORDS} {KEY}</html>".encode()), "request waits"),
        (http(200, WORDS.encode(), length=4711), "request waits"),
    ],
)
def test_of_what_the_provider_quotes_nothing_is_said(
    provider: Callable[[bytes], None], heard: Heard, response: bytes, line: str
) -> None:
    provider(response)
    on_request.handler(asking(), CONTEXT)
    text = heard.text()
    assert line in text
    assert_nothing_said(text)


def test_of_a_turn_that_cannot_be_read_nothing_is_said(
    results: Results, dynamodb: "DynamoDBClient", threads_table: str, heard: Heard
) -> None:
    """Python may quote data that it cannot read."""
    item = {"thread_id": THREAD, "sk": "TURN#00001", "instruction": WORDS, "status": WORDS}
    dynamodb.put_item(TableName=threads_table, Item={name: {"S": value} for name, value in item.items()})
    assert on_request.handler(asking(), CONTEXT)["batchItemFailures"]
    text = heard.text()
    assert "attempt broke" in text
    assert_nothing_said(text)


def test_of_a_ledger_that_cannot_be_read_nothing_is_said(
    results: Results, dynamodb: "DynamoDBClient", threads_table: str, heard: Heard
) -> None:
    """The handler does not raise either: Lambda would print the error's message."""
    item = {"thread_id": THREAD, "sk": "REQUEST#r", "state": "open", "fingerprint": WORDS}
    dynamodb.put_item(TableName=threads_table, Item={name: {"S": value} for name, value in item.items()})
    asked = asking(request_id="r")
    asked["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
    on_request.handler(asked, CONTEXT)
    assert_nothing_said(heard.text())


@pytest.mark.parametrize("gone", ["table", "spool", "results"])
def test_of_what_aws_refuses_nothing_is_said(
    results: Results, s3: "S3Client", dynamodb: "DynamoDBClient", threads_table: str, heard: Heard, gone: str
) -> None:
    if gone == "table":
        dynamodb.delete_table(TableName=threads_table)
    else:
        s3.delete_bucket(Bucket=gone)
    assert on_request.handler(asking(), CONTEXT)["batchItemFailures"]
    text = heard.text()
    assert "attempt broke" in text
    assert_nothing_said(text)


@pytest.mark.parametrize(
    "announced",
    [
        announcing("a.jpg", size=WORDS),
        announcing("a.jpg", eTag=[WORDS]),
        {"Records": [{**event("upload")["Records"][0], "body": WORDS}]},
    ],
)
def test_of_an_announcement_that_cannot_be_read_nothing_is_said(
    results: Results, heard: Heard, announced: dict[str, Any]
) -> None:
    assert on_upload.handler(announced, CONTEXT)["batchItemFailures"]
    text = heard.text()
    assert "attempt broke" in text
    assert_nothing_said(text)


def test_of_uploads_their_keys_are_said_and_nothing_else(results: Results, s3: "S3Client", heard: Heard) -> None:
    encoded = f"UTF-8''{'%'.join(['', *(f'{byte:02X}' for byte in WORDS.encode())])}"
    results.upload("photo.jpg", png(), instruction=encoded)
    results.upload("words.txt", WORDS.encode())
    results.upload("words.pdf", WORDS.encode())
    results.upload("broken.txt", WORDS.encode("utf-16"))
    for key in ("photo.jpg", "words.txt", "words.pdf", "broken.txt", "_instruction.txt"):
        on_upload.handler(announcing(key), CONTEXT)
    assert [each["instruction"] for each in results.requests() if each["thread_id"] == "photo"] == [WORDS]
    text = heard.text()
    assert "photo.jpg" in text
    assert_nothing_said(text, encoded)


def test_of_a_picture_its_key_is_said_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, results: Results, heard: Heard
) -> None:
    exif = Pillow.Exif()
    exif[0x010E] = WORDS  # the description
    for key, data in (("scan.tif", encoded("TIFF", exif=exif)), ("broken.tif", encoded("TIFF", exif=exif)[:-9])):
        results.upload(key, data, instruction="unused")
        on_picture.handler(ordering(key), CONTEXT)
    monkeypatch.setenv("SPOOL_BUCKET", "gone")
    with pytest.raises(Fault, match=r"^a picture could not be normalized$") as caught:
        on_picture.handler(ordering("scan.tif"), CONTEXT)
    assert caught.value.__suppress_context__
    text = heard.text()
    for said in ('"developed"', '"unsupported_image"', '"picture broke"', "PutObject: NoSuchBucket"):
        assert said in text
    assert_nothing_said(text)


def test_other_loggers_are_left_as_they_are_but_one_that_would_write_addresses_down(results: Results) -> None:
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    before = loggers()
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    on_request.handler(asking(), CONTEXT)
    on_upload.handler(announcing("words.txt"), CONTEXT)
    assert loggers() == before


def loggers() -> list[tuple[str, int, list[logging.Handler]]]:
    theirs = [logging.getLogger(name) for name in (None, *THEIRS)]
    return [(each.name, each.level, list(each.handlers)) for each in theirs]
