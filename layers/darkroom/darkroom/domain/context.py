"""The part of a thread that is sent with a request: the words of its branch, and a few of its pictures.

Pictures are chosen in this order: those attached now, the newest result, the branch's first source. A picture is
identified by the SHA-256 of its bytes and sent once: the history leaves out a picture that is attached now.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from darkroom.domain.outcome import Mode, Outcome, Picture, Source
from darkroom.errors import Rejected
from darkroom.streaming.blob import Blob

DOCUMENT_BYTES = 16_384  # the request's other keys and values, generously
MIN_IMAGE_BYTES = 100_000  # a picture compressed below this is useless
PART_BYTES = 128  # a turn's or a part's keys, and the data URI's head
NOTHING_SAID = "(1 image)"  # a model turn must not be empty, even if its picture is not sent again


Remembered = Picture | Source  # a picture of the branch, by its place


class ApiLimits(NamedTuple):
    """The limits of an image API: the bytes and the pixels a side of one picture, and its media types.

    `encoded_share` is the fraction of a picture's bytes in a request that are its own: Base64 makes four of three.
    """

    image_bytes: int
    side: int
    media_types: tuple[str, ...]
    encoded_share: float


class Image(NamedTuple):
    """A picture as it is sent. `sha256` is the original's, which identifies it within the thread."""

    data: Blob
    media_type: str
    sha256: str


class Content(NamedTuple):
    """One turn of a conversation, in the shape of the API."""

    role: Literal["user", "model"]
    text: str
    images: tuple[Image, ...] = ()


class Context(NamedTuple):
    """A whole conversation: the last content is the user's, and its text is the instruction."""

    contents: tuple[Content, ...]

    @property
    def instruction(self) -> str:
        """The instruction to answer, verbatim."""
        return self.contents[-1].text

    @property
    def images(self) -> tuple[Image, ...]:
        """Every picture, in the order of the conversation."""
        return tuple(image for content in self.contents for image in content.images)

    @property
    def mode(self) -> Mode:
        """The one of the API's three kinds of call that this context needs."""
        if len(self.contents) > 1:
            return "conversation"
        return "image_to_image" if self.images else "text_to_image"


def remembered(branch: Sequence[Outcome], attached: Sequence[str], most: int) -> tuple[Remembered, ...]:
    """The older pictures that fit beside those attached now (given as SHA-256), most important first."""
    room = max(0, most - len(attached))
    seen = set(attached)
    chosen: list[Remembered] = []
    for candidate in _older(branch):
        if candidate.sha256 not in seen and len(chosen) < room:
            seen.add(candidate.sha256)
            chosen.append(candidate)
    return tuple(chosen)


def _older(branch: Sequence[Outcome]) -> Iterator[Remembered]:
    if branch and (newest := branch[-1].primary):
        yield newest
    for turn in branch:
        if turn.sources:
            yield turn.sources[0]
            break


def limit_each(
    branch: Sequence[Outcome], instruction: str, sizes: Sequence[int], request_bytes: int, limits: ApiLimits
) -> int:
    """The bytes that each picture may have, so that pictures of these sizes and the words fit into one request.

    A smaller picture leaves its unused bytes to the others. Raises Rejected if the words leave too little.
    """
    words = DOCUMENT_BYTES + sum(map(_text_bytes, _words(branch, instruction)))
    room = int((request_bytes - words - len(sizes) * (PART_BYTES + 4)) * limits.encoded_share)
    for position, size in enumerate(sorted(sizes)):
        share = room // (len(sizes) - position)
        if size > share:
            if share < MIN_IMAGE_BYTES:
                raise _too_large(request_bytes)
            return share - share % MIN_IMAGE_BYTES  # so that a rendition serves more than one turn
        room -= size
    return limits.image_bytes


def compose(
    branch: Sequence[Outcome],
    instruction: str,
    attached: Sequence[Image],
    older: Sequence[tuple[Remembered, Image]],
) -> Context:
    """The conversation with each picture at its place; `older` are the pictures that `remembered` chose."""
    unplaced = dict(older)
    history = tuple(content for turn in branch for content in _exchange(turn, unplaced))
    once = tuple({image.sha256: image for image in attached}.values())
    return Context((*history, Content("user", instruction, once)))


def _exchange(turn: Outcome, unplaced: dict[Remembered, Image]) -> Iterator[Content]:
    """The user's and the model's part of a turn, with the pictures that belong there."""
    yield Content("user", turn.instruction or "", _placed(turn.sources, unplaced))
    shown = _placed(turn.images, unplaced)
    yield Content("model", turn.text or ("" if shown else NOTHING_SAID), shown)


def _placed(places: Sequence[Remembered], unplaced: dict[Remembered, Image]) -> tuple[Image, ...]:
    return tuple(unplaced.pop(place) for place in places if place in unplaced)


def _too_large(request_bytes: int) -> Rejected:
    return Rejected(
        "image_too_large",
        f"pictures and words together are over the {request_bytes // 1_000_000} MB that one request may have",
        hint="Attach fewer pictures, or begin a new branch: the words of its newest turns are sent.",
        param="images",
    )


def _words(branch: Sequence[Outcome], instruction: str) -> Iterator[str]:
    for turn in branch:
        yield turn.instruction or ""
        yield turn.text or NOTHING_SAID
    yield instruction
    yield instruction  # a request style may repeat it as the prompt


def _text_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) + PART_BYTES
