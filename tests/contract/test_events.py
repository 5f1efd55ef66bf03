"""Every shape of event in `events/`, through the functions' own handlers: moto behind them, a real image API."""

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from darkroom import wiring
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from local.image_api import StandInServer
from tests.fakes import png

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs.literals import QueueAttributeNameType

EVENTS = Path(__file__).parents[2] / "events"
CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
PHOTO = "photos/red house + 红房子.jpg"


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.fixture
def image_api() -> Iterator[StandInServer]:
    server = StandInServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def results(
    monkeypatch: pytest.MonkeyPatch, buckets: tuple[str, str, str], threads_table: str, image_api: StandInServer
) -> "Iterator[Results]":
    """The functions' environment, and what they write."""
    uploads, bucket, spool = buckets
    sqs, secrets = boto3.client("sqs"), boto3.client("secretsmanager")
    fifo: Mapping[QueueAttributeNameType, str] = {"FifoQueue": "true"}
    environment = {
        "UPLOADS_BUCKET": uploads,
        "RESULTS_BUCKET": bucket,
        "SPOOL_BUCKET": spool,
        "THREADS_TABLE": threads_table,
        "REQUESTS_QUEUE_URL": sqs.create_queue(QueueName="requests.fifo", Attributes=fifo)["QueueUrl"],
        "REQUESTS_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"],
        "PROBES_QUEUE_URL": sqs.create_queue(QueueName="probes.fifo", Attributes=fifo)["QueueUrl"],
        "UPLOAD_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="uploads")["QueueUrl"],
        "IMAGE_API_KEY_SECRET_ARN": secrets.create_secret(Name="key", SecretString=image_api.key)["ARN"],
        "IMAGE_API_URL": image_api.url,
        "IMAGE_MODEL": "gemini-2.5-flash-image",
        "IMAGE_API_TIMEOUT_SECONDS": "300",
        "RESPONSE_FORMAT": "url",
        "REQUEST_STYLE": "contents",
        "MAX_CONTEXT_IMAGES": "3",
        "MAX_PAID_CALLS": "2",
        "DAILY_CALL_LIMIT": "0",
        "MAX_TURNS_PER_THREAD": "200",
        "GIVE_UP_AFTER_SECONDS": "86400",
        "PAIRING_GRACE_SECONDS": "120",
        # A logger of this name keeps the output that it was made with.
        "POWERTOOLS_SERVICE_NAME": uuid.uuid4().hex,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    yield Results(boto3.client("s3"), bucket, environment["REQUESTS_QUEUE_URL"])
    forget()


def forget() -> None:
    """What was built for another environment is built anew."""
    for built in vars(wiring).values():
        if hasattr(built, "cache_clear"):
            built.cache_clear()


class Results:
    """What the functions wrote, and sent."""

    def __init__(self, s3: "S3Client", bucket: str, queue_url: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._queue_url = queue_url

    def under(self, prefix: str) -> list[dict[str, Any]]:
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix).get("Contents", [])
        keys = [item["Key"] for item in listed if item["Key"].endswith("/result.json")]
        return [json.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()) for key in keys]

    def requests(self) -> list[dict[str, Any]]:
        sqs = boto3.client("sqs")
        found = sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    def upload(self, key: str, data: bytes, **metadata: str) -> None:
        self._s3.put_object(Bucket="uploads", Key=key, Body=data, Metadata=metadata)


@pytest.mark.parametrize("name", ["request", "request-sns", "request-eventbridge"])
def test_a_request_in_any_envelope_is_answered(results: Results, name: str) -> None:
    assert on_request.handler(event(name), CONTEXT) == {"batchItemFailures": []}
    (result,) = results.under("threads/campaign/bottle/")
    assert (result["status"], result["request_id"], result["metadata"]) == (
        "succeeded",
        "order-4711-1",
        {"order": "4711"},
    )


@pytest.mark.parametrize("name", ["request-with-faults", "request-not-json"])
def test_a_request_with_faults_is_told(results: Results, name: str) -> None:
    asked = event(name)
    assert on_request.handler(asked, CONTEXT) == {"batchItemFailures": []}
    (result,) = results.under(f"rejected/messages/{asked['Records'][0]['messageId']}/")
    assert result["error"]["code"] == "invalid_request"
    assert result["body"] == asked["Records"][0]["body"]


def test_a_batch_is_answered_in_order_within_each_thread(results: Results) -> None:
    assert on_request.handler(event("requests"), CONTEXT) == {"batchItemFailures": []}
    for thread, words in (("a", ["a cat", "now at night"]), ("b", ["a castle", "in snow"])):
        assert [(turn["turn"], turn["instruction"]) for turn in results.under(f"threads/{thread}/")] == [
            (1, words[0]),
            (2, words[1]),
        ]


def test_the_same_event_again_changes_nothing(results: Results) -> None:
    on_request.handler(event("request"), CONTEXT)
    before = results.under("threads/")
    on_request.handler(event("request"), CONTEXT)
    assert results.under("threads/") == before


@pytest.mark.parametrize("name", ["upload", "upload-multipart"])
def test_an_upload_becomes_a_request(results: Results, name: str) -> None:
    results.upload(PHOTO, png(), instruction="night")
    assert on_upload.handler(event(name), CONTEXT) == {"batchItemFailures": []}
    (asked,) = results.requests()
    assert (asked["thread_id"], asked["instruction"]) == (PHOTO.removesuffix(".jpg"), "night")
    assert asked["images"] == [{"bucket": "uploads", "key": PHOTO}]


@pytest.mark.parametrize("name", ["upload-test", "upload-folder"])
def test_noise_starts_nothing(results: Results, name: str) -> None:
    assert on_upload.handler(event(name), CONTEXT) == {"batchItemFailures": []}
    assert results.requests() == []
    assert results.under("") == []


def test_a_key_that_cannot_be_read_is_the_operators_trouble(
    results: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGE_API_KEY_SECRET_ARN", "gone")
    assert on_request.handler(event("request"), CONTEXT)["batchItemFailures"]
    assert '"ProviderBlocked"' in (logged := capsys.readouterr().out)
    assert '"cause": "credentials"' in logged


def test_no_words_of_a_person_and_no_key_are_logged(
    results: Results, image_api: StandInServer, capsys: pytest.CaptureFixture[str]
) -> None:
    on_request.handler(event("request"), CONTEXT)
    on_request.handler(event("request-with-faults"), CONTEXT)
    logged = capsys.readouterr().out
    assert "request ended" in logged
    for secret in ("把景色", image_api.key, "colour", "base64"):
        assert secret not in logged
