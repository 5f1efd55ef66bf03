"""Reads the pictures of a call: those attached to the request, and those of its branch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from darkroom.domain.context import ApiLimits, Image, Remembered
from darkroom.domain.keys import STATE
from darkroom.domain.outcome import Picture, Source
from darkroom.domain.ports import Fetched, ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import NO_KEY_OF_ITS_OWN, Rejected, TooLarge, TooManyPixels, Undecodable, Unreadable
from darkroom.pictures import inspect, marking
from darkroom.pictures.decoding import MAX_FILE_BYTES
from darkroom.pictures.renditions import Renditions
from darkroom.streaming.blob import Blob

MAX_STATE_BYTES = 4_000_000  # the rest of the request is for pictures
SMALLER = "Make the picture smaller and upload it again."


class Gone(Rejected):
    """The picture that a turn builds on has changed, or is gone."""


class Reader:
    """Reads pictures from `objects` as they may be sent to an API with these limits."""

    def __init__(self, objects: ObjectStore, renditions: Renditions, limits: ApiLimits) -> None:
        self._objects = objects
        self._renditions = renditions
        self._limits = limits

    def attached(self, refs: Sequence[ImageRef]) -> list[tuple[Source, Image]]:
        """The request's own pictures. Raises Rejected, which names the faulty one as `images.<position>`."""
        return [self._attached(ref, f"images.{position}") for position, ref in enumerate(refs)]

    def older(
        self, wanted: Sequence[Remembered], state_beside: Picture | None = None
    ) -> list[tuple[Remembered, Image]]:
        """The branch's pictures that have not changed since the thread saw them.

        The instruction is about the newest result: if that is gone, raises Gone (`image_not_found`). `state_beside` is
        the picture whose stored state goes back to the API.
        """
        found = []
        for place in wanted:
            image = self._unchanged(place)
            if image:
                found.append((place, image._replace(state=self._state(place)) if place == state_beside else image))
            elif isinstance(place, Picture):
                raise _gone(place)
        return found

    def at_most(self, ref: ImageRef, image: Image, most_bytes: int) -> Image:
        """The picture, made smaller if it has more bytes. Raises Rejected."""
        with _at_fault(ref, "images"):
            if len(image.data) <= most_bytes:
                return image
            return self._renditions.of(ref, image.sha256, most_bytes)._replace(state=image.state)

    def _attached(self, ref: ImageRef, param: str) -> tuple[Source, Image]:
        with _at_fault(ref, param):
            found = self._objects.fetch(ref, most_bytes=MAX_FILE_BYTES)
            if found is None:
                hint = "Upload the picture before asking; if it is there, check bucket, key and version."
                message = f"there is no object s3://{ref.bucket}/{ref.key}"
                raise Rejected("image_not_found", message, hint=hint, param=param)
            image = self._sendable(ref, found)
        return Source(ref.bucket, ref.key, found.etag, found.sha256), image

    def _state(self, place: Remembered) -> Blob:
        """The state beside a picture; empty if it is gone, locked or too large. The history is then sent without it."""
        ref = ImageRef(place.bucket, place.key.rpartition("/")[0] + f"/{STATE}")
        try:
            found = self._objects.fetch(ref, most_bytes=MAX_STATE_BYTES)
        except (TooLarge, Unreadable):
            return b""
        return found.data if found else b""

    def _unchanged(self, place: Remembered) -> Image | None:
        ref = ImageRef(place.bucket, place.key)
        known = {place.etag: place.sha256} if isinstance(place, Source) else {}
        try:
            found = self._objects.fetch(ref, most_bytes=MAX_FILE_BYTES, known=known)
            if found is None or found.sha256 != place.sha256:
                return None
            return self._sendable(ref, found, result=place if isinstance(place, Picture) else None)
        except Unreadable as locked:
            if isinstance(place, Picture):
                raise _locked(ref, "parent_turn") from locked
            return None
        except (TooLarge, Undecodable, TooManyPixels):
            return None

    def _sendable(self, ref: ImageRef, found: Fetched, *, result: Picture | None = None) -> Image:
        """The picture as it may leave the account and as the API takes it. Its pixels stay unchanged if possible.

        Darkroom's mark is removed. A result's turn says whether it has one, because the API may write the same bytes.
        """
        is_unmarked = result and not (result.provenance and result.provenance["mark"] == "written")
        data = found.data if is_unmarked else marking.unmarked(found.data)
        bare = inspect.bare(data, self._limits, is_result=result is not None)
        return Image(*bare, found.sha256) if bare else self._renditions.of(ref, found.sha256, self._limits.image_bytes)


@contextmanager
def _at_fault(ref: ImageRef, param: str) -> Iterator[None]:
    """Turn an error about the picture into Rejected, which names it."""
    name = f"s3://{ref.bucket}/{ref.key}"
    try:
        yield
    except Unreadable as error:
        raise _locked(ref, param) from error
    except TooLarge as error:
        raise Rejected("image_too_large", str(error), hint=SMALLER, param=param) from error
    except TooManyPixels as error:
        raise Rejected("image_too_large", f"{name}: {error}", hint=SMALLER, param=param) from error
    except Undecodable as error:
        hint = "Open it, save it as JPEG or PNG, and upload that."
        raise Rejected("unsupported_image", f"{name}: {error}", hint=hint, param=param) from error


def _locked(ref: ImageRef, param: str) -> Rejected:
    message = f"the picture s3://{ref.bucket}/{ref.key} is there, and may not be read"
    return Rejected("unreadable", message, hint=NO_KEY_OF_ITS_OWN, param=param)


def _gone(place: Picture) -> Gone:
    return Gone(
        "image_not_found",
        f"the picture that this turn builds on is gone: s3://{place.bucket}/{place.key}",
        hint="Ask again with a picture of its own, and the thread starts anew from that.",
        param="parent_turn",
    )
