"""Small samples for the unit tests: pictures, outcomes, replies, errors."""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PIL import Image as Pillow

from darkroom.domain.context import Image
from darkroom.domain.outcome import Cost, Failure, Outcome, Picture, Source, Timing
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Ambiguous, Rejected, Unavailable
from darkroom.providers.dialect import Answer
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.providers.dialects.nebula_reply import interpret
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import Blob
from darkroom.turns.input_images import Reader
from tests.fakes.objects import MemoryObjects, developed


def encoded(kind: str, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: Any) -> bytes:
    """A picture of one colour in one of Pillow's formats."""
    target = io.BytesIO()
    Pillow.new(mode, size, "teal" if mode in ("RGB", "RGBA") else 1).save(target, kind, **options)
    return target.getvalue()


def noise(kind: str, side: int = 40) -> bytes:
    """A square picture of noise, always the same: it hardly compresses, and its Base64 has every letter."""
    target = io.BytesIO()
    pixels = hashlib.shake_256(kind.encode()).digest(side * side * 3)
    Pillow.frombytes("RGB", (side, side), pixels).save(target, kind)
    return target.getvalue()


def opened(data: Blob) -> Pillow.Image:
    picture = Pillow.open(io.BytesIO(data[:]))
    picture.load()
    return picture


def pictures_in(answer: Answer) -> tuple[bytes | str, ...]:
    """An answer's pictures as bytes, and the addresses in it."""
    return tuple(made if isinstance(made, str) else made.decoded()[:] for made in answer.pictures)


def image(data: bytes = b"a picture") -> Image:
    return Image(data, "image/png", hashlib.sha256(data).hexdigest())


def source(key: str = "cat.jpg", sha256: str = "5" * 64) -> Source:
    return Source("uploads", key, "etag-of-" + key, sha256)


def picture(key: str = "image.png", sha256: str = "9" * 64, *, primary: bool = True) -> Picture:
    return Picture("results", key, "image/png", 1234, 8, 6, sha256, primary)


def turn(
    number: int,
    *,
    parent: int | None = None,
    sources: Sequence[Source] = (),
    images: Sequence[Picture] | None = None,
    text: str | None = None,
    instruction: str = "make it blue",
    failed: bool = False,
) -> Outcome:
    """A turn's outcome."""
    made = [picture(f"{number}/image.png", f"{number:064x}")] if images is None else list(images)
    return Outcome(
        schema_version=1,
        status="failed" if failed else "succeeded",
        thread_id="photos/cat",
        turn=number,
        parent_turn=parent,
        request_id=f"request-{number}",
        instruction=instruction,
        model="gemini-3.1-flash-image",
        options={},
        mode="conversation" if parent else "image_to_image",
        sources=list(sources),
        images=[] if failed else made,
        text=text,
        error=Failure("refused", "no", retryable=False, hint=None, param=None) if failed else None,
        cost=Cost(1, None, None),
        timing=Timing("2026-11-22T12:00:00.000Z", None, "2026-11-22T12:00:10.000Z", 9.8),
        attempts=1,
        provider_request_id=None,
    )


def reply(body: object = b"", status: int = 200, **headers: str) -> Reply:
    """A reply with this body, or with this document as JSON; `retry_after` stands for the header `retry-after`."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, 1.0)


def verdict(given: Reply) -> Answer | Rejected | Unavailable | Ambiguous:
    """The verdict of `judge` on a reply, raised or returned."""
    try:
        return interpret(given)
    except (Rejected, Unavailable, Ambiguous) as error:
        return error


def rejection(act: Callable[[], object]) -> Rejected:
    """The rejection that an act raises."""
    with pytest.raises(Rejected) as caught:
        act()
    return caught.value


def unavailability(act: Callable[[], object]) -> Unavailable:
    """The unavailability that an act raises."""
    with pytest.raises(Unavailable) as caught:
        act()
    return caught.value


def sent_of(data: bytes) -> Image:
    """The sent form of an attached picture with these bytes."""
    objects = MemoryObjects()
    objects.put("uploads", "a", data)
    ((_, sent),) = Reader(objects, developed(objects), NEBULA.limits).attached([ImageRef("uploads", "a")])
    return sent._replace(data=sent.data[:])
