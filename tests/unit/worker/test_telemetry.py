"""The telemetry: errors are described in our own words, or not at all."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from darkroom.domain.message import Message
from darkroom.domain.upload import Upload
from darkroom.errors import Ambiguous, Fault, Rejected, Unavailable
from darkroom.uploads.intake import Taken
from darkroom.uploads.s3_notification import notification
from darkroom.worker import escaping
from darkroom.worker.telemetry import BatchTelemetry, RequestTelemetry, UploadTelemetry
from tests.unit.worker.test_message_batch import message

WORDS = "paint a canary"
MESSAGE: Message = message("a1")


def journal() -> Logger:
    # A logger keeps the output of its first use, so each test has a name of its own.
    return Logger(service=f"journal-{uuid.uuid4()}", json_serializer=escaping.as_json)


def line_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out.splitlines()[0]))


def told(capsys: pytest.CaptureFixture[str], error: Exception) -> object:
    RequestTelemetry(journal()).broke(MESSAGE, error)
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
    kind(journal()).deferred(MESSAGE, Unavailable("held", "later", retry_after=3))
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["message"], line["message_id"], line["cause"], line["seconds"]) == (said, "a1", "held", 3)


ASKED = replace(MESSAGE, group="campaign", body=json.dumps({"thread_id": "campaign/bottle", "request_id": "r-1"}))
WAITS = Unavailable("throttled", "slow down", retry_after=12.345678901234)


@pytest.mark.parametrize("is_probe", [False, True])
def test_a_line_of_a_request_names_it_and_says_whether_a_probe_writes_it(
    capsys: pytest.CaptureFixture[str], is_probe: bool
) -> None:
    """A probe has a message of its own. Without the mark it looks like a second request."""
    message = replace(ASKED, is_probe=is_probe)
    names = {"message_id": "a1", "thread_id": "campaign/bottle", "request_id": "r-1", "probe": is_probe}
    RequestTelemetry(journal()).deferred(message, WAITS)
    assert line_of(capsys).items() >= names.items()
    RequestTelemetry(journal()).broke(message, Fault("PutObject: AccessDenied"))
    assert line_of(capsys).items() >= names.items()


def test_what_a_message_does_not_name_is_that_of_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    RequestTelemetry(journal()).deferred(replace(ASKED, body="no JSON"), WAITS)
    line = line_of(capsys)
    assert (line["thread_id"], line["request_id"]) == ("campaign", "a1")


@pytest.mark.parametrize("kind", [RequestTelemetry, UploadTelemetry, BatchTelemetry])
def test_seconds_are_written_as_a_person_reads_them(
    capsys: pytest.CaptureFixture[str], kind: type[RequestTelemetry | UploadTelemetry | BatchTelemetry]
) -> None:
    kind(journal()).deferred(ASKED, WAITS)
    assert line_of(capsys)["seconds"] == 12.3
    kind(journal()).deferred(ASKED, Unavailable("held", "later"))
    assert "seconds" not in line_of(capsys)


@pytest.mark.parametrize("kind", [RequestTelemetry, UploadTelemetry])
@pytest.mark.parametrize(("sent_at", "waited"), [(100.0, 3600.0), (3701.0, 0.0)])
def test_what_is_put_back_says_how_long_it_has_waited_since_it_was_sent(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[RequestTelemetry | UploadTelemetry],
    sent_at: float,
    waited: float,
) -> None:
    """Clocks differ, and a waiting time is never negative."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a-service")
    kind(journal(), clock=lambda: 3700.0).deferred(replace(ASKED, sent_at=sent_at), WAITS)
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metric["WaitedSeconds"] == [waited]
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]
    assert directive["Metrics"] == [{"Name": "WaitedSeconds", "Unit": "Seconds"}]


def test_an_upload_that_is_nothing_new_says_why_where_that_surprises(capsys: pytest.CaptureFixture[str]) -> None:
    UploadTelemetry(journal()).ended(MESSAGE, [Taken("cat.jpg", "nothing new", "its request is on its way")])
    line = line_of(capsys)
    assert (line["became"], line["because"]) == ("nothing new", "its request is on its way")
    UploadTelemetry(journal()).ended(MESSAGE, [Taken("cat.jpg", "asked")])
    assert "because" not in line_of(capsys)


UPLOAD = Upload("uploads", "a b.jpg", "e", "v", "0A", 1, 1.0)


@pytest.mark.parametrize(("body", "key"), [(notification(UPLOAD), "a b.jpg"), ("nothing that S3 says", None)])
def test_an_upload_that_broke_is_named(capsys: pytest.CaptureFixture[str], body: str, key: str | None) -> None:
    UploadTelemetry(journal()).broke(replace(MESSAGE, body=body), ValueError("x"))
    assert line_of(capsys).get("key") == key
