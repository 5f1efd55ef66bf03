"""Forms in which an image API may answer, derived from a principle and not from cases: a picture anywhere in JSON.

None of them is the documented form. Each is a function from the picture's bytes to a body and its media type.
"""

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

JSON, EVENTS, TEXT = "application/json", "text/event-stream", "text/plain; charset=utf-8"
Shape = Callable[[bytes], tuple[bytes, str]]


def _b64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _uri(picture: bytes) -> str:
    return f"data:image/png;base64,{_b64(picture)}"


def _json(document: Callable[[str], Any], of: Callable[[bytes], str] = _b64) -> Shape:
    """A document with the picture as a string in it."""
    return lambda picture: (json.dumps(document(of(picture)), ensure_ascii=False).encode(), JSON)


def _text(written: Callable[[str], str], media_type: str = TEXT) -> Shape:
    return lambda picture: (written(_b64(picture)).encode(), media_type)


def _events(*events: Callable[[str], Any], name: str = "", end: str = "data: [DONE]\n\n") -> Shape:
    def body(picture: bytes) -> tuple[bytes, str]:
        said = [f"{name}data: {json.dumps(event(_b64(picture)))}\n\n" for event in events]
        return ("".join(said) + end).encode(), EVENTS

    return body


def _lines_of_76(picture: bytes) -> str:
    return base64.encodebytes(picture).decode()


def _url_safe(picture: bytes) -> str:
    return base64.urlsafe_b64encode(picture).decode().rstrip("=")


def _zip(picture: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image_0.png", picture)
    return target.getvalue()


SHAPES: Mapping[str, Shape] = {
    "artifacts": _json(lambda b: {"artifacts": [{"base64": b, "finishReason": "SUCCESS", "seed": 7}]}),
    "predictions": _json(lambda b: {"predictions": [{"bytesBase64Encoded": b, "mimeType": "image/png"}]}),
    "generated images": _json(lambda b: {"generatedImages": [{"image": {"imageBytes": b}}]}),
    "media": _json(lambda b: {"success": True, "payload": {"media": [{"encoding": "base64", "value": b}]}}),
    "by name": _json(lambda b: {"files": {"cat.png": b}}),
    "by number": _json(lambda b: {"0": {"1": {"2": [[[b]]]}}}),
    "a list": _json(lambda b: [b]),
    "a list of lists": _json(lambda b: [[1, None], [["picture", b]]]),
    "a string": _json(lambda uri: uri, _uri),
    "pic": _json(lambda b: {"code": "0", "result_list": [{"pic": b}]}),
    "a task that is done": _json(
        lambda b: {"data": {"task_id": "t", "status": "succeed", "task_result": {"images": [{"b64": b}]}}}
    ),
    "output of addresses": _json(lambda uri: {"id": "p", "status": "succeeded", "output": [uri]}, _uri),
    "parts of another kind": _json(
        lambda uri: {"messages": [{"role": "assistant", "parts": [{"kind": "picture", "payload": uri}]}]}, _uri
    ),
    "content of another kind": _json(
        lambda b: {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b}}]}
    ),
    "wrapped three times": _json(lambda b: {"response": {"result": {"body": {"output": {"image": b}}}}}),
    "json in json": _json(lambda b: {"statusCode": 200, "body": json.dumps({"img": b})}),
    "json in json in json": _json(lambda b: {"body": json.dumps({"body": json.dumps([{"img": b}])})}),
    "xml in json": _json(lambda b: {"xml": f"<answer><image type='png'>{b}</image></answer>"}),
    "markdown somewhere": _json(lambda uri: {"log": [{"said": f"Done!\n\n![the cat]({uri})\n\nEnjoy."}]}, _uri),
    "html somewhere": _json(lambda uri: {"render": f'<figure><img class="x" src="{uri}"></figure>'}, _uri),
    "completion": _json(lambda uri: {"choices": [{"text": f"![]({uri})", "finish_reason": "stop"}]}, _uri),
    "lines of 76": _json(lambda b: {"picture": {"bytes_base64": b}}, _lines_of_76),
    "the other alphabet": _json(lambda b: {"picture": {"web_safe": b}}, _url_safe),
    "escaped slashes": lambda picture: (json.dumps({"shot": _b64(picture)}).replace("/", "\\/").encode(), JSON),
    "beside what was sent": _json(lambda b: {"request": {"seed": 1, "prompt": "a"}, "made": {"it": b}}),
    "beside a draft": _json(lambda b: {"steps": [{"is_partial": True, "img": _SMALL}, {"img": b}]}),
    "utf-16": lambda picture: (json.dumps({"img": _b64(picture)}).encode("utf-16"), JSON),
    "a byte order mark": lambda picture: (b"\xef\xbb\xbf" + json.dumps({"img": _b64(picture)}).encode(), JSON),
    "a long preamble": lambda picture: (b"\n \t" * 20_000 + json.dumps({"img": _b64(picture)}).encode(), JSON),
    "deep": lambda picture: (b'{"a":' * 30_000 + json.dumps(_b64(picture)).encode() + b"}" * 30_000, JSON),
    "a huge number": _text(lambda b: f'{{"seed": {"9" * 6000}, "img": "{b}"}}', JSON),
    "a comma too many": _text(lambda b: f'{{"img": "{b}",}}', JSON),
    "lines of json": _text(
        lambda b: f'{{"progress": 1}}\n{{"progress": 2}}\n{{"img": "{b}"}}\n', "application/x-ndjson"
    ),
    "a callback": _text(lambda b: f'callback({{"img": "{b}"}});', "application/javascript"),
    "a guard before json": _text(lambda b: f')]}}\',\n{{"img": "{b}"}}', JSON),
    "base64 alone": _text(lambda b: b),
    "a data uri alone": _text(lambda b: f"data:image/png;base64,{b}\n"),
    "the picture alone": lambda picture: (picture, "image/png"),
    "named events": _events(
        lambda _: {"step": 1}, lambda b: {"frame": {"pixels": b}}, name="event: update\nid: 7\nretry: 100\n"
    ),
    "events with drafts": _events(
        lambda _: {"type": "x.partial", "shot": _SMALL}, lambda b: {"type": "x.completed", "shot": b}, end=""
    ),
    "a response's events": _events(
        lambda _: {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
        lambda b: {
            "type": "response.completed",
            "response": {"output": [{"type": "image_generation_call", "result": b}]},
        },
        end="",
    ),
    "percent-encoded": _json(lambda b: {"img": quote(b, safe="")}),
    "a data uri, percent-encoded": _json(lambda uri: {"img": quote(uri, safe="")}, _uri),
    "base64 of base64": _json(lambda b: {"data": [{"b64_json": base64.b64encode(b.encode()).decode()}]}),
    "chunks": _json(lambda b: {"data": [{"b64_json": [b[at : at + 100] for at in range(0, len(b), 100)]}]}),
    "a buffer": lambda picture: (json.dumps({"img": {"type": "Buffer", "data": list(picture)}}).encode(), JSON),
    "an array of bytes": lambda picture: (json.dumps({"img": dict(enumerate(picture))}).encode(), JSON),
    "a gateway's": _json(lambda b: {"statusCode": 200, "isBase64Encoded": True, "body": b}),
    "a gateway's json": lambda picture: (
        json.dumps({"isBase64Encoded": True, "body": _b64(json.dumps({"img": _b64(picture)}).encode())}).encode(),
        JSON,
    ),
    "a name that stands twice": _text(lambda b: f'{{"images": ["{b}"], "images": []}}', JSON),
    "hexadecimal": lambda picture: (json.dumps({"img": picture.hex()}).encode(), JSON),
    "an archive": lambda picture: (_zip(picture), "application/zip"),
    "parts": lambda picture: (
        b"--b\r\nContent-Type: image/png\r\n\r\n" + picture + b"\r\n--b--\r\n",
        "multipart/mixed; boundary=b",
    ),
    "comments and json": lambda picture: (b": wait\n\n" * 50 + json.dumps({"img": _b64(picture)}).encode(), EVENTS),
}
_SMALL = (  # another picture, of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def compressed(body: bytes) -> bytes:
    """The same body for `Content-Encoding: gzip`."""
    return gzip.compress(body, mtime=0)
