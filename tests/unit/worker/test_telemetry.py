"""The journal: what broke is told in our own words, or not at all."""

import json
import uuid

import pytest
from aws_lambda_powertools import Logger

from darkroom.domain.message import Message
from darkroom.errors import Ambiguous, Fault, Rejected, Unavailable
from darkroom.worker.telemetry import BatchTelemetry, RequestTelemetry, UploadTelemetry
from tests.unit.worker.test_message_batch import message

WORDS = "paint a canary"
MESSAGE: Message = message("a1")


def told(capsys: pytest.CaptureFixture[str], error: Exception) -> object:
    # A logger's name keeps the handler, and with it the output, of the test that used it first.
    RequestTelemetry(Logger(service=f"journal-{uuid.uuid4()}")).broke(MESSAGE, error)
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["error"] == type(error).__name__
    assert WORDS not in json.dumps(line)
    return line.get("said")


@pytest.mark.parametrize("error", [Fault("PutObject: AccessDenied"), Unavailable("aws", "PutObject: SlowDown")])
def test_what_aws_refused_is_told(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert told(capsys, error) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(WORDS),
        Rejected("refused", f"the image API said: {WORDS}"),
        Unavailable("account", f"the image API said: {WORDS}"),
        Unavailable("ambiguous", f"the image API said: {WORDS}"),
        Ambiguous(f"the image API said: {WORDS}"),
    ],
)
def test_what_may_quote_the_provider_is_not(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert told(capsys, error) is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [(RequestTelemetry, "request waits"), (UploadTelemetry, "upload waits"), (BatchTelemetry, "batch waits")],
)
def test_what_waits_is_told_by_what_it_is(
    capsys: pytest.CaptureFixture[str], kind: type[RequestTelemetry | UploadTelemetry | BatchTelemetry], said: str
) -> None:
    kind(Logger(service=f"journal-{uuid.uuid4()}")).deferred(MESSAGE, Unavailable("held", "later", retry_after=3))
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["message"], line["message_id"], line["cause"], line["seconds"]) == (said, "a1", "held", 3)
