"""Reading the pictures that go into a call: those attached to the request, and those of its branch."""

from collections.abc import Sequence

from darkroom import pictures
from darkroom.context import Image, Remembered
from darkroom.decoding import TooManyPixels, Undecodable
from darkroom.errors import Rejected, TooLarge
from darkroom.outcome import Picture, Source
from darkroom.ports import ObjectStore
from darkroom.request import ImageRef

MOST_BYTES = 100_000_000
SMALLER = "Make the picture smaller and upload it again."


def attached(objects: ObjectStore, refs: Sequence[ImageRef]) -> list[tuple[Source, Image]]:
    """The request's own pictures. Raises Rejected, naming the one at fault as `images.<position>`."""
    return [_attached(objects, ref, position) for position, ref in enumerate(refs)]


def older(objects: ObjectStore, wanted: Sequence[Remembered]) -> list[tuple[Remembered, Image]]:
    """The branch's pictures, where they are still what they were when the thread saw them.

    The newest result is what the instruction is about: where it is gone, Rejected (`image_not_found`).
    """
    found = []
    for place in wanted:
        image = _unchanged(objects, place)
        if image:
            found.append((place, image))
        elif isinstance(place, Picture):
            raise Rejected(
                "image_not_found",
                f"the picture that this turn builds on is gone: s3://{place.bucket}/{place.key}",
                hint="Attach a picture and name parent_turn 0 to start anew; by upload, give the photo another name.",
                param="parent_turn",
            )
    return found


def _attached(objects: ObjectStore, ref: ImageRef, position: int) -> tuple[Source, Image]:
    param, name = f"images.{position}", f"s3://{ref.bucket}/{ref.key}"
    try:
        stored = objects.read(ref, most_bytes=MOST_BYTES)
    except TooLarge as error:
        raise Rejected("image_too_large", str(error), hint=SMALLER, param=param) from error
    if stored is None:
        hint = "Upload the picture before asking; if it is there, check bucket, key and version."
        raise Rejected("image_not_found", f"there is no object {name}", hint=hint, param=param)
    try:
        facts = pictures.inspect(stored.data)
    except TooManyPixels as error:
        raise Rejected("image_too_large", f"{name}: {error}", hint=SMALLER, param=param) from error
    except Undecodable as error:
        hint = "Open it, save it as JPEG or PNG, and upload that."
        raise Rejected("unsupported_image", f"{name}: {error}", hint=hint, param=param) from error
    source = Source(ref.bucket, ref.key, stored.etag, facts.sha256)
    return source, pictures.sendable(stored.data, facts)


def _unchanged(objects: ObjectStore, place: Remembered) -> Image | None:
    try:
        stored = objects.read(ImageRef(place.bucket, place.key), most_bytes=MOST_BYTES)
        if stored is None:
            return None
        facts = pictures.inspect(stored.data)
    except (TooLarge, Undecodable, TooManyPixels):
        return None
    return pictures.sendable(stored.data, facts) if facts.sha256 == place.sha256 else None
