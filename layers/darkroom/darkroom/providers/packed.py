"""Pictures and documents that a relay packed once more: Base64 in Base64, hexadecimal digits, gzip, an archive.

A layer is recognised by its first bytes and taken off onto the disk. Callers bound how many there are, and their bytes.
"""

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from urllib.parse import unquote_to_bytes

from darkroom.providers import picture_strings
from darkroom.providers.dialect import MAX_PICTURES, Encoded
from darkroom.providers.picture_strings import HEAD_BYTES, begins_like_picture, has_its_end, long_picture_of
from darkroom.streaming.base64_blob import Base64
from darkroom.streaming.blob import CHUNK_BYTES, Blob, File, Joined, Part, as_file, chunks, search
from darkroom.streaming.json_document import LongString
from darkroom.streaming.spelled import respelled

_GZIP, _ZLIB, _ZIP = "\x1f\x8b\x08", ("x\x9c", "x\x01", "x\xda"), "PK\x03\x04"
_DOCUMENT = re.compile(r"\s*(?:\{\s*\"|\[\s*[\[{\"\d-])")
_HEX = re.compile(
    r"\s*(?:\\x|0x)?(?=(?:89504e470d0a1a0a|ffd8ff|52494646[0-9a-f]{8}57454250|474946383[79]61)[0-9a-f]{24})",
    re.IGNORECASE,
)
_RAW_URI = re.compile(r"\s*data:[^\s,{}]{0,100},(?=%89PNG|%FF%D8%FF|RIFF|GIF8)", re.IGNORECASE)
_SPELLING = re.compile(r"[%&\\]|[^\0-\x7f]")
_FEWEST_CHARACTERS = 24
_DIGITS = re.compile(r"[A-Za-z0-9+/_-]{24,}")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error)
_END_OF_DIRECTORY, _DIRECTORY_BYTES, _TAIL_BYTES = b"PK\x05\x06", 100_000, 66_000  # of an archive, with its remark

_RAW = re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR|\xff\xd8\xff[\xc0-\xfe]|RIFF....WEBPVP8|GIF8[79]a", re.DOTALL)
_RAW_BYTES = 16  # the longest
_PNG_END, _JPEG_END, _END_BYTES = re.compile(rb"IEND\xaeB`\x82"), re.compile(rb"\xff\xd9"), 8
_ENDS = {b"\x89": _PNG_END, b"\xff": _JPEG_END}

# Lists of which a picture is made: numbers of bytes, with a sign or without, by themselves or by their index; Base64.
_LIST = re.compile(
    rb"\[\s{0,40}(?:137|-119|255|-1|82)\s{0,40},\s{0,40}(?:80|216|-40|73)\s{0,40},"
    rb"|\{\s{0,40}\\{0,7}\"0\\{0,7}\"\s{0,40}:\s{0,40}(?:137|-119|255|-1|82)\s{0,40},"
    rb"|\[\s{0,40}\\{0,7}\"(?:data:image/[a-z]{1,9};base64,)?(?:iVBORw0KGgo|\\{0,7}/9j\\{0,7}/|UklGR)"
)
_LIST_BYTES, _QUOTE_BYTES, _QUOTE, _END_OF_LIST = 200, 24, re.compile(rb'"'), re.compile(rb"[\]}]")
_BASE64_BEGINS, _BASE64_BEGINS_BYTES = re.compile(rb"\"(?:iVBORw0KGgo|\\{0,3}/9j|UklGR)"), 12
_FEWEST_BYTES, _NUMBER_BYTES = 60, 200

_Opener = Callable[[Blob], Iterator[bytes]]


def unpacked(value: str | Blob, room: int) -> Blob | None:
    """What a text or bytes hold one layer deeper; None where that begins like no picture, document or other layer, is
    broken, or has more bytes than there is room for.
    """
    if len(value) < _FEWEST_CHARACTERS:
        return None
    is_text = isinstance(value, str | LongString)
    head = _head(value)
    opener = chunks if is_text and _DOCUMENT.match(head) else _opener(head, is_text=is_text)
    if opener:
        with suppress(ValueError, zlib.error):  # it is broken, or too large
            content = File(_bounded(opener(_content(value)), room))
            return with_lists_as_base64(content) or content if _DOCUMENT.match(_head(content)) else content
    return None


def is_archive(content: Blob) -> bool:
    """Whether it begins as an archive does."""
    return _head(content).startswith(_ZIP)


def members(content: Blob, room: int) -> Iterator[Blob]:
    """The files of an archive; the content itself where it is none."""
    if not is_archive(content):
        yield content
    elif _has_small_directory(content):
        with suppress(*_BROKEN), zipfile.ZipFile(as_file(content, ahead=CHUNK_BYTES)) as archive:
            for member in archive.infolist()[:MAX_PICTURES]:
                made = File(_bounded(_read(archive, member), room))
                room -= len(made)
                yield made


def embedded(text: Blob) -> Iterator[Encoded]:
    """Whole pictures that stand as they are among other bytes. Of a PNG it is known where it ends; any other may hold a
    smaller one, so that it is the last.
    """
    position = 0
    for _ in range(MAX_PICTURES):
        begun = search(_RAW, text, position, width=_RAW_BYTES)
        if not begun:
            return
        end = _ENDS.get(begun[1][:1])
        found = search(end, text, begun[0], width=_END_BYTES) if end else (len(text), b"")
        if not found:
            return  # it was cut
        position = found[0] + _END_BYTES if end is _PNG_END else len(text)
        yield Encoded(Part(text, begun[0], position), "bytes")


def with_lists_as_base64(text: Blob) -> Blob | None:
    """The text of JSON with one string for each list of which a picture is made; None where there is none.

    Such a list may say much more than is parsed of an answer.
    """
    parts, position, is_found = list[Blob](), 0, False
    for _ in range(MAX_PICTURES):
        begun = search(_LIST, text, position, width=_LIST_BYTES)
        end = begun and search(_END_OF_LIST, text, begun[0] + 1, width=1)
        if not begun or not end:
            break
        begin, stop = begun[0], end[0] + 1
        if listed := _listed(Part(text, begin + 1, stop - 1)):
            name = re.search(rb"\\*\"(?=[\s:]*\Z)", text[max(0, begin - _QUOTE_BYTES) : begin])
            quote = name[0] if name else b'"'  # in JSON within JSON it has backslashes
            parts += [Part(text, position, begin), quote, listed, quote]
            is_found = True
        else:
            parts.append(Part(text, position, stop := begin + 1))
        position = stop
    return Joined([*parts, Part(text, position, len(text))]) if is_found else None


def _listed(members: Blob) -> Blob | None:
    """The Base64 of what the list's members say together; None where they are something else."""
    is_text = re.match(rb"[\s\\]*\"[^0]", members[:_LIST_BYTES])
    data = File()
    with suppress(ValueError):
        for part in _chunks_of_base64(members) if is_text else _bytes_of_numbers(members):
            data.append(part)
        if len(data) >= _FEWEST_BYTES:
            return data if is_text else Base64(data)
    return None


def _bytes_of_numbers(members: Blob) -> Iterator[bytes]:
    left = b""
    for read in chain(chunks(members), (b",",)):
        *numbers, left = (left + read).split(b",")
        if len(left) > _NUMBER_BYTES:
            raise ValueError("it is no byte")
        said = [int(number.rpartition(b":")[2]) for number in numbers]
        yield bytes(number + 256 if -128 <= number < 0 else number for number in said)


def _chunks_of_base64(members: Blob) -> Iterator[bytes]:
    """What several strings say together, of which the first is no whole picture and the others begin like none."""
    start = members[:_LIST_BYTES].index(b'"') + 1
    end = search(_QUOTE, members, start, width=1)
    stop = end[0] if end else len(members)
    first = long_picture_of(Part(members, start, stop))
    if has_its_end(first.decoded()) or search(_BASE64_BEGINS, members, _LIST_BYTES, width=_BASE64_BEGINS_BYTES):
        raise ValueError("it is a list of pictures")
    for part in respelled(Joined((first.written, Part(members, stop, len(members))))):
        yield (said := part.translate(None, b'",' + bytes(range(33))))
        if re.search(rb"[^A-Za-z0-9+/=_-]", said):
            raise ValueError("it is no Base64")


def _head(value: str | Blob) -> str:
    """How it begins: a letter for each byte, unless it is a text."""
    if isinstance(value, str):
        return value[:HEAD_BYTES]
    return value.text(HEAD_BYTES) if isinstance(value, LongString) else value[:HEAD_BYTES].decode("latin-1")


def _content(value: str | Blob) -> Blob:
    if isinstance(value, str):
        return value.encode(errors="replace")
    return value.unescaped() if isinstance(value, LongString) else value


def _opener(head: str, *, is_text: bool) -> _Opener | None:
    """What takes the layer off that begins so; None where none is known."""
    if head.startswith((_GZIP, *_ZLIB)) and not is_text:
        return _inflated
    if _HEX.match(head):
        return _unhexed
    if found := _RAW_URI.match(head):
        return partial(_unquoted, start=found.end())
    if is_text and picture_strings.are_picture(head.encode("latin-1", "replace")):
        return _bytes_of_letters
    if _SPELLING.search(head) and not (_DOCUMENT.match(head) or head.startswith(_ZIP)):
        plain = b"".join(respelled(head.encode("latin-1", "ignore"))).decode("latin-1")
        if plain != head and _is_known(plain):
            return respelled
    return _decoded if _is_known(_first_of_base64(head)) else None


def _is_known(head: str) -> bool:
    """Whether what begins so, one layer deeper, is worth it."""
    is_content = head.startswith(_ZIP) or _DOCUMENT.match(head) or begins_like_picture(head)
    return bool(head and (is_content or _opener(head, is_text=False)))


def _first_of_base64(head: str) -> str:
    """The first bytes that Base64 says which begins so, a letter for each; each layer has fewer of them."""
    digits = _DIGITS.match("".join(head[picture_strings.beginning(head) :].split()))
    return Encoded(digits[0][: len(digits[0]) // 4 * 4].encode()).decoded()[:].decode("latin-1") if digits else ""


def _decoded(text: Blob) -> Iterator[bytes]:
    return chunks(long_picture_of(text, "text").decoded())


def _inflated(content: Blob) -> Iterator[bytes]:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # a header of either kind
    for chunk in chain(chunks(content), (b"",)):
        packed = chunk
        while (made := unpack.decompress(packed, CHUNK_BYTES)) or unpack.unconsumed_tail:
            yield made
            packed = unpack.unconsumed_tail
    if not unpack.eof:
        raise ValueError("it was cut")


def _bytes_of_letters(text: Blob) -> Iterator[bytes]:
    """Each letter of the text is a byte."""
    for letters in codecs.iterdecode(chunks(text), "utf-8", errors="replace"):
        yield letters.encode("latin-1")


def _unhexed(text: Blob) -> Iterator[bytes]:
    left = b""
    for chunk in chunks(text):
        digits = b"".join((left + chunk).split()).removeprefix(b"0x").removeprefix(b"\\x")
        whole = len(digits) // 2 * 2
        yield bytes.fromhex(digits[:whole].decode("latin-1"))
        left = digits[whole:]


def _unquoted(text: Blob, start: int) -> Iterator[bytes]:
    left = b""
    for read in chunks(Part(text, start, len(text))):
        chunk = left + read
        cut = chunk.rfind(b"%", max(0, len(chunk) - 2))
        left = chunk[cut:] if cut >= 0 else b""
        yield unquote_to_bytes(chunk.removesuffix(left))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _bounded(parts: Iterator[bytes], room: int) -> Iterator[bytes]:
    for part in parts:
        room -= len(part)
        if room < 0:
            raise ValueError("there is no room for it")
        yield part


def _has_small_directory(archive: Blob) -> bool:
    """Whether what is read of it at once is little."""
    tail = archive[-_TAIL_BYTES:]
    end = tail.rfind(_END_OF_DIRECTORY)
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    return end >= 0 and size <= _DIRECTORY_BYTES and b"PK\x06\x07" not in tail
