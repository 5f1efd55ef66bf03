"""A request: what a message asks for, validated; and every fault of one that asks for nothing clear."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from darkroom import naming
from darkroom.errors import FieldFault, Rejected, invalid

INSTRUCTION_CHARACTERS = 8000
MOST_IMAGES = 14
MOST_TURNS = 99_999  # a turn's number has five digits in a key
KEY_BYTES = 1024
ENVELOPES = 4  # SNS around EventBridge around … : more is no envelope but a puzzle

REMEDY = "Mend the fields that are named and send the message again; nothing was started or paid."

RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A picture by its place in S3; without a version, the newest one."""

    bucket: str
    key: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A validated request. `model` and `options` that are None are those of the turn that is answered."""

    thread_id: str
    request_id: str
    instruction: str
    images: tuple[ImageRef, ...] = ()
    parent_turn: int | None = None
    model: str | None = None
    options: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the canonical request: two requests with one id must agree in it."""
        canonical = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def body(self) -> str:
        """A message's body that asks for the very same, and names thread and id itself."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


class ImageObject(BaseModel):
    """A picture in the uploads or the results bucket."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)]
    key: Annotated[str, StringConstraints(min_length=1, max_length=KEY_BYTES)]
    version_id: Annotated[str, StringConstraints(min_length=1, max_length=KEY_BYTES)] | None = None


class Options(BaseModel):
    """What is passed on to the image API as it stands."""

    model_config = ConfigDict(extra="forbid", strict=True)

    size: Word | None = None
    aspect_ratio: Word | None = None
    quality: Word | None = None
    image_size: Word | None = None
    mime_type: Literal["image/png", "image/jpeg"] | None = None
    response_modalities: Word | Annotated[list[Word], Field(min_length=1, max_length=4)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None


def _image_object(value: object) -> object:
    """An `s3://bucket/key` URI as the object it names; the key is raw, never percent-decoded."""
    if not isinstance(value, str):
        return value
    bucket, slash, key = value.removeprefix("s3://").partition("/")
    if not value.startswith("s3://") or not slash:
        raise ValueError("must be an `s3://bucket/key` URI; upload the picture to the uploads bucket first")
    return {"bucket": bucket, "key": key}


def _thread_id(value: object) -> object:
    return naming.thread_id(value) if isinstance(value, str) else value


S3Uri = Annotated[str, Field(pattern="^s3://[^/]+/.+$")]
Image = Annotated[ImageObject, BeforeValidator(_image_object, json_schema_input_type=ImageObject | S3Uri)]


class Body(BaseModel):
    """The body of a message to `RequestsQueue`."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Darkroom request")

    instruction: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=INSTRUCTION_CHARACTERS)
    ]
    thread_id: Annotated[str, BeforeValidator(_thread_id), Field(min_length=1, max_length=256)] | None = None
    request_id: RequestId | None = None
    images: Annotated[list[Image], Field(max_length=MOST_IMAGES)] | None = None
    parent_turn: Annotated[int, Field(ge=0, le=MOST_TURNS)] | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    options: Options | None = None
    metadata: (
        Annotated[
            dict[
                Annotated[str, StringConstraints(min_length=1, max_length=64)],
                Annotated[str, StringConstraints(max_length=512)],
            ],
            Field(max_length=16),
        ]
        | None
    ) = None


def parse(body: str, *, group: str, message_id: str, buckets: Collection[str]) -> Request:
    """The request in a message's body. Raises Rejected, every fault named with its field."""
    document = _unwrapped(_json(body))
    try:
        valid = Body.model_validate(document)
    except ValidationError as error:
        raise invalid([_fault(detail) for detail in error.errors()], REMEDY) from error
    faults = _bucket_faults(valid, buckets)
    thread = valid.thread_id if valid.thread_id is not None else _thread_of_group(group, faults)
    if valid.thread_id is not None and group != (wanted := naming.message_group(thread)):
        faults.append(FieldFault("MessageGroupId", f"must be {wanted!r} for this thread, so that order can be kept"))
    if faults:
        raise invalid(faults, REMEDY)
    return Request(
        thread_id=thread,
        request_id=valid.request_id or message_id,
        instruction=valid.instruction,
        images=tuple(ImageRef(image.bucket, image.key, image.version_id) for image in valid.images or ()),
        parent_turn=valid.parent_turn,
        model=valid.model,
        options=None if valid.options is None else valid.options.model_dump(exclude_none=True),
        metadata=valid.metadata or {},
    )


@dataclass(frozen=True, slots=True)
class Recognised:
    """What of a body can be told though it has faults: so that whoever is told of them knows its own request."""

    thread_id: str | None = None
    request_id: str | None = None
    instruction: str | None = None
    metadata: Mapping[str, str] | None = None


def recognise(body: str) -> Recognised:
    """The fields of a faulty body that have no fault themselves."""
    try:
        document = _unwrapped(_json(body))
    except Rejected:
        return Recognised()
    return Recognised(**{name: _valid(document, name) for name in Recognised.__dataclass_fields__})


def _valid(document: Mapping[str, object], name: str) -> Any:
    try:
        return getattr(Body.model_validate({"instruction": "-", name: document.get(name)}), name)
    except ValidationError:
        return None


def _thread_of_group(group: str, faults: list[FieldFault]) -> str:
    try:
        return naming.thread_id(group)
    except ValueError as error:
        faults.append(FieldFault("thread_id", f"is not given, and the MessageGroupId in its place {error}"))
        return ""


def _bucket_faults(body: Body, buckets: Collection[str]) -> list[FieldFault]:
    allowed = " or ".join(sorted(buckets))
    faults = []
    for position, image in enumerate(body.images or ()):
        if image.bucket not in buckets:
            faults.append(FieldFault(f"images.{position}", f"must lie in {allowed}, not in another bucket"))
        if len(image.key.encode()) > KEY_BYTES:
            faults.append(FieldFault(f"images.{position}", f"has a key over {KEY_BYTES} bytes"))
    return faults


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _json(body: str) -> dict[str, object]:
    try:
        document = json.loads(body.removeprefix("\ufeff"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid([FieldFault("body", f"is not JSON ({error})"[:200])], REMEDY) from error
    if not isinstance(document, dict):
        raise invalid([FieldFault("body", 'must be a JSON object, as in {"instruction": "…"}')], REMEDY)
    return document


def _unwrapped(document: dict[str, object]) -> dict[str, object]:
    """The body inside the envelopes that SNS and EventBridge put around it."""
    for _ in range(ENVELOPES):
        if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
            document = _json(str(document["Message"]))
        elif "detail-type" in document and isinstance(detail := document.get("detail"), dict):
            document = detail
        else:
            break
    return document


_WORDING: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known key; remove it or mend its spelling",
    "string_type": "must be a string",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_unicode": "must be valid Unicode, but holds half of a surrogate pair",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entry",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
}


def _fault(detail: Mapping[str, Any]) -> FieldFault:
    """One of pydantic's errors in our words; its own where we have none."""
    field = ".".join(str(part) for part in detail["loc"] if "constrained-str" not in str(part) and part != "[key]")
    if detail["type"] == "value_error":
        return FieldFault(field, str(detail["ctx"]["error"]))
    if detail["type"] == "string_pattern_mismatch":
        return FieldFault(field, "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -")
    if (field, detail["type"]) in (("instruction", "missing"), ("instruction", "string_too_short")):
        return FieldFault(field, "is required: say in words what to make or to change")
    wording = _WORDING.get(detail["type"])
    return FieldFault(field or "body", wording.format(**detail.get("ctx", {})) if wording else detail["msg"])
