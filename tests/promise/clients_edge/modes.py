"""The ways of a request that are swept: what was there before it, how it asks, and what the provider says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.promise.clients_edge.provider import Answer
from tests.promise.clients_edge.world import PHOTO, World

THREAD = "thread"
SOURCE = {"images": ["s3://uploads/photo.png"]}


@dataclass(frozen=True, slots=True)
class Mode:
    """`earlier` are the requests of the thread that have been answered with pictures before; `asked` is swept."""

    asked: Mapping[str, Any]
    earlier: Sequence[Mapping[str, Any]] = ()
    answers: Answer = "picture"
    is_busy_first: bool = False
    is_upload: bool = False
    code: str | None = None  # of the error that it ends with
    takes_a_turn: bool = True
    calls: int = 1  # that it needs, beside free ones

    @property
    def turns(self) -> int:
        """How many the thread has in the end."""
        return len(self.earlier) + int(self.takes_a_turn)

    def ask(self, world: World) -> str:
        """Sends the request that is swept; the message's id."""
        world.provider.answers, world.provider.is_busy = self.answers, self.is_busy_first
        if self.is_upload:
            return world.upload(f"{THREAD}.png", PHOTO, self.asked["instruction"])
        return world.ask(THREAD, self.asked)


MODES = {
    "text to image": Mode({"instruction": "a cat"}),
    "image to image, by an upload": Mode({"instruction": "at night"}, is_upload=True),
    "conversation": Mode({"instruction": "in snow"}, earlier=[{"instruction": "a house"} | SOURCE]),
    "branch": Mode(
        {"instruction": "by the sea", "parent_turn": 1}, earlier=[{"instruction": "a house"}, {"instruction": "red"}]
    ),
    "a picture at an address": Mode({"instruction": "a cat"}, answers="address"),
    "a refusal by the API, which was busy first": Mode(
        {"instruction": "a cat"}, answers="refusal", is_busy_first=True, code="refused"
    ),
    "a picture that is not there": Mode(
        {"instruction": "a cat", "images": ["s3://uploads/gone.png"]}, code="image_not_found", calls=0
    ),
    "an invalid request": Mode({"instructoin": "a cat"}, code="invalid_request", takes_a_turn=False, calls=0),
    "an id used again": Mode(
        {"instruction": "a dog", "request_id": "r"},
        earlier=[{"instruction": "a cat", "request_id": "r"}],
        code="request_id_reused",
        takes_a_turn=False,
        calls=0,
    ),
}
