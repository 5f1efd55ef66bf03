"""The client of the image API: one call, once; what its answer means is told by `replies`."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.auth import AuthBase

from darkroom import transport
from darkroom.context import Content, Context, Image, Question
from darkroom.errors import Ambiguous, Unavailable
from darkroom.ports import Prepared
from darkroom.reply import Reply
from darkroom.settings import RequestStyle

PATH = "/v1/images/generations"
CONNECT_SECONDS = 10
MOST_ANSWER_BYTES = 160_000_000  # far over any picture; a bound for hostile answers
CHUNK_BYTES = 1 << 18
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
        document = payload(question, self._style, self._response_format)
        key = self._key(self._key_is_stale)
        self._key_is_stale = False
        return Prepared(json.dumps(document, ensure_ascii=False).encode(), key)

    def distrust_key(self) -> None:
        """The provider refused the key: fetch it anew for the next call."""
        self._key_is_stale = True

    def ask(self, prepared: Prepared) -> Reply:
        """The raw reply, whatever it says. Raises Unavailable where nothing was sent, else Ambiguous."""
        body = transport.Body(prepared.body)
        started = time.monotonic()
        try:
            with (
                transport.exchange(self._timeout) as session,
                session.post(
                    self._address,
                    data=body,
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                    auth=_Bearer(prepared.key),
                    timeout=(CONNECT_SECONDS, self._timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _read(response)
        except (requests.RequestException, OSError) as error:
            kind = type(error).__name__
            if not body.was_taken:
                raise Unavailable("unreachable", f"no connection to the image API ({kind})") from error
            raise Ambiguous(f"the line to the image API broke after the request was sent ({kind})") from error
        if len(prepared.key) >= SECRET_CHARACTERS:
            # Some APIs quote the key that they refuse, and what they say is shown to whoever asked.
            content = content.replace(prepared.key.encode(), b"[key]")
        headers = {name.lower(): value.replace(prepared.key, "[key]") for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content, round(time.monotonic() - started, 3))


class _Bearer(AuthBase):
    """Set as `auth`, so that no .netrc takes its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        content += chunk
        if len(content) > MOST_ANSWER_BYTES:
            raise Ambiguous(f"the image API's answer is over {MOST_ANSWER_BYTES:,} bytes")
    return bytes(content)


def payload(question: Question, style: RequestStyle, response_format: str) -> dict[str, Any]:
    """The request's JSON. Without picture and history every style sends the documented `prompt` alone."""
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
    uris = [_data_uri(image) for image in context.images]
    if not uris:
        return {}
    return {"image": uris[0]} if len(uris) == 1 else {"images": uris}


def _content(content: Content) -> dict[str, Any]:
    parts: list[dict[str, str]] = [{"text": content.text}] if content.text else []
    parts += [{"image": _data_uri(image)} for image in content.images]
    return {"role": content.role, "parts": parts}


def _data_uri(image: Image) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
