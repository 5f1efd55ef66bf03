"""A call to the image API in the stand-in's own terms. Every dialect translates its calls into it."""

import json
from dataclasses import dataclass
from typing import Any

from local.image_api.answers import Rejected
from local.image_api.picture import Picture


@dataclass(frozen=True)
class Turn:
    role: str
    parts: tuple[str | Picture, ...]

    @property
    def text(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.parts if isinstance(part, Picture))


@dataclass(frozen=True)
class Generation:
    """A valid call. `images` holds the pictures of an API that takes a prompt and no turns."""

    model: str
    prompt: str
    turns: tuple[Turn, ...]
    images: tuple[Picture, ...]
    response_format: str
    options: dict[str, Any]

    @property
    def instruction(self) -> str:
        return (self.turns[-1].text if self.turns else "") or self.prompt

    @property
    def newest_picture(self) -> Picture | None:
        pictures = [picture for turn in self.turns for picture in turn.pictures] + list(self.images)
        return pictures[-1] if pictures else None

    @property
    def model_showed_a_picture(self) -> bool:
        return any(turn.pictures for turn in self.turns if turn.role == "model")


def parsed(body: bytes) -> dict[str, Any]:
    try:
        call = json.loads(body)
    except ValueError as error:
        raise Rejected(f"the body is not JSON: {error}") from error
    if not isinstance(call, dict):
        raise Rejected("the body must be a JSON object")
    return call
