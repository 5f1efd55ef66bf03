"""What of a thread is sent with a request: the words of its branch, and a few of its pictures.

Pictures in order of weight: those attached now, the newest result, the branch's first source. A picture is
known by the SHA-256 of its bytes, and is sent once: where it is attached now, it is left out of the history.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from darkroom.domain.outcome import Mode, Outcome, Picture, Source
from darkroom.errors import Rejected
from darkroom.streaming.blob import Blob

DOCUMENT_BYTES = 16_384  # the request's other keys and values, generously
MIN_IMAGE_BYTES = 100_000  # a picture that is made smaller than this is worth nothing
PART_BYTES = 128  # a turn's or a part's keys, and the data URI's head
NOTHING_SAID = "(1 image)"  # a model turn must hold something, also where its picture is not sent again


Remembered = Picture | Source  # a picture of the branch, by its place


class ApiLimits(NamedTuple):
    """What an image API takes: the bytes and the pixels a side of one picture, its media types, and which share of
    the bytes that a picture takes in a request are its own (Base64 makes four of three).
    """

    image_bytes: int
    side: int
    media_types: tuple[str, ...]
    encoded_share: float


class Image(NamedTuple):
    """A picture as it is sent. `sha256` is that of the original, by which the thread knows it.

    `state` is what the API gave beside it and wants back, in its dialect's own form.
    """

    data: Blob
    media_type: str
    sha256: str
    state: Blob = b""


class Content(NamedTuple):
    """One turn of a conversation, as the API wants it."""

    role: Literal["user", "model"]
    text: str
    images: tuple[Image, ...] = ()


class Context(NamedTuple):
    """A whole conversation: the last content is the user's, and its text is the instruction."""

    contents: tuple[Content, ...]

    @property
    def instruction(self) -> str:
        """The words that are answered, verbatim."""
        return self.contents[-1].text

    @property
    def images(self) -> tuple[Image, ...]:
        """Every picture, in the order of the conversation."""
        return tuple(image for content in self.contents for image in content.images)

    @property
    def mode(self) -> Mode:
        """Which of the API's three calls this is."""
        if len(self.contents) > 1:
            return "conversation"
        return "image_to_image" if self.images else "text_to_image"

    def flattened(self) -> "Context":
        """One user turn with the newest picture of the history: the words that are answered, and no others."""
        *history, last = self.contents
        newest = [image for content in history for image in content.images][-1:]
        return Context((Content("user", last.text, (*newest, *last.images)),))


def remembered(branch: Sequence[Outcome], attached: Sequence[str], most: int) -> tuple[Remembered, ...]:
    """The older pictures that there is room for beside those attached now (their SHA-256), heaviest first."""
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
    """How many bytes each picture may have, so that pictures of these sizes and the words fit into one request.

    What is smaller leaves its room to the others. Raises Rejected where the words leave none.
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
    """The conversation with its pictures at their places; `older` are those that `remembered` named."""
    unplaced = dict(older)
    history = tuple(content for turn in branch for content in _exchange(turn, unplaced))
    once = tuple({image.sha256: image for image in attached}.values())
    return Context((*history, Content("user", instruction, once)))


def _exchange(turn: Outcome, unplaced: dict[Remembered, Image]) -> Iterator[Content]:
    """The user's and the model's part of a turn, with those pictures whose place it is."""
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
