"""Settings: each function's environment as one type, checked when it is read.

The environment variable is the setting's name in capitals. The annotation parses its text.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, NamedTuple, TypeVar, get_args, get_type_hints

from darkroom.domain import price
from darkroom.domain.price import Price
from darkroom.domain.timing import MAX_CALL_SECONDS
from darkroom.providers.dialect import RequestStyle, ResponseFormat
from darkroom.providers.dialect_table import NAMES

ADDRESS = r"https://[^\s]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/[^\s]*)?"  # the template has the same pattern

Kind = TypeVar("Kind")
Take = Callable[[str, str], object]


def required(name: str, text: str) -> str:
    """The text, which must not be empty."""
    if not text:
        raise ValueError(f"{name} is not set")
    return text


def address(name: str, text: str) -> str:
    """An address that a key may be sent to: over TLS, or on this machine."""
    if not re.fullmatch(ADDRESS, required(name, text)):
        raise ValueError(f"{name} must be an https:// address; http:// is for 127.0.0.1 and localhost alone")
    return text.rstrip("/")


def whole(least: int, most: int) -> Take:
    """A whole number within bounds."""

    def take(name: str, text: str) -> int:
        if not re.fullmatch(r"\d{1,10}", required(name, text)) or not least <= int(text) <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}, and is {text!r}")
        return int(text)

    return take


def optional_address(name: str, text: str) -> str:
    """The same, or none."""
    return address(name, text) if text else ""


def one_of(known: Collection[str]) -> Take:
    """One of these."""

    def take(name: str, text: str) -> str:
        if required(name, text) not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, and is {text!r}")
        return text

    return take


def flag(name: str, text: str) -> bool:
    """True or false."""
    if required(name, text) not in ("true", "false"):
        raise ValueError(f"{name} must be true or false, and is {text!r}")
    return text == "true"


Text = Annotated[str, required]
OptionalText = Annotated[str, lambda _, text: text]
OptionalAddress = Annotated[str, optional_address]


class UploadSettings(NamedTuple):
    """The environment of `on_upload`."""

    uploads_bucket: Text
    results_bucket: Text
    threads_table: Text
    requests_queue_url: Text
    upload_events_queue_url: Text
    batches_queue_url: Text
    default_instruction: OptionalText
    pairing_grace_seconds: Annotated[int, whole(0, 43_200)]
    maximum_concurrency: Annotated[int, whole(2, 1000)]
    keep_folders_apart: Annotated[bool, flag]
    image_api_dialect: Annotated[str, one_of(NAMES)]


class RequestSettings(NamedTuple):
    """The environment of `on_request`."""

    uploads_bucket: Text
    results_bucket: Text
    spool_bucket: Text
    threads_table: Text
    requests_queue_url: Text
    requests_dead_letter_queue_url: Text
    probes_queue_url: Text
    picture_function: Text
    image_api_key_secret_arn: Text
    image_api_dialect: Annotated[str, one_of(NAMES)]
    image_api_url: OptionalAddress
    image_model: OptionalText
    image_api_timeout_seconds: Annotated[int, whole(1, MAX_CALL_SECONDS)]
    response_format: Annotated[ResponseFormat, one_of(get_args(ResponseFormat))]
    request_style: Annotated[RequestStyle, one_of(get_args(RequestStyle))]
    max_context_images: Annotated[int, whole(0, 14)]
    mark_results: Annotated[bool, flag]
    max_request_megabytes: Annotated[int, whole(1, 100)]
    max_paid_calls: Annotated[int, whole(1, 10)]
    daily_call_limit: Annotated[int, whole(0, 10**9)]
    max_turns_per_thread: Annotated[int, whole(1, 99_999)]
    give_up_after_seconds: Annotated[int, whole(0, 172_800)]
    price_per_image: Annotated[Price, lambda _, text: price.parsed(text)]


class PictureSettings(NamedTuple):
    """The environment of `on_picture`."""

    spool_bucket: Text


def read(kind: type[Kind], environ: Mapping[str, str]) -> Kind:
    """The settings of this kind. Raises ValueError with the first variable that is missing or wrong."""
    values = {}
    for setting, annotation in get_type_hints(kind, include_extras=True).items():
        (take,) = annotation.__metadata__
        values[setting] = take(setting.upper(), environ.get(setting.upper(), "").strip())
    return kind(**values)
