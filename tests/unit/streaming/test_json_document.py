"""A document of any size is parsed as in memory, except that its long strings stay where they are."""

import base64
import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darkroom.errors import TooLarge
from darkroom.streaming.base64_blob import decoded
from darkroom.streaming.blob import CHUNK_BYTES, File
from darkroom.streaming.json_document import LONG_BYTES, LongString, parsed

words = st.text(st.sampled_from('ab"\\/\n\té茶😀\ud83d{}[]:, '), max_size=12)
values = st.recursive(
    st.none() | st.integers() | words | words.map(lambda text: "long" + text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def lengthened(value: Any) -> Any:
    """The document with its marked strings made long. The samples stay short enough to print."""
    if isinstance(value, str) and value.startswith("long"):
        return value[4:] * LONG_BYTES
    if isinstance(value, dict):
        return {name: lengthened(inner) for name, inner in value.items()}
    return [lengthened(inner) for inner in value] if isinstance(value, list) else value


def whole(value: Any) -> Any:
    """The document with its long strings read."""
    if isinstance(value, LongString):
        return json.loads(b'"' + value[:] + b'"')
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    return [whole(inner) for inner in value] if isinstance(value, list) else value


def written(document: object, *, is_ascii: bool) -> bytes:
    return json.dumps(document, ensure_ascii=is_ascii).encode(errors="surrogatepass" if is_ascii else "replace")


@given(value=values, before=st.integers(CHUNK_BYTES - 40, CHUNK_BYTES + 5) | st.just(0), is_ascii=st.booleans())
@example(value='long\\"', before=CHUNK_BYTES - 1, is_ascii=True)
def test_a_document_is_what_its_parser_makes_of_it(value: Any, before: int, is_ascii: bool) -> None:
    text = b" " * before + written({"a": lengthened(value), "b": 1}, is_ascii=is_ascii)
    assert whole(parsed(File([text]))) == json.loads(text)
    assert whole(parsed(text)) == json.loads(text)


def test_a_long_string_is_not_parsed_and_a_short_one_is() -> None:
    document = parsed(written({"long": "a" * (LONG_BYTES + 1), "short": "a" * 1000}, is_ascii=True))
    assert isinstance(document["long"], LongString)
    assert document["short"] == "a" * 1000


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"a": "', b'{"a": "\\', b'"' + b"a" * 300_000, b'{"a": "' + b"a" * 300_000, b"\xff" * 9]
)
def test_what_is_no_document_is_refused(text: bytes) -> None:
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        parsed(File([text]))


def test_what_says_more_than_any_answer_is_refused() -> None:
    for text in (b"[" + b"1," * 3_000_000 + b"1]", b"[" + b'"",' * 3_000_000 + b'""]'):
        with pytest.raises(TooLarge, match="beside its pictures"):
            parsed(File([text]))


def test_who_writes_as_we_mark_long_strings_gets_his_own() -> None:
    document = parsed(written({"a": "\0long 0", "b": "\0long 7", "c": "x" * LONG_BYTES * 2}, is_ascii=True))
    assert document["b"] == "\0long 7"
    assert document["a"][:] == document["c"][:]


def test_what_a_long_string_says_is_told_by_its_beginning_and_its_end() -> None:
    document = parsed(written({"a": "茶 said" + "A" * 200_000 + "and \n that"}, is_ascii=True))
    assert str(document["a"]).startswith("茶 saidAAA")
    assert str(document["a"]).endswith("AAAand \n that")
    assert document["a"].text(3) == ""
    assert parsed(written({"a": "\\" * 100_001}, is_ascii=True))["a"].text(9) == "\\" * 4


@pytest.mark.parametrize("escape", ["\\/", "\\u002F"])
def test_base64_is_read_as_json_writes_it(escape: str) -> None:
    picture = bytes(range(256)) * 3000
    text = b'{"a": "' + json.dumps("".join(_lines(picture)))[1:-1].replace("/", escape).encode() + b'"}'
    long = parsed(File([text]))["a"]
    assert decoded(long, is_json=True)[:] == picture


def _lines(picture: bytes) -> list[str]:
    return [f"{line}\r\n" for line in base64.encodebytes(picture).decode().split()]


def test_many_short_strings_take_little_time_and_a_long_one_little_memory() -> None:
    text = b"[" + b'"a",' * 200_000 + b'"a"]'
    started = time.process_time()
    assert len(parsed(File([text]))) == 200_001
    assert time.process_time() - started < 10
    answer = File([b'{"a": "', *([b"A" * 1_000_000] * 20), b'"}'])
    tracemalloc.start()
    assert len(parsed(answer)["a"]) == 20_000_000
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@settings(max_examples=20)
@given(text=st.text(max_size=40), before=st.integers(0, 14))
@example("😀", 6)
@example("\\ud83d", 7)
def test_a_long_string_says_what_json_meant_wherever_its_chunks_end(text: str, before: int) -> None:
    said = "x" * (CHUNK_BYTES - before) + text
    written = json.dumps(said).encode()[1:-1]
    assert LongString(written, 0, len(written)).unescaped()[:] == said.encode(errors="replace")
