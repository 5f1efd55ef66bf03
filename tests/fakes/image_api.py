"""The image API by a script, and its answers."""

import io
import json
from base64 import b64encode
from collections.abc import Callable

from PIL import Image

from darkroom.errors import Unavailable
from darkroom.providers.dialect import ApiCall, ApiRequest, PreparedCall
from darkroom.providers.reply import Reply

Scripted = Reply | Exception | BaseException | Callable[[ApiRequest], Reply]


class ScriptedApi:
    """The image API by a script: a reply or an error for each call, and the last one for ever. Counts the calls."""

    def __init__(self, *script: Scripted) -> None:
        self.script: list[Scripted] = list(script) or [made()]
        self.questions: list[ApiRequest] = []
        self.distrusted = 0
        self._prepared: list[ApiRequest] = []

    def prepare(self, request: ApiRequest) -> PreparedCall:
        self._prepared.append(request)
        return PreparedCall(ApiCall("/", "", str(len(self._prepared) - 1).encode()), "")

    def ask(self, prepared: PreparedCall) -> Reply:
        question = self._prepared[int(prepared.call.body[:])]
        self.questions.append(question)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, BaseException):
            raise said
        return said(question) if callable(said) else said

    def without_key(self, words: str) -> str:
        return words.replace("the-key", "[key]")

    def distrust_key(self) -> None:
        self.distrusted += 1


class MemoryFetcher:
    """The files at addresses."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Exception] = {}

    def fetch(self, url: str) -> bytes:
        page = self.pages.get(url, Unavailable("fetch", "nobody there"))
        if isinstance(page, Exception):
            raise page
        return page


def png(colour: str = "red", size: tuple[int, int] = (8, 6), kind: str = "PNG") -> bytes:
    """A small picture in this colour, except for one pixel."""
    target = io.BytesIO()
    picture = Image.new("RGB", size, colour)
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(target, kind)
    return target.getvalue()


def made(*pictures: bytes, text: str = "", seconds: float = 1.5) -> Reply:
    """The documented answer with these pictures."""
    items = [
        {"url": "", "b64_json": b64encode(picture).decode(), "revised_prompt": text} for picture in pictures or (png(),)
    ]
    return stated(200, {"code": 200, "msg": "操作成功", "data": {"data": items, "created": 1}}, seconds=seconds)


def stated(status: int, document: object, *, seconds: float = 0.1, **headers: str) -> Reply:
    """A JSON answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, json.dumps(document).encode(), seconds)
