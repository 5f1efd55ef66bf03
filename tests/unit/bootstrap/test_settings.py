"""Settings: each function's environment as one type, checked when it is read."""

import re
from pathlib import Path

import pytest

from darkroom.bootstrap.settings import PictureSettings, RequestSettings, UploadSettings, read
from darkroom.domain.price import Price
from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]

UPLOAD = {
    "UPLOADS_BUCKET": "uploads",
    "RESULTS_BUCKET": "results",
    "THREADS_TABLE": "threads",
    "REQUESTS_QUEUE_URL": "https://sqs/requests.fifo",
    "BATCHES_QUEUE_URL": "https://sqs/batches.fifo",
    "UPLOAD_EVENTS_QUEUE_URL": "https://sqs/events",
    "DEFAULT_INSTRUCTION": "",
    "PAIRING_GRACE_SECONDS": "120",
    "MAXIMUM_CONCURRENCY": "10",
    "KEEP_FOLDERS_APART": "false",
    "IMAGE_API_DIALECT": "nebula",
}
REQUEST = {
    "UPLOADS_BUCKET": "uploads",
    "RESULTS_BUCKET": "results",
    "SPOOL_BUCKET": "spool",
    "THREADS_TABLE": "threads",
    "REQUESTS_QUEUE_URL": "https://sqs/requests.fifo",
    "REQUESTS_DEAD_LETTER_QUEUE_URL": "https://sqs/dead.fifo",
    "PROBES_QUEUE_URL": "https://sqs/probes.fifo",
    "PICTURE_FUNCTION": "on-picture",
    "IMAGE_API_KEY_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:key",
    "IMAGE_API_DIALECT": "nebula",
    "IMAGE_API_URL": "https://llm.ai-nebula.com/",
    "IMAGE_MODEL": "gemini-3.1-flash-image",
    "IMAGE_API_TIMEOUT_SECONDS": "300",
    "RESPONSE_FORMAT": "b64_json",
    "REQUEST_STYLE": "contents",
    "MAX_CONTEXT_IMAGES": "3",
    "MARK_RESULTS": "true",
    "MAX_REQUEST_MEGABYTES": "20",
    "MAX_PAID_CALLS": "2",
    "DAILY_CALL_LIMIT": "0",
    "MAX_TURNS_PER_THREAD": "200",
    "GIVE_UP_AFTER_SECONDS": "86400",
    "PRICE_PER_IMAGE": "",
}
OPTIONAL = {"DEFAULT_INSTRUCTION", "PRICE_PER_IMAGE", "IMAGE_API_URL", "IMAGE_MODEL"}


def test_the_default_parameters_are_fine() -> None:
    settings = read(RequestSettings, REQUEST)
    assert settings.image_api_url == "https://llm.ai-nebula.com"
    assert (settings.max_paid_calls, settings.daily_call_limit) == (2, 0)
    assert read(UploadSettings, UPLOAD).pairing_grace_seconds == 120


@pytest.mark.parametrize("name", sorted(set(REQUEST) - OPTIONAL))
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_of_on_request_is_named(name: str, value: str | None) -> None:
    environ = {**REQUEST, name: value}
    with pytest.raises(ValueError, match=f"{name} is not set"):
        read(RequestSettings, {key: text for key, text in environ.items() if text is not None})


@pytest.mark.parametrize("name", sorted(set(UPLOAD) - OPTIONAL))
def test_a_missing_variable_of_on_upload_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not set"):
        read(UploadSettings, {key: text for key, text in UPLOAD.items() if key != name})


def test_on_picture_is_told_where_renditions_are_kept() -> None:
    assert read(PictureSettings, {"SPOOL_BUCKET": "spool"}).spool_bucket == "spool"
    with pytest.raises(ValueError, match="SPOOL_BUCKET is not set"):
        read(PictureSettings, {})


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_an_optional_variable_may_be_missing(name: str) -> None:
    assert read(RequestSettings, {key: text for key, text in REQUEST.items() if key != name})
    assert read(UploadSettings, {key: text for key, text in UPLOAD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGE_API_TIMEOUT_SECONDS", "781"),
        ("IMAGE_API_TIMEOUT_SECONDS", "0"),
        ("IMAGE_API_TIMEOUT_SECONDS", "300s"),
        ("MAX_PAID_CALLS", "0"),
        ("MAX_PAID_CALLS", "-1"),
        ("MAX_PAID_CALLS", "2.0"),
        ("DAILY_CALL_LIMIT", "9" * 5000),
        ("MAX_CONTEXT_IMAGES", "15"),
        ("MAX_REQUEST_MEGABYTES", "0"),
        ("MAX_TURNS_PER_THREAD", "100000"),
        ("MARK_RESULTS", "yes"),
        ("RESPONSE_FORMAT", "png"),
        ("REQUEST_STYLE", "Contents"),
        ("IMAGE_API_URL", "http://llm.ai-nebula.com"),
        ("PRICE_PER_IMAGE", "cheap"),
        ("PRICE_PER_IMAGE", "-1"),
        ("PRICE_PER_IMAGE", "0.039 dollars"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        read(RequestSettings, {**REQUEST, name: value})


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://llm.ai-nebula.com", True),
        ("https://10.0.0.7:8443/api", True),
        ("http://127.0.0.1:4712", True),
        ("http://localhost/api", True),
        ("http://llm.ai-nebula.com", False),
        ("http://10.0.0.7", False),
        ("http://localhost.example.com", False),
        ("http://localhost:80@example.com", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://127.0.0.1:x@example.com/", False),
        ("http://127.0.0.10", False),
        ("http://127x0x0x1", False),
        ("ftp://localhost", False),
        ("llm.ai-nebula.com", False),
    ],
)
def test_a_key_goes_in_clear_to_this_machine_alone(url: str, is_taken: bool) -> None:
    """Neither a deployment nor a function accepts another address."""
    pattern = read_template(ROOT / "template.yaml")["Parameters"]["ImageApiUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) == is_taken
    if is_taken:
        assert read(RequestSettings, {**REQUEST, "IMAGE_API_URL": url}).image_api_url == url
    else:
        with pytest.raises(ValueError, match="IMAGE_API_URL must be an https:// address"):
            read(RequestSettings, {**REQUEST, "IMAGE_API_URL": url})


@pytest.mark.parametrize("style", ["contents", "contents_and_prompt", "flat"])
@pytest.mark.parametrize("response_format", ["b64_json", "url"])
def test_every_documented_choice_is_taken(style: str, response_format: str) -> None:
    settings = read(RequestSettings, {**REQUEST, "REQUEST_STYLE": style, "RESPONSE_FORMAT": response_format})
    assert (settings.request_style, settings.response_format) == (style, response_format)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("", Price(None, None)),
        ("0.039", Price(0.039, None)),
        ("0.039 USD", Price(0.039, "USD")),
        (" 1 CNY ", Price(1.0, "CNY")),
        ("0", Price(0.0, None)),
    ],
)
def test_a_price_is_unknown_unless_it_is_given(text: str, price: Price) -> None:
    assert read(RequestSettings, {**REQUEST, "PRICE_PER_IMAGE": text}).price_per_image == price


def test_folders_are_kept_apart_where_the_operator_says_so() -> None:
    for said, is_so in (("true", True), ("false", False)):
        assert read(UploadSettings, {**UPLOAD, "KEEP_FOLDERS_APART": said}).keep_folders_apart is is_so
    with pytest.raises(ValueError, match="KEEP_FOLDERS_APART must be true or false"):
        read(UploadSettings, {**UPLOAD, "KEEP_FOLDERS_APART": "yes"})
