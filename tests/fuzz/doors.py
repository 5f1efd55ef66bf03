"""Every door for bytes from strangers, and the properties that hold for any bytes.

Tests and the fuzzer use the same doors. Only a door's own errors may leave it. An error can be written down as an
outcome, names its field, and quotes no key.
"""

import base64
import gzip
import io
import ipaddress
import json
import re
import socket
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import get_args
from urllib.parse import quote, quote_plus, urljoin, urlsplit

import jsonschema
from PIL import Image as Pillow

from darkroom.batches import csv_file, line_reader
from darkroom.batches.line_reader import Line, Place
from darkroom.domain import keys, outcome, request, request_file, request_schema, upload
from darkroom.domain.message import Message
from darkroom.domain.outcome import DEFAULT_DIALECT, Outcome, Timing
from darkroom.domain.price import Price
from darkroom.domain.request_schema import Folder
from darkroom.errors import Ambiguous, Fault, Rejected, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures import decoding, inspect, marking, normalize
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import ApiCall, DialectSettings, Encoded, PreparedCall
from darkroom.providers.dialect_table import DIALECTS, NAMES
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.providers.download import Fetcher, is_public
from darkroom.providers.reply import Reply
from darkroom.turns.outcome_builder import OutcomeBuilder
from darkroom.uploads import instruction_text, s3_notification
from tests.fakes import spoken
from tests.fakes.stack import rules
from tests.pictures.breaking import EVERY, with_split_pixels
from tests.pictures.making import photographed, saved, scene

ROOT = Path(__file__).parents[2]
MAX_SECONDS = 20.0  # of CPU, for a megabyte: quadratic work takes hours
MAX_METADATA_BYTES = 2048  # the limit of S3
S3_KEY_BYTES = 1024
GROUP = "campaign/bottle"
BUCKETS = ("my-uploads", "my-results")
PIECE = 4096
MAX_LINES_LOOKED_AT = 200
API_KEY = "sk-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
KEY_SHAPED = re.compile(r"(?i)\bsk-[\w.\-]{4,}")
NOWHERE = "10.0.0.1"
STATUSES = (200, 201, 302, 400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 504, 520, 524)


@dataclass(frozen=True)
class Door:
    """`enter` handles the bytes; `allowed` are the errors that may leave it."""

    name: str
    enter: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    seeds: Callable[[], Sequence[bytes]]


def checked(door: Door, data: bytes) -> object:
    """The result for the bytes, in bounded time. Raises an error for a broken promise."""
    started = time.process_time()
    try:
        said = door.enter(data)
    except door.allowed as error:
        said = error
    seconds = time.process_time() - started
    assert seconds < MAX_SECONDS, f"{seconds:.0f} s of CPU for {len(data):,} bytes"
    if isinstance(said, Rejected):
        assert_can_be_told(said)
    return said


def assert_can_be_told(rejected: Rejected) -> None:
    assert rejected.hint
    timing = Timing(outcome.timestamp(0), None, outcome.timestamp(0), None)
    assert_can_be_written(outcome.refusal(rejected, timing=timing, attempts=1))


def assert_can_be_written(told: Outcome) -> None:
    """Check that the outcome fits the published schema, UTF-8, and an item of the table."""
    written = json.dumps(told.as_document(), ensure_ascii=False).encode()
    assert len(written) < 200_000
    _schema().validate(json.loads(written))


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schemas/result.schema.json").read_text("utf-8")))


def forbid_deeds() -> None:
    """From now on this process starts no program, writes no file and connects to no other machine."""
    sys.addaudithook(_refuse_deeds)


def _refuse_deeds(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "exec.py"):
        raise SystemError(f"{event}: a program was to be started")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemError("a file was to be written")
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":  # type: ignore[index]
        raise SystemError("another machine was to be reached")


def _text(data: bytes) -> str:
    """Any text: bytes outside UTF-8 become halves of surrogate pairs, which JSON can express."""
    return data.decode(errors="surrogateescape")


# Messages, and the envelopes around them.


def _message(data: bytes) -> object:
    body = _text(data)
    try:
        return _requested(body)
    except Rejected as rejected:
        _assert_names_its_field(body, rejected)
        raise


def _assert_names_its_field(body: str, rejected: Rejected) -> None:
    assert rejected.code == "invalid_request"
    assert rejected.param
    assert rejected.message.startswith(rejected.param)
    message = Message("message-1", GROUP, body, "receipt", 0.0, 1)
    assert_can_be_written(
        OutcomeBuilder(Price(), lambda: 0.0, lambda _: NEBULA).refused(message, request.recognise(body), rejected)
    )


def _requested(body: str) -> request.Request:
    taken = request.parse(body, group=GROUP, message_id="message-1", rules=rules(*BUCKETS))
    assert 1 <= len(taken.instruction) <= request_schema.INSTRUCTION_CHARACTERS
    assert taken.thread_id == GROUP, "any other thread has another group"
    assert len(taken.fingerprint) == 64
    assert {image.bucket for image in taken.images} <= {"my-uploads", "my-results"}
    assert str(taken).encode()
    return taken


def _request_file(data: bytes) -> object:
    """A `.json` upload."""
    try:
        text = instruction_text.decoded(data, "body")
    except Rejected as rejected:
        assert rejected.param == "body"
        raise
    folder = Folder("my-uploads", "shop/spring/")
    taken = request_file.of_file(text, folder=folder, thread_id="shop/a", request_id="upload-1", rules=rules(*BUCKETS))
    _assert_is_self_contained(taken)
    return taken


def _batch_file(data: bytes) -> object:
    """A `.jsonl` upload: its lines hold all of it, wherever reading starts again."""
    found = list(line_reader.read(lambda offset: data[offset : offset + PIECE], Place()))
    assert (found[-1].after.offset if found else 0) - len(data) in (0, 1)
    for line in found[:MAX_LINES_LOOKED_AT]:
        first = next(line_reader.read(lambda offset: data[offset : offset + PIECE], line.after), None)
        assert first is None or first.after.number == line.after.number + 1
    return [_batch_line(line.data) for line in found[:MAX_LINES_LOOKED_AT] if line.data and not line.is_blank]


def _table(data: bytes) -> object:
    """A `.csv` upload: its rows hold all of it, wherever reading starts again."""

    def read(start: Place) -> Iterator[Line]:
        return csv_file.read(lambda offset: data[offset : offset + PIECE], start, rules().options)

    found = list(read(Place()))
    assert (found[-1].after.offset if found else len(data)) - len(data) in (0, 1)
    for row in found[:MAX_LINES_LOOKED_AT]:
        first = next(read(row.after), None)
        assert first is None or first.after.number == row.after.number + 1
        assert row.data is not None or row.fault.encode()
    return [_batch_line(row.data) for row in found[:MAX_LINES_LOOKED_AT] if row.data]


def _batch_line(line: bytes) -> object:
    try:
        taken = request_file.of_line(line, folder=Folder("my-uploads", ""), stem="spring", rules=rules(*BUCKETS))
    except Rejected as rejected:
        assert rejected.code == "invalid_request"
        assert rejected.param
        assert_can_be_told(rejected)
        assert str(request_file.custom_id(line)).encode()
        return rejected.message
    assert request_file.request_id_of(str(request_file.custom_id(line))) == taken.request_id
    _assert_is_self_contained(taken)
    return taken


def _assert_is_self_contained(taken: request.Request) -> None:
    """Check that its message asks for the same."""
    group = keys.message_group(taken.thread_id)
    assert request.parse(taken.body, group=group, message_id="m", rules=rules(*BUCKETS)) == taken
    assert len(taken.body.encode()) < 1 << 20, "SQS's own bound"


def _group(data: bytes) -> object:
    """A message without a thread: its group is the thread, whatever it is."""
    return request.parse('{"instruction": "-"}', group=_text(data), message_id="message-1", rules=rules())


# Uploads: announcements of S3, and keys that people make up.


def _announcement(data: bytes) -> object:
    arrived = s3_notification.announced(_text(data))
    for each in arrived:
        _assert_has_its_places(each)
    return arrived


def _key(data: bytes) -> object:
    key = data.decode(errors="replace") or "-"
    described = {"key": quote_plus(key), "eTag": '"abc"', "size": 5, "versionId": "v1", "sequencer": "0A"}
    record = {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-22T12:00:00Z",
              "s3": {"bucket": {"name": "uploads"}, "object": described}}  # fmt: skip
    (arrived,) = s3_notification.announced(json.dumps({"Records": [record]}))
    assert arrived.key == key
    _assert_has_its_places(arrived)
    return arrived.thread


def _assert_has_its_places(arrived: upload.Upload) -> None:
    assert arrived.kind in get_args(upload.Kind)
    assert outcome.timestamp(arrived.at).endswith("Z")
    assert keys.thread_id(arrived.thread) == arrived.thread
    assert re.fullmatch(keys.GROUP_CHARACTERS, keys.message_group(arrived.thread))
    places = (
        keys.turn_prefix(arrived.thread, request_schema.MAX_TURNS, "r" * 128) + "image-99.tiff",
        keys.rejected_upload_key(arrived.key, arrived.etag),
        keys.spool_key(arrived.thread, "r" * 128, 10),
    )
    assert all(len(place.encode()) <= S3_KEY_BYTES for place in places)
    assert all(len(key) <= len(arrived.key) + 20 for key in upload.folder_instructions(arrived.key[:S3_KEY_BYTES]))


def _text_file(data: bytes) -> object:
    try:
        said = instruction_text.of_text(data)
    except Rejected as rejected:
        assert rejected.param == "instruction"
        raise
    assert 1 <= len(said.encode().decode()) <= request_schema.INSTRUCTION_CHARACTERS
    return said


def _metadata(data: bytes) -> object:
    """Metadata as S3 may return it: as UTF-8, or with each byte as a letter."""
    raw = data[:MAX_METADATA_BYTES]
    return [_said(value) for value in (raw.decode("latin-1"), raw.decode(errors="replace"))]


def _said(value: str) -> str:
    thread = instruction_text.thread_in_metadata(value)
    assert keys.thread_of(thread or "-").encode()
    said = instruction_text.of_metadata(value)
    assert said == said.strip()
    assert len(said) <= request_schema.INSTRUCTION_CHARACTERS
    assert said.encode() or not said
    return said


# The image API: its answers, as bytes and as fields, and the addresses in them.


def _answer(data: bytes, name: str = DEFAULT_DIALECT) -> object:
    """The first byte is the status, the first line the header with the time of the next try, the rest the body."""
    head, _, body = data.partition(b"\n")
    headers = {"retry-after": head[1:].decode("latin-1"), "date": "Sun, 22 Nov 2026 12:00:00 GMT"}
    reply = Reply(STATUSES[(head or b"\0")[0] % len(STATUSES)], headers, body, 1.0, name)
    try:
        answer = DIALECTS[name].interpret(reply)
    except (Rejected, Unavailable, Ambiguous) as error:
        said = f"{error} {getattr(error, 'hint', '')}"
        assert len(said.encode()) < 5000
        assert not KEY_SHAPED.search(said)
        assert (getattr(error, "retry_after", 0) or 0) >= 0
        raise
    assert answer.pictures
    assert (answer.text or "-").encode()
    for picture in answer.pictures:
        state = picture.state if isinstance(picture, Encoded) else b""
        assert not len(state) or json.loads(state[:]), "it goes back with the next turn"
    return answer


class Provider:
    """A server on this machine that answers anything with the same bytes."""

    def __init__(self) -> None:
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection = self._listener.accept()[0]
            with connection, suppress(OSError):  # the client may have hung up
                connection.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head and (more := connection.recv(65_536)):
                    head += more
                if head.startswith(b"POST") and not head.endswith(b"{}"):
                    connection.recv(2)
                connection.sendall(self.answer)


@cache
def provider() -> Provider:
    return Provider()


def _line(data: bytes) -> object:
    """A raw answer of the API to the call, and to the fetching of a picture."""
    provider().answer = data
    url = f"http://127.0.0.1:{provider().port}"
    api = ImageApi(url, lambda _: API_KEY, NEBULA, DialectSettings(), timeout=10)
    try:
        Fetcher(url, resolve=lambda *_: [NOWHERE]).fetch(url + "/a.png")
    except (Rejected, Unavailable) as error:
        assert API_KEY not in str(error)
    try:
        reply = api.ask(PreparedCall(ApiCall("/", "application/json", b"{}"), API_KEY))
    except (Unavailable, Ambiguous) as error:
        assert API_KEY not in str(error)
        raise
    assert API_KEY.encode() not in reply.body[:]
    return NEBULA.interpret(reply)


def _address(data: bytes) -> object:
    """Any address by name leads by its IP address into a private network. One without a host is the API's own."""
    url, api = _text(data), f"http://127.0.0.1:{provider().port}"
    fetcher = Fetcher(api, resolve=lambda *_: [NOWHERE])
    provider().answer = b"HTTP/1.1 200 OK\r\n\r\n"
    try:
        fetched = fetcher.fetch(url)
    except Rejected as rejected:
        assert rejected.code == "no_image"
        raise
    except Unavailable:
        assert urlsplit(urljoin(api, url)).hostname == "127.0.0.1", "a connection was tried"
        raise
    assert urlsplit(urljoin(api, url)).hostname == "127.0.0.1"
    return fetched


def _ip_address(data: bytes) -> object:
    """An address is as public as the one that it wraps, and never public if the standard library calls it private."""
    inner = ipaddress.IPv4Address(data[:4].ljust(4, b"\0"))
    outer = ipaddress.IPv6Address(data[:16].ljust(16, b"\0"))
    wraps = (f"::ffff:{inner}", f"64:ff9b::{inner}", str(ipaddress.IPv6Address(0x2002 << 112 | int(inner) << 80)))
    assert {is_public(wrap) for wrap in wraps} == {is_public(str(inner))}
    assert not (is_public(str(inner)) and (inner.is_private or inner.is_loopback or inner.is_link_local))
    assert not (is_public(str(outer)) and (outer.is_link_local or outer.is_loopback or outer.is_site_local))
    return is_public(str(outer))


# Pictures.


def _picture(data: bytes) -> object:
    found = inspect.inspect(data)
    facts = found.facts
    if found.is_repaired:
        Pillow.open(io.BytesIO(found.data[:])).verify()
        assert not inspect.inspect(found.data).is_repaired, "it was to be whole"
    assert 1 <= facts.width * facts.height <= decoding.MAX_PIXELS
    bare = inspect.bare(data, NEBULA.limits)
    sent, media_type = bare or normalize.normalized(data, NEBULA.limits.image_bytes)
    smaller = normalize.normalized(data, max(2000, len(sent) // 2))
    for made, kind in ((sent, media_type), smaller):
        assert kind in NEBULA.limits.media_types
        assert len(made) <= NEBULA.limits.image_bytes
        assert inspect.inspect(made).facts.media_type == kind
    return facts


def _mark(data: bytes) -> object:
    """Mark the file. The mark is removed without a trace, or the file is left as it is."""
    assert len(marking.unmarked(data)) <= len(data)
    marked, said = marking.marked(data, marking.SOURCE_TYPES[0])
    if said["mark"] != "written":
        assert marked is data
        return said
    assert marking.unmarked(marked)[:] == data
    assert marking.marked(marked, marking.SOURCE_TYPES[1]) == (marked, {**said, "mark": "there_already"})
    assert marking.carried(marked) == said
    try:
        facts = inspect.facts(data)
    except (Undecodable, TooManyPixels):
        return said
    assert inspect.facts(marked) == facts
    return said


def mark_seeds() -> list[bytes]:
    """Pictures, and pictures that say something of their making."""
    still = [saved(scene(size=(16, 12)), kind) for kind in ("PNG", "JPEG", "WEBP")]
    marked = [marking.marked(data, each)[0][:] for data in still for each in marking.SOURCE_TYPES]
    manifest = b"JP\0\1\0\0\0\1\0\0\0\x2ajumb\0\0\0\x1ejumdc2pa"
    signed = still[1][:2] + b"\xff\xeb" + (2 + len(manifest)).to_bytes(2) + manifest + still[1][2:]
    return [*picture_seeds(), *marked, signed]


def event_seeds(prefix: str) -> list[bytes]:
    """The bodies of the messages in `events/`."""
    events = (json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "events").glob(f"{prefix}*.json")))
    return [record["body"].encode() for event in events for record in event["Records"]]


def picture_seeds() -> list[bytes]:
    """A small picture of each supported kind and mode, and an animation."""
    kinds = [("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "CMYK"),
             ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "RGB"), ("BMP", "1"), ("TIFF", "RGBA"), ("TIFF", "F")]  # fmt: skip
    still = [_saved(Pillow.new(mode, (8, 6)), kind) for kind, mode in kinds]
    frames = [Pillow.new("L", (8, 6), shade) for shade in (0, 90, 180)]
    moving = [_saved(frames[0], kind, save_all=True, append_images=frames[1:]) for kind in ("GIF", "PNG", "WEBP")]
    packed = [_saved(Pillow.new("RGB", (8, 6)), "TIFF", compression=how) for how in ("tiff_lzw", "jpeg")]
    phones = [photographed(kind, scene(size=(16, 12)), 6) for kind in ("HEIF", "AVIF", "JPEG", "WEBP", "PNG")]
    scenes = {kind: _saved(scene(size=(16, 12)), kind) for kind in ("PNG", "JPEG", "WEBP")}
    broken = [broken(scenes[kind]) for kind, _, broken in EVERY]
    progressive = _saved(Pillow.new("RGB", (8, 6)), "JPEG", progressive=True)
    return [*still, *moving, *packed, *phones, *broken, progressive, with_split_pixels(scenes["PNG"])]


def _saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def answer_seeds() -> list[bytes]:
    """Answers in the known forms, each after its status and header."""
    bodies: list[object] = [
        {"code": 200, "msg": "操作成功", "data": {"data": [{"b64_json": "iVBORw0KGgo="}], "created": 1}},
        {"created": 1, "data": [{"url": "https://cdn.example.com/a.png", "revised_prompt": "a cat"}]},
        {"data": [{"text": "![a](https://cdn.example.com/a.png) ![b](data:image/png;base64,iVBORw0KGgo=)"}]},
        {"error": {"message": f"Incorrect API key: {API_KEY} (request id: 2026)", "type": "x", "code": "y"}},
        {"error": {"message": "the model `m` does not exist", "type": "violates policy", "code": 404}},
        {"code": 429, "msg": "Bearer abcdefgh", "data": None}, {"success": False, "detail": "额度"},
    ]  # fmt: skip
    texts = [json.dumps(body, ensure_ascii=False).encode() for body in bodies] + [b"<html>sk-abcdefgh</html>"]
    dated = b"Mon, 23 Nov 2026 12:00:00 GMT\n"
    others = [b"\0" + dated + text for text in other_answers()]
    return [bytes([number]) + dated + text for number, text in enumerate(texts)] + others


def answer_seeds_in(name: str) -> list[bytes]:
    """The same, and what the API of a dialect says itself, as the stand-in says it."""
    dialect, dot = DIALECTS[name], _saved(Pillow.new("RGB", (1, 1)), "PNG")
    said = [spoken.made(dialect, dot), spoken.made(dialect, dot, dot, words="a cat"), spoken.made(dialect)]
    said += [spoken.problem(dialect, fault) for fault in ("refusal", "401", "402", "429", "503")]
    own = [bytes([STATUSES.index(reply.status)]) + b"7\n" + reply.body[:] for reply in said]
    return [*own, *answer_seeds()]


def other_answers() -> list[bytes]:
    """Answers in the forms of other providers and of relays."""
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    uri = f"data:image/png;base64,{png}"
    documents: list[object] = [
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": png}, "thought": True}]}}]},
        {"candidates": [{"finishReason": "IMAGE_SAFETY"}], "promptFeedback": {"blockReason": "SPII"}},
        {"choices": [{"message": {"content": f"![a [b]]({uri} 'c')", "images": [{"image_url": {"url": uri}}]}}]},
        {"output": [{"type": "image_generation_call", "result": png}], "status": "queued", "id": "t"},
        {"data": [{"url": ["https://cdn.example.com/a.png"]}], "images": [png], "image_base64": png},
        {"data": [{"text": f'<img alt="a" src="{uri}"> https://cdn.example.com/a.webp.'}]},
        {"request": {"image": png}, "body": json.dumps({"strange": png})},
        {"isBase64Encoded": True, "body": _base64(json.dumps({"images": [png]}).encode())},
        {"image": _base64(png.encode()), "zip": _base64(_zip(base64.b64decode(png)))},
        {"image": [png[:40], png[40:]], "hex": base64.b64decode(png).hex()},
        {"image": {"type": "Buffer", "data": list(base64.b64decode(png))}, "uri": quote(uri, safe="")},
        {"image": {str(number): byte for number, byte in enumerate(base64.b64decode(png))}},
        {"hex": base64.b64decode(png).hex(":"), "url": f"\n  {uri}\n", "b64_json": "\n ".join((png[:76], png[76:]))},
        {f"piece_{number}": png[at : at + 16] for number, at in enumerate(range(0, len(png), 16))},
    ]
    events = [{"type": "image_generation.partial_image", "b64_json": png}, {"type": "x.completed", "b64_json": png}]
    written = [json.dumps(document).encode() for document in documents]
    stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    marked = [stream + b"data: [DONE]\n\n", b": keep-alive\r\n\r\n" + written[0], written[1] + b"\ndata: [DONE]"]
    doubled = [b'{"images": ["%b"], "images": null}' % png.encode(), gzip.compress(written[0]), _zip(written[0])]
    return [
        *written,
        *marked,
        *doubled,
        written[0].decode().encode("utf-16"),
        b"data:\n- b64_json: !!binary |\n    " + base64.encodebytes(base64.b64decode(png)).replace(b"\n", b"\n    "),
        b"callback(" + written[0] + b")",
        uri.encode(),
    ]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _zip(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.png", data)
    return target.getvalue()


def line_seeds() -> list[bytes]:
    """Whole answers, with each way to mark the end of a body."""
    body = answer_seeds()[0].partition(b"\n")[2]
    packed = gzip.compress(body, mtime=0)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed),
        b"HTTP/1.1 302 Found\r\nLocation: https://cdn.example.com/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 120 + b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.0 401 No\r\nRetry-After: 7\r\n\r\n" + API_KEY.encode(),
    ]


ADDRESSES = (
    b"https://cdn.example.com/a.png?token=b", b"http://127.0.0.1/a", b"https://user:pw@[::1]:8443/", b"https://1.1/",
    b"file:///etc/passwd", "https://例え.jp/雪".encode(), b"https://xn--r8jz45g.jp/", b"//a", b"https://a:99999/",
)  # fmt: skip
TEXTS = (
    b"make it blue", "\ufeff雪\u3000".encode(), b"\xff\xfe", "雪, été\r\n👻".encode("utf-16"), b"\xfe\xff\xd8\x3d",
    "夜色下雪的场景".encode("gb18030"), "été".encode("cp1252"), "夜".encode("iso2022_jp"), "night".encode("utf-16-le"),
    "night".encode("utf-32"), b"{\\rtf1\\ansi night}", b"\x89PNG\r\n\x1a\n\0\0",
)  # fmt: skip
METADATA = (
    b"make it blue", b"utf-8''%E9%9B%AA", b"=?UTF-8?B?6Zuq?=", b"=?utf-8?q?caf=C3=A9?= =?iso-8859-1?q?=E9?=",
    "雪".encode(), b"=?punycode?q?-=FF?=", b"=?unicode_escape?q?=5Cud800?=", b"=?utf-7?q?+2AA-?=",
    b"ISO-8859-1'fr'%E9t%E9", b"=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=", b"=?utf-8?q?a?=\r\n =?utf-8?q?=00?=",
)  # fmt: skip
BATCHES = (
    b'{"custom_id": "a", "instruction": "x"}\n{"custom_id": "b", "instruction": "y", "images": ["../c.jpg"]}\r\n\n',
    b'\xef\xbb\xbf{"custom_id": "a", "thread_id": "t", "instruction": "\xe9\x9b\xaa", "metadata": {"k": "v"}}',
    b'{"custom_id": "a", "request_id": "a"}\n\n[]\nnull\n{"custom_id": "..", "instruction": "x", "images": ["./../a"]}',
)
TABLES = (
    b'custom_id,instruction,images\na,x,../c.jpg b.jpg\n"b","y\r\n""z""",\n\n,,\n',
    b"\xef\xbb\xbfcustom_id;instruction;options.size;parent_turn\r\n1;\xe9\x9b\xaa;1:1;0\r\n2;\xff;;\r\n",
    b'custom_id\tinstruction\tmetadata.k\na\t"x\tv\n',
)
KEYS = (
    b"photos/cat.jpg", b"threads/campaign/bottle/cat.txt", b"a/_instruction.txt", b"a/.hidden/b.jpg", b"a/../../b.png",
    b"batch.jsonl", "猫/夜景.heic".encode(), b"a%2Fb+c.jpg", b"x" * 1024, b"a//b\n\0.txt",
)  # fmt: skip

DOORS = (
    Door("message", _message, (Rejected,), lambda: event_seeds("request")),
    Door("request", _request_file, (Rejected,), lambda: event_seeds("request")),
    Door("batch", _batch_file, (), lambda: BATCHES),
    Door("table", _table, (Rejected,), lambda: TABLES),
    Door("group", _group, (Rejected,), lambda: KEYS),
    Door("announcement", _announcement, (Fault,), lambda: event_seeds("upload")),
    Door("key", _key, (), lambda: KEYS),
    Door("text", _text_file, (Rejected,), lambda: (b"make it blue", "\ufeff雪\u3000".encode(), b"\xff\xfe")),
    Door("metadata", _metadata, (Rejected,), lambda: METADATA),
    Door("answer", _answer, (Rejected, Unavailable, Ambiguous), answer_seeds),
    *(
        Door(
            f"answer_{name}",
            partial(_answer, name=name),
            (Rejected, Unavailable, Ambiguous),
            partial(answer_seeds_in, name),
        )
        for name in NAMES
        if name != DEFAULT_DIALECT
    ),
    Door("line", _line, (Rejected, Unavailable, Ambiguous), line_seeds),
    Door("address", _address, (Rejected, Unavailable), lambda: ADDRESSES),
    Door("ip", _ip_address, (), lambda: (bytes(16), b"\x01\x01\x01\x01", bytes([0x20, 1, 13, 184]) + bytes(12))),
    Door("picture", _picture, (Undecodable, TooManyPixels), picture_seeds),
    Door("mark", _mark, (), mark_seeds),
)
BY_NAME = {door.name: door for door in DOORS}
