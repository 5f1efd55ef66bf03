"""An outcome: the content of `result.json`, and of the turn's item in the table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from darkroom.errors import Code, Rejected

TEXT_CHARACTERS = 20_000
MESSAGE_CHARACTERS = 20_000  # a hundred faults, each with its field

DEFAULT_DIALECT = "nebula"  # of a turn, a call or a reply that names none: once it was the only one

Number = int | float
Usage = dict[str, Number | dict[str, Number]]  # of an API's tokens and the like, by its own names

Mode = Literal["text_to_image", "image_to_image", "conversation"]
Status = Literal["succeeded", "failed"]
WarningCode = Literal[
    "unchanged",  # a picture has the pixels of a source
    "single_colour",  # a picture is one colour all over
    "aspect_ratio",  # a picture has another shape than was asked for
    "repaired",  # the file of a picture was broken, and is repaired
    "unverified",  # it is unknown whether the picture is complete
    "draft",  # the answer ended before its final picture
    "unusual_answer",  # the picture was found in a place where answers have none
    "restarted",  # the thread's pictures are gone, so the request began anew
]


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that came with the request, as it was when it was read."""

    bucket: str
    key: str
    etag: str
    sha256: str


Mark = Literal[
    "written",  # Darkroom wrote the digital source type, and removes it before it sends the picture
    "off",  # the operator wants no marks
    "signed",  # the file holds a C2PA manifest, and any change would break its signature
    "there_already",  # the provider wrote a digital source type
    "other_xmp",  # the file has XMP without one, and a second packet would contradict it
    "other_format",  # neither PNG, JPEG nor WebP
    "unusual_file",  # its structure is not understood
]


class Provenance(TypedDict):  # making a dataclass costs each cold start
    """The file's own statements of how the picture was made, null if they are unknown; and Darkroom's own mark."""

    c2pa: bool | None
    digital_source_type: str | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was made; `bytes` is its length, `width` and `height` are pixels.

    Earlier releases wrote no `provenance`.
    """

    bucket: str
    key: str
    media_type: str
    bytes: int
    width: int
    height: int
    sha256: str
    primary: bool
    provenance: Provenance | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason for having no picture, for the person who asked."""

    code: Code
    message: str
    retryable: bool
    hint: str | None
    param: str | None


@dataclass(frozen=True, slots=True)
class Caution:
    """One of `warnings`: a person should look at it before they rely on the pictures."""

    code: WarningCode
    message: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls, and pictures of calls, that were or may have been paid; the amount is None where the price is unknown."""

    paid_calls: int
    amount: float | None
    currency: str | None
    images: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """Times are ISO 8601 in UTC. `api_seconds` is the duration of the answered call."""

    requested_at: str
    started_at: str | None
    finished_at: str
    api_seconds: float | None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The upload that could not become a request; the entity tag is without quotes."""

    bucket: str
    key: str
    etag: str
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One `result.json`. A request that took no turn has `turn` None, and says where it came from."""

    schema_version: Literal[1]
    status: Status
    thread_id: str | None
    turn: int | None
    parent_turn: int | None
    request_id: str | None
    instruction: str | None
    model: str | None
    options: dict[str, Any]
    mode: Mode | None
    sources: list[Source]
    images: list[Picture]
    text: str | None
    error: Failure | None
    cost: Cost
    timing: Timing
    attempts: int
    provider_request_id: str | None
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: list[Caution] = field(default_factory=list)
    body: str | None = None
    upload: Uploaded | None = None
    dialect: str = DEFAULT_DIALECT
    repairs: int | None = None
    usage: Usage | None = None
    has_state: bool = False

    def as_document(self) -> dict[str, Any]:
        """The content of `result.json`.

        `body` is there only if a message was refused, `upload` if an upload was, `repairs` if a turn was judged again,
        and `usage` if the answer stated it.

        Only the turn's item has `dialect` and `has_state`. The next turn inherits model and options only within a
        dialect. `has_state` says that the API's state lies beside the pictures, and goes back with the next turn.
        """
        unsaid = (name for name in ("body", "upload", "repairs", "usage") if getattr(self, name) is None)
        absent = {"dialect", "has_state", *unsaid}
        return {name: value for name, value in asdict(self).items() if name not in absent}

    @property
    def primary(self) -> Picture | None:
        """The picture that the next turn sees."""
        return next((picture for picture in self.images if picture.primary), None)


def from_document(document: Mapping[str, Any]) -> Outcome:
    """The outcome in a document. Unknown keys of the outcome and of its pictures are ignored."""
    known = {name: document[name] for name in Outcome.__dataclass_fields__ if name in document}
    error, upload = document.get("error"), document.get("upload")
    return Outcome(
        **known
        | {
            "sources": [Source(**source) for source in document["sources"]],
            "images": [_picture(picture) for picture in document["images"]],
            "error": Failure(**error) if error else None,
            "cost": _cost(document["cost"]),
            "timing": Timing(**document["timing"] | {"api_seconds": _float(document["timing"]["api_seconds"])}),
            "upload": Uploaded(**upload) if upload else None,
            "warnings": [Caution(**each) for each in document.get("warnings", ())],
        }
    )


def _cost(document: Mapping[str, Any]) -> Cost:
    """The cost. Earlier releases wrote no `images`: each of their calls was paid for one."""
    calls = document["paid_calls"]
    return Cost(calls, _float(document["amount"]), document["currency"], document.get("images", calls))


def _picture(document: Mapping[str, Any]) -> Picture:
    return Picture(**{name: document[name] for name in Picture.__dataclass_fields__ if name in document})


def _float(number: float | None) -> float | None:
    """The number as a float. The table returns a whole one as an integer."""
    return None if number is None else float(number)


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# The same words may succeed another time, and nothing in them is at fault. Not `no_image`: it was charged.
_RETRYABLE: frozenset[Code] = frozenset(
    ("provider_unavailable", "budget_exhausted", "outcome_unknown", "internal_error")
)


def failure(rejection: Rejected) -> Failure:
    """The rejection as the `error` of an outcome."""
    return Failure(
        code=rejection.code,
        message=rejection.message[:MESSAGE_CHARACTERS],
        retryable=rejection.code in _RETRYABLE,
        hint=rejection.hint,
        param=rejection.param,
    )


def refusal(
    rejection: Rejected, *, timing: Timing, attempts: int, body: str | None = None, upload: Uploaded | None = None
) -> Outcome:
    """The outcome of a message or an upload that took no turn. Only its error is known."""
    return Outcome(
        schema_version=1, status="failed", thread_id=None, turn=None, parent_turn=None, request_id=None,
        instruction=None, model=None, options={}, mode=None, sources=[], images=[], text=None,
        error=failure(rejection), cost=Cost(0, None, None), timing=timing, attempts=attempts,
        provider_request_id=None, body=body, upload=upload,
    )  # fmt: skip
