"""A second definition of a request's form, as pydantic models.

The published schema is made from them, and `test_request_schema` compares the reader of requests with them.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from darkroom.domain import keys
from darkroom.domain.request_schema import (
    INSTRUCTION_CHARACTERS,
    KEY_BYTES,
    MAX_IMAGES,
    MAX_TURNS,
    can_be_seen,
)

RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ImageObject(BaseModel):
    """A picture in the uploads or the results bucket."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)]
    key: Annotated[str, StringConstraints(min_length=1, max_length=KEY_BYTES)]
    version_id: Annotated[str, StringConstraints(min_length=1, max_length=KEY_BYTES)] | None = None


class Options(BaseModel):
    """The options that are passed to the image API unchanged."""

    model_config = ConfigDict(extra="forbid", strict=True)

    size: Word | None = None
    aspect_ratio: Word | None = None
    quality: Word | None = None
    image_size: Word | None = None
    n: Annotated[int, Field(ge=1, le=4)] | None = None
    mime_type: Literal["image/png", "image/jpeg"] | None = None
    response_modalities: Word | Annotated[list[Word], Field(min_length=1, max_length=4)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None


def _image_object(value: object) -> object:
    if not isinstance(value, str):
        return value
    bucket, slash, key = value.removeprefix("s3://").partition("/")
    if not value.startswith("s3://") or not slash:
        raise ValueError("must be an `s3://bucket/key` URI")
    return {"bucket": bucket, "key": key}


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _thread_id(value: object) -> object:
    return keys.thread_id(value) if isinstance(value, str) else value


def _seen(value: str) -> str:
    if not can_be_seen(value):
        raise ValueError("nothing of it can be seen")
    return value


S3Uri = Annotated[str, Field(pattern="^s3://[^/]+/.+$")]
Image = Annotated[ImageObject, BeforeValidator(_image_object, json_schema_input_type=ImageObject | S3Uri)]
ImageList = Annotated[list[Image], Field(max_length=MAX_IMAGES)]
Images = Annotated[ImageList, BeforeValidator(_listed, json_schema_input_type=ImageList | S3Uri)]


class Asking(BaseModel):
    """The fields of every request, from any source."""

    model_config = ConfigDict(extra="forbid", strict=True)

    instruction: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=INSTRUCTION_CHARACTERS),
        AfterValidator(_seen),
    ]
    thread_id: Annotated[str, BeforeValidator(_thread_id), Field(min_length=1, max_length=256)] | None = None
    images: Images | None = None
    parent_turn: Annotated[int, Field(ge=0, le=MAX_TURNS)] | None = None
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
