"""The client of the image API: one call, once; what its answer means is told by `replies`."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import requests
from requests.auth import AuthBase

from darkroom import transport
from darkroom.blob import CHUNK_BYTES, Blob, File, Joined, room
from darkroom.context import Content, Context, Image, Question
from darkroom.encoding import Base64
from darkroom.errors import Ambiguous, Unavailable
from darkroom.ports import Prepared
from darkroom.reply import Reply
from darkroom.settings import RequestStyle

PATH = "/v1/images/generations"
CONNECT_SECONDS = 10
MOST_ANSWER_BYTES = 160_000_000  # far over any picture; a bound for hostile answers
SECRET_CHARACTERS = 16  # what is shorter is no key, and may stand in a picture's base64 by chance


class ImageApi:
    """`POST /v1/images/generations` at one address, in one style, within one deadline in seconds."""

    def __init__(
        self,
        url: str,
        key: Callable[[bool], str],
        *,
        response_format: str,
        style: RequestStyle,
        timeout: float,
    ) -> None:
        self._address = url.rstrip("/") + PATH
        self._key = key
        self._response_format = response_format
        self._style = style
        self._timeout = timeout
        self._key_is_stale = False

    def prepare(self, question: Question) -> Prepared:
        """All that can be done, and can fail, before a call is counted."""
        if room() < MOST_ANSWER_BYTES:
            raise Unavailable("aws", "there is too little room on the disk for an answer")
        key = self._key(self._key_is_stale)
        self._key_is_stale = False
        return Prepared(body(question, self._style, self._response_format), key)

    def distrust_key(self) -> None:
        """The provider refused the key: fetch it anew for the next call."""
        self._key_is_stale = True

    def ask(self, prepared: Prepared) -> Reply:
        """The raw reply, whatever it says. Raises Unavailable where nothing was sent, else Ambiguous."""
        sent = transport.Body(prepared.body)
        started = time.monotonic()
        try:
            with (
                transport.exchange(self._timeout) as session,
                session.post(
                    self._address,
                    data=sent,
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                    auth=_Bearer(prepared.key),
                    timeout=(CONNECT_SECONDS, self._timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                secret = Secret(prepared.key)
                content = _received(response, secret)
        except (requests.RequestException, OSError, Unavailable) as error:  # the disk may be full after all
            kind = type(error).__name__
            if not sent.was_taken:
                raise Unavailable("unreachable", f"no connection to the image API ({kind})") from error
            raise Ambiguous(f"the line to the image API broke after the request was sent ({kind})") from error
        headers = {name.lower(): secret.without(value) for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content, round(time.monotonic() - started, 3))


class _Bearer(AuthBase):
    """Set as `auth`, so that no .netrc takes its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Secret:
    """Takes a key out of a text in which an API quotes it.

    An API that refuses a key may quote it, and requesters read its words. It may spell any character of the key as
    JSON does (also JSON within JSON), as a URL does or as HTML does. A key of fewer than SECRET_CHARACTERS stays,
    because a picture's Base64 may hold it by chance.
    """

    _MASK = b"[key]"
    _MAX_SPELLING_BYTES = 14  # of one character: the longest is `\\\\\\\\u006e`
    _ESCAPES = re.compile(rb"[\\%&]")

    def __init__(self, key: str) -> None:
        self._key = key.encode() if len(key) >= SECRET_CHARACTERS else b""
        self._spelled = re.compile(b"".join(map(_spellings, self._key)))
        self._span = len(self._key) * self._MAX_SPELLING_BYTES

    def without(self, text: str) -> str:
        """The text without the key."""
        return b"".join(self.taken_out([text.encode(errors="surrogateescape")])).decode(errors="surrogateescape")

    def taken_out(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks without the key, also where it lies across their edges."""
        if not self._key:
            yield from chunks
            return
        left = b""
        for chunk in chunks:
            read = self._masked(left + chunk if left else chunk)
            whole = len(read) - self._begun(read)
            left = read[whole:]
            yield read[:whole]
        yield left

    def _masked(self, read: bytes) -> bytes:
        if self._ESCAPES.search(read):
            return self._spelled.sub(self._MASK, read)
        return read.replace(self._key, self._MASK)

    def _begun(self, read: bytes) -> int:
        """How many bytes at the end may be the beginning of a key."""
        if self._ESCAPES.search(read, max(0, len(read) - self._span)):
            return min(len(read), self._span)
        return next((length for length in range(len(self._key) - 1, 0, -1) if read.endswith(self._key[:length])), 0)


def _spellings(character: int) -> bytes:
    """A pattern of all the ways in which one ASCII character may be written."""
    digits = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{character:02x}")
    plain = re.escape(bytes([character]))
    return rb"(?:%b|\\{1,8}(?:u00%b|%b)|%%%b|&#(?:x0{0,4}%b|0{0,4}%d);)" % (
        plain, digits.encode(), plain, digits.encode(), digits.encode(), character,
    )  # fmt: skip


def _received(response: requests.Response, secret: Secret) -> File:
    """The answer, on disk as it is read."""
    content = File()
    for chunk in secret.taken_out(response.iter_content(CHUNK_BYTES)):
        content.append(chunk)
        if len(content) > MOST_ANSWER_BYTES:
            raise Ambiguous(f"the image API's answer is over {MOST_ANSWER_BYTES:,} bytes")
    return content


def body(question: Question, style: RequestStyle, response_format: str) -> Blob:
    """The request's JSON, whose pictures are encoded when they are read."""
    return Joined(_json(_document(question, style, response_format)))


def _document(question: Question, style: RequestStyle, response_format: str) -> dict[str, Any]:
    """The request, with images in it. Without picture and history every style sends `prompt` alone."""
    context = question.context
    document: dict[str, Any] = {
        "model": question.model,
        "response_format": response_format,
        **question.options,
    }
    if context.mode == "text_to_image" or style != "contents":
        document["prompt"] = context.instruction
    if context.mode == "text_to_image":
        return document
    if style == "flat":
        return document | _flat(context)
    return document | {"contents": [_content(content) for content in context.contents]}


def _flat(context: Context) -> dict[str, Any]:
    images = context.images
    if not images:
        return {}
    return {"image": images[0]} if len(images) == 1 else {"images": images}


def _content(content: Content) -> dict[str, Any]:
    parts: list[dict[str, object]] = [{"text": content.text}] if content.text else []
    parts += [{"image": image} for image in content.images]
    return {"role": content.role, "parts": parts}


def _json(value: object) -> Iterator[Blob]:
    """A document as JSON, in parts; an image in it is a data URI, which is made when it is read."""
    if isinstance(value, Image):
        yield from (f'"data:{value.media_type};base64,'.encode(), Base64(value.data), b'"')
    elif isinstance(value, dict):
        for position, (name, inner) in enumerate(value.items()):
            yield (", " if position else "{").encode() + json.dumps(name).encode() + b": "
            yield from _json(inner)
        yield b"}" if value else b"{}"
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield b", " if position else b"["
            yield from _json(inner)
        yield b"]" if value else b"[]"
    else:
        yield json.dumps(value, ensure_ascii=False).encode()
