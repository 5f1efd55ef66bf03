"""The form of a request: what its fields may hold, in a message, a file or a line; each fault in our words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo

from darkroom import naming
from darkroom.errors import FieldFault, invalid

INSTRUCTION_CHARACTERS = 8000
MOST_IMAGES = 14
MOST_TURNS = 99_999  # a turn's number has five digits in a key
KEY_BYTES = 1024

RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


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


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a file of requests lies: `path` is its key up to and with the last slash. Relative keys begin here."""

    bucket: str
    path: str

    def object(self, key: str) -> dict[str, str]:
        """The object that a relative key names. Raises ValueError with a sentence that says what is wrong."""
        if key.startswith("/") or "://" in key:
            raise ValueError("must be an `s3://bucket/key` URI, or a key relative to the file's own folder (`cat.jpg`)")
        segments = self.path.split("/")[:-1]
        for segment in key.split("/"):
            if segment == ".." and not segments:
                raise ValueError("leads out of the bucket: there are fewer folders above the file than `../` say")
            if segment == "..":
                segments.pop()
            elif segment != ".":
                segments.append(segment)
        if key.rpartition("/")[2] in ("", ".", ".."):
            raise ValueError("must name a picture, not a folder")
        return {"bucket": self.bucket, "key": "/".join(segments)}


def _image_object(value: object, info: ValidationInfo) -> object:
    """An `s3://bucket/key` URI, or a key relative to a file's folder, as the object it names: raw, never decoded."""
    if not isinstance(value, str):
        return value
    if isinstance(info.context, Folder) and not value.startswith("s3://"):
        return info.context.object(value)
    bucket, slash, key = value.removeprefix("s3://").partition("/")
    if not value.startswith("s3://") or not slash:
        raise ValueError("must be an `s3://bucket/key` URI; upload the picture to the uploads bucket first")
    return {"bucket": bucket, "key": key}


def _thread_id(value: object) -> object:
    return naming.thread_id(value) if isinstance(value, str) else value


S3Uri = Annotated[str, Field(pattern="^s3://[^/]+/.+$")]
Image = Annotated[ImageObject, BeforeValidator(_image_object, json_schema_input_type=ImageObject | S3Uri)]


class Asking(BaseModel):
    """What every request may say, wherever it comes from."""

    model_config = ConfigDict(extra="forbid", strict=True)

    instruction: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=INSTRUCTION_CHARACTERS)
    ]
    thread_id: Annotated[str, BeforeValidator(_thread_id), Field(min_length=1, max_length=256)] | None = None
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


class Body(Asking):
    """The body of a message to `RequestsQueue`."""

    model_config = ConfigDict(title="Darkroom request")

    request_id: RequestId | None = None


class Line(Asking):
    """A line of a batch file."""

    model_config = ConfigDict(title="Darkroom batch line")

    custom_id: RequestId


Form = TypeVar("Form", bound=Asking)


def validated(form: type[Form], document: object, folder: Folder | None, remedy: str) -> Form:
    """The document in its form; pictures may lie relative to the `folder`. Raises Rejected, every fault named."""
    try:
        return form.model_validate(document, context=folder)
    except ValidationError as error:
        raise invalid([_fault(detail) for detail in error.errors()], remedy) from error


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
