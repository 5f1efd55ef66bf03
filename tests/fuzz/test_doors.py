"""Any bytes at every door: random bytes, damaged files, and JSON with odd values."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.doors import DOORS, Door, checked

ODD = (
    "", "..", "/", "a/../b", "\0", "\x7f", "\x85", "\r\n", "\u00a0", "\u2028", "\u3000", "\ufeff", "\u202e", "\u200b",
    "e\u0301", "é", "\ud800", "\udc00\ud800", "раураl", "paypal", "１２", "İ", "x" * 1025, "雪" * 257, "s3://my-uploads/a",
    "Notification", "ObjectCreated:Put", "2026-11-22T12:00:00Z", "data:image/png;base64,AAAA", "https://a/b", "![](",
)  # fmt: skip
FIELDS = (
    "instruction", "thread_id", "request_id", "custom_id", "images", "parent_turn", "model", "options", "metadata",
    "Type", "Message", "detail-type", "detail", "Records", "eventName", "eventTime", "s3", "bucket", "object", "key",
    "size", "name", "code", "msg", "data", "error", "success", "b64_json", "url", "revised_prompt", "text", "created",
)  # fmt: skip

texts = st.sampled_from(ODD) | st.text(st.characters(codec=None), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**301) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=4),
    max_leaves=12,
)
documents = values.map(lambda value: json.dumps(value).encode())


def damaged(seeds: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A seed with a part replaced, left out, or repeated."""

    def damage(whole: bytes, at: int, length: int, patch: bytes, times: int) -> bytes:
        at %= len(whole) + 1
        return whole[:at] + (patch or whole[at : at + length]) * times + whole[at + length :]

    return st.builds(damage, seeds, st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=12), st.integers(0, 5))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_any_bytes_are_taken_or_refused_in_our_own_words(door: Door) -> None:
    seeds = door.seeds()

    @given(data=st.sampled_from(seeds) | damaged(st.sampled_from(seeds)) | st.binary(max_size=300) | documents)
    def holds(data: bytes) -> None:
        checked(door, data)

    holds()


MEGABYTE = 1 << 20


def of_one(part: str) -> Callable[[], bytes]:
    return lambda: part.encode(errors="surrogatepass") * (MEGABYTE // len(part.encode(errors="surrogatepass")))


def in_instruction(part: str) -> Callable[[], bytes]:
    return lambda: b'{"instruction": "' + of_one(part)()[: MEGABYTE - 20] + b'"}'


LONG: dict[str, Callable[[], bytes]] = {
    "zeros": of_one("\0"),
    "brackets": of_one("["),
    "objects": of_one('{"a":'),
    "nested-and-closed": lambda: b"[" * (MEGABYTE // 2) + b"]" * (MEGABYTE // 2),
    "digits": of_one("9"),
    "marks": of_one("\u0315\u0300"),
    "address-of-marks": lambda: b"https://a" + of_one("\u0315\u0300")(),
    "encoded-words": of_one("=?a?q?x"),
    "segments": of_one("a/"),
    "spaces": of_one("\u3000"),
    "percent": of_one("%"),
    "columns": lambda: ",".join(map(str, range(150_000))).encode(),
    "quotes-in-a-table": lambda: b"custom_id,instruction\n" + of_one('"')(),
    "cells-in-a-table": lambda: b"custom_id,instruction\n" + of_one('"\n",')(),
    "unknown-keys": lambda: json.dumps({f"key-{number}": number for number in range(60_000)}).encode(),
    "one-key-again-and-again": lambda: b"{" + b'"instruction": "a",' * 50_000 + b'"instruction": "b"}',
    "many-images": lambda: json.dumps({"instruction": "-", "images": ["s3://a/b"] * 80_000}).encode(),
    "much-metadata": lambda: json.dumps({"instruction": "-", "metadata": {str(n): 5 for n in range(60_000)}}).encode(),
    "quotes-in-an-instruction": in_instruction('\\"'),
    "surrogates-in-an-instruction": in_instruction("\\ud800"),
    "marks-in-a-thread-id": lambda: b'{"instruction": "-", "thread_id": "a' + of_one("\u0315\u0300")() + b'"}',
    "envelopes": lambda: b'{"detail-type": "a", "detail": ' * 400 + b"{}" + b"}" * 400,
    "records": lambda: json.dumps({"Records": [{"eventName": "ObjectCreated:Put"}] * 20_000}).encode(),
    "error-of-beginnings": lambda: b'\x0b\n{"error": {"message": "' + of_one("content violat model!")() + b'"}}',
    "words-of-pictures": lambda: b'\0\n{"data": [{"text": "' + of_one("![](https://")() + b'"}]}',
    "numbers": lambda: b"\0\n" + json.dumps([137, 80, *range(256)] * 1000).encode(),
    "lists-of-numbers": lambda: b"\0\n[" + of_one("[137,80,")() + b"]",
    "lists-of-chunks": lambda: b"\0\n[" + of_one('["iVBORw0KGgo","a",')() + b"]",
    "percent-signs-in-base64": lambda: b'\0\n{"image": "iVBORw0KGgoAAAANSUhEUgAAACgAAAAo' + of_one("%2")() + b'"}',
    "beginnings-in-base64": lambda: b"\0\n" + json.dumps(["eyJhIjogImEiLCAiYiI6ICJhIn0="] * 30_000).encode(),
    "hexadecimal": lambda: b'\0\n{"image": "89504e470d0a1a0a' + of_one("0a")() + b'"}',
    "hexadecimal-with-colons": lambda: b'\0\n{"image": "89:50:4e:47:0d:0a:1a:0a' + of_one(":0a")() + b'"}',
    "colons-in-hexadecimal": lambda: b'\0\n{"image": "ffd8ffe0000000000000000000000000' + of_one(":")() + b'"}',
    "short-chunks": lambda: b"\0\n" + json.dumps([{"a": "iVBO"}, *[{"a": "Rw0K"}] * 60_000]).encode(),
    "names-with-numbers": lambda: b"\0\n" + json.dumps({f"a{number}": "data" for number in range(60_000)}).encode(),
    "letters-before-a-picture": lambda: b"\0\n\0" + of_one("AAAA")(),
    "lines-of-base64": lambda: b"\0\n<a>iVBORw0KGgoAAAANSUhEUgAAACgAAAAo" + of_one("A" * 76 + "\n")() + b"</a>",
    "beginnings-of-pictures": lambda: b"\0\n\0" + of_one("\ufffdRIFFaaaaWEBPVP8")(),
    "names-that-stand-twice": lambda: b"\0\n{" + of_one('"a":{"b":[1]},')()[: MEGABYTE // 14 * 14 - 1] + b"}",
    "headers": lambda: b"HTTP/1.1 200 OK\r\n" + of_one("a: b\r\n")(),
    "one-header": lambda: b"HTTP/1.1 200 OK\r\na: " + of_one("b")(),
    "chunks": lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + of_one("1\r\na\r\n")(),
    "encodings": lambda: b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b", ".join([b"gzip"] * 5000) + b"\r\n\r\nabc",
}  # fmt: skip


@pytest.mark.parametrize("data", LONG.values(), ids=LONG.keys())
def test_a_megabyte_of_anything_takes_no_more_than_seconds(data: Callable[[], bytes]) -> None:
    for door in DOORS:
        checked(door, data())
