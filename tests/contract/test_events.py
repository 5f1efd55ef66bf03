"""Every shape of event in `events/`, through the functions' own handlers, with moto and a real image API behind."""

import pytest

from functions.on_picture import app as on_picture
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from tests.contract.conftest import Results, event
from tests.fakes.image_api import png
from tests.invocation import CONTEXT

PHOTO = "photos/red house + 红房子.jpg"


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


def test_a_copy_that_is_refused_tells_nobody(results: Results) -> None:
    """Its queue identifies a copy."""
    asked = event("request-with-faults")
    for record in asked["Records"]:
        record["eventSourceARN"] = record["eventSourceARN"].rpartition(":")[0] + ":probes.fifo"
    assert on_request.handler(asked, CONTEXT) == {"batchItemFailures": []}
    assert results.under("rejected/") == []


def test_a_picture_is_developed_as_on_request_orders_it(results: Results) -> None:
    results.upload("photos/cat.heic", png(kind="TIFF"))
    assert on_picture.handler(event("picture"), CONTEXT) == {"became": "developed", "message": ""}
