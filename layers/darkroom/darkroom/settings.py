"""Settings: each function's environment as one type, checked when it is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Choice = TypeVar("Choice", bound=str)
RequestStyle = Literal["contents", "contents_and_prompt", "flat"]
LONGEST_CALL_SECONDS = 780  # what the function's 900 s leave, less the time to save


@dataclass(frozen=True, slots=True)
class Price:
    """What one paid call costs; None where nobody said."""

    amount: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """What `on_upload` is told by its environment."""

    uploads_bucket: str
    results_bucket: str
    threads_table: str
    requests_queue_url: str
    upload_events_queue_url: str
    batches_queue_url: str
    default_instruction: str
    pairing_grace_seconds: int
    maximum_concurrency: int


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """What `on_request` is told by its environment."""

    uploads_bucket: str
    results_bucket: str
    spool_bucket: str
    threads_table: str
    requests_queue_url: str
    requests_dead_letter_queue_url: str
    probes_queue_url: str
    picture_function: str
    image_api_key_secret_arn: str
    image_api_url: str
    image_model: str
    image_api_timeout_seconds: int
    response_format: Literal["b64_json", "url"]
    request_style: RequestStyle
    max_context_images: int
    max_request_megabytes: int
    max_paid_calls: int
    daily_call_limit: int
    max_turns_per_thread: int
    give_up_after_seconds: int
    price_per_image: Price


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What `on_picture` is told by its environment."""

    spool_bucket: str


def upload_settings(environ: Mapping[str, str]) -> UploadSettings:
    """Raises ValueError with the name of the first variable that is missing or wrong."""
    return UploadSettings(
        uploads_bucket=_text(environ, "UPLOADS_BUCKET"),
        results_bucket=_text(environ, "RESULTS_BUCKET"),
        threads_table=_text(environ, "THREADS_TABLE"),
        requests_queue_url=_text(environ, "REQUESTS_QUEUE_URL"),
        upload_events_queue_url=_text(environ, "UPLOAD_EVENTS_QUEUE_URL"),
        batches_queue_url=_text(environ, "BATCHES_QUEUE_URL"),
        default_instruction=environ.get("DEFAULT_INSTRUCTION", "").strip(),
        pairing_grace_seconds=_whole(environ, "PAIRING_GRACE_SECONDS", 0, 43_200),
        maximum_concurrency=_whole(environ, "MAXIMUM_CONCURRENCY", 2, 1000),
    )


def request_settings(environ: Mapping[str, str]) -> RequestSettings:
    """Raises ValueError with the name of the first variable that is missing or wrong."""
    return RequestSettings(
        uploads_bucket=_text(environ, "UPLOADS_BUCKET"),
        results_bucket=_text(environ, "RESULTS_BUCKET"),
        spool_bucket=_text(environ, "SPOOL_BUCKET"),
        threads_table=_text(environ, "THREADS_TABLE"),
        requests_queue_url=_text(environ, "REQUESTS_QUEUE_URL"),
        requests_dead_letter_queue_url=_text(environ, "REQUESTS_DEAD_LETTER_QUEUE_URL"),
        probes_queue_url=_text(environ, "PROBES_QUEUE_URL"),
        picture_function=_text(environ, "PICTURE_FUNCTION"),
        image_api_key_secret_arn=_text(environ, "IMAGE_API_KEY_SECRET_ARN"),
        image_api_url=_text(environ, "IMAGE_API_URL").rstrip("/"),
        image_model=_text(environ, "IMAGE_MODEL"),
        image_api_timeout_seconds=_whole(environ, "IMAGE_API_TIMEOUT_SECONDS", 1, LONGEST_CALL_SECONDS),
        response_format=_one_of(environ, "RESPONSE_FORMAT", ("b64_json", "url")),
        request_style=_one_of(environ, "REQUEST_STYLE", ("contents", "contents_and_prompt", "flat")),
        max_context_images=_whole(environ, "MAX_CONTEXT_IMAGES", 0, 14),
        max_request_megabytes=_whole(environ, "MAX_REQUEST_MEGABYTES", 1, 100),
        max_paid_calls=_whole(environ, "MAX_PAID_CALLS", 1, 10),
        daily_call_limit=_whole(environ, "DAILY_CALL_LIMIT", 0, 10**9),
        max_turns_per_thread=_whole(environ, "MAX_TURNS_PER_THREAD", 1, 99_999),
        give_up_after_seconds=_whole(environ, "GIVE_UP_AFTER_SECONDS", 0, 172_800),
        price_per_image=price(environ.get("PRICE_PER_IMAGE", "")),
    )


def picture_settings(environ: Mapping[str, str]) -> PictureSettings:
    """Raises ValueError with the name of the first variable that is missing or wrong."""
    return PictureSettings(spool_bucket=_text(environ, "SPOOL_BUCKET"))


def _text(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name, "").strip():
        return value
    raise ValueError(f"{name} is not set")


def _whole(environ: Mapping[str, str], name: str, least: int, most: int) -> int:
    text = _text(environ, name)
    if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, and is {text!r}")
    return int(text)


def _one_of(environ: Mapping[str, str], name: str, values: tuple[Choice, ...]) -> Choice:
    text = _text(environ, name)
    for value in values:
        if value == text:
            return value
    raise ValueError(f"{name} must be one of {', '.join(values)}, and is {text!r}")


def price(text: str) -> Price:
    """`0.039` or `0.039 USD`; empty is unknown."""
    if not text.strip():
        return Price()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?: ([A-Z]{3}))?", text.strip())
    if not found:
        raise ValueError(f"PRICE_PER_IMAGE must be a number, with or without a currency (`0.039 USD`), and is {text!r}")
    return Price(float(found[1]), found[2])
