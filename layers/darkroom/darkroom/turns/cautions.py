"""Warnings about results that a person should look at. Each comes from a cheap check."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from darkroom.domain.context import Image
from darkroom.domain.outcome import Caution, Source
from darkroom.pictures import strip_metadata
from darkroom.pictures.inspect import Inspected
from darkroom.streaming.blob import sha256

# A shape as options write it: 16:9, 1024x1024.
_SHAPE = r"\s*(\d{1,5}(?:\.\d{1,3})?)\s*[:xX×*/]\s*(\d{1,5}(?:\.\d{1,3})?)\s*"
_SAME_SHAPE = 0.05  # models make 16:9 of 1344 x 768, and 5:4 of 1152 x 896
_MAX_REMARK_BYTES = 100_000  # that an API may add to an unchanged picture


class Asked(NamedTuple):
    """The call behind some results: its options, the request's own pictures, and all pictures as they were sent.

    `sent` is empty if the answer was found in the spool. `has_source`: this turn, or one before it, has a person's
    picture.
    """

    options: Mapping[str, Any] = {}
    sources: Sequence[Source] = ()
    sent: Sequence[Image] = ()
    has_source: bool = False


def of(name: str, picture: Inspected, asked: Asked, *, is_unverified: bool) -> Iterator[Caution]:
    """The warnings about the picture with this name."""
    if picture.is_repaired:
        yield Caution("repaired", f"the file of {name} was broken, and is repaired; its pixels are unchanged")
    if is_unverified:
        yield Caution("unverified", f"it is unknown whether {name} is complete")
    if picture.is_single_colour:
        yield Caution("single_colour", f"{name} is one colour all over")
    if _is_unchanged(picture, asked):
        yield Caution("unchanged", f"{name} has the same pixels as a picture that was sent")
    if other := _other_shape(picture, asked.options):
        yield Caution("aspect_ratio", f"{name} is {picture.facts.width} x {picture.facts.height}, and {other}")


def _is_unchanged(picture: Inspected, asked: Asked) -> bool:
    """Whether the picture has the pixels of one that was sent. No picture is decoded to compare them.

    Only files of about the same length are compared. If the sent pictures are unknown, the hash recognises a source
    that comes back byte for byte.
    """
    if not asked.sent:
        return bool(asked.sources) and sha256(picture.data) in {source.sha256 for source in asked.sources}
    return any(
        image.media_type == picture.facts.media_type
        and abs(len(image.data) - len(picture.data)) <= _MAX_REMARK_BYTES
        and strip_metadata.have_same_pixels(picture.data, image.data)
        for image in asked.sent
    )


def _other_shape(picture: Inspected, options: Mapping[str, Any]) -> str | None:
    """The option that asked for another shape, in words."""
    for option in ("aspect_ratio", "size"):
        found = re.fullmatch(_SHAPE, str(options[option])) if option in options else None
        width, height = map(float, found.groups()) if found else (0.0, 0.0)
        if width and height:
            share = (picture.facts.width * height) / (picture.facts.height * width)
            is_other = max(share, 1 / share) > 1 + _SAME_SHAPE
            return f"{option} asked for {options[option]}" if is_other else None
    return None
