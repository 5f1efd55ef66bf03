"""The words of an upload, from a text file or an object's metadata, in every encoding that clients use."""

import codecs
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote_to_bytes

from darkroom.domain.request_schema import INSTRUCTION_CHARACTERS, can_be_seen
from darkroom.errors import Rejected
from darkroom.streaming import charsets

SAVE_AS_UTF8 = (
    "Save it as UTF-8 and upload it again. Notepad: Save as, Encoding: UTF-8. TextEdit: Format, Make Plain Text, then "
    "Save with Plain Text Encoding: Unicode (UTF-8). PowerShell: Set-Content -Encoding utf8."
)
WRAP_IT = "Metadata is ASCII; write other letters as RFC 2047: =?UTF-8?B?…?=, with the words in Base64."
MAX_MISREADINGS = 3

_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f]")  # not typed on a keyboard; a few are harmless
_LOST = re.compile(r"[?\ufffd][?\ufffd\s.,:;!-]*")  # the remains of letters that an encoding does not have
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_EXTENDED_VALUE = re.compile(r"([A-Za-z0-9_.:+-]+)'[A-Za-z0-9-]*'([!-~]*)")  # RFC 8187
_ENCODED_WORD = re.compile(r"=\?[A-Za-z0-9_.:+*-]+\?[bBqQ]\?.*?\?=")  # RFC 2047
_LANGUAGE = re.compile(r"(=\?[A-Za-z0-9_.:+-]+)\*[A-Za-z0-9-]*(?=\?[bBqQ]\?)")  # RFC 2231
_AS_LATIN_1 = {ord(bytes([byte]).decode("cp1252", "ignore") or chr(byte)): byte for byte in range(0x80, 0xA0)}


def decoded(data: bytes, param: str = "instruction") -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark. Raises Rejected with the likely encoding.

    `param` is the error's param.
    """
    is_utf16 = data.startswith(_UTF16_MARKS) and not data.startswith(codecs.BOM_UTF32_LE)
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise _unreadable(data, param, is_utf16=is_utf16) from error
    if "\0" in text or (data.isascii() and _CONTROLS.search(text) and charsets.likely(data)):
        raise _unreadable(data, param, is_utf16=is_utf16)  # UTF-16 without its mark can be ASCII by its bytes
    return text


def _unreadable(data: bytes, param: str, *, is_utf16: bool) -> Rejected:
    if is_utf16:
        return _invalid("the file is in UTF-16, but broken or cut off", SAVE_AS_UTF8, param)
    return _invalid(f"the file {charsets.told(data)}", SAVE_AS_UTF8, param)


def of_text(data: bytes) -> str:
    """The instruction in a text file. Raises Rejected (`invalid_request`)."""
    words = said(data)
    if not words:
        raise _invalid("the text file is empty", "Write what to make or to change, and upload it again.")
    return words


def said(data: bytes) -> str:
    """The same, but "" for a blank file."""
    words = _tidy(decoded(data), SAVE_AS_UTF8)
    if words.startswith("{\\rtf"):
        raise _invalid("the file is rich text (RTF), and only named as a plain one", SAVE_AS_UTF8)
    return words


def too_long() -> Rejected:
    """The error for a text that is longer than an instruction may be."""
    return _invalid(f"the text is over {INSTRUCTION_CHARACTERS:,} characters", "Shorten it and upload it again.")


def of_metadata(value: str) -> str:
    """The instruction in an object's metadata, "" if it has none. Raises Rejected (`invalid_request`)."""
    return _tidy(_meant(value, "instruction", WRAP_IT), WRAP_IT)


def thread_in_metadata(value: str) -> str:
    """The thread's name in an object's metadata, "" if it has none. Raises Rejected (`invalid_request`)."""
    return _meant(
        value, "thread-id", "Leave the thread-id out: the file's own name stands for the thread then."
    ).strip()


def _tidy(text: str, hint: str) -> str:
    """The words with uniform line ends; empty if none of them is visible. Raises Rejected."""
    words = re.sub(r"\r\n?", "\n", text).strip()
    if len(words) > INSTRUCTION_CHARACTERS:
        raise too_long()
    if _LOST.fullmatch(words):
        raise _invalid("the words are nothing but question marks: their letters were lost on the way", hint)
    return words if can_be_seen(words) else ""


def _meant(value: str, param: str, hint: str) -> str:
    """A metadata value, decoded: plain, RFC 8187, RFC 2047, or UTF-8 that was read in another encoding."""
    try:
        text = _repaired(_unwrapped(value))
        text.encode()  # encoded words may contain half a surrogate pair
        if "\0" in text:
            raise ValueError("it is no text")
    except (MessageError, LookupError, ValueError) as error:
        raise _invalid(f"the metadata {param!r} is marked as encoded, and cannot be decoded", hint, param) from error
    return text


def _unwrapped(value: str) -> str:
    extended = _EXTENDED_VALUE.fullmatch(value.strip())
    if extended and _is_charset(extended[1]):
        return unquote_to_bytes(extended[2]).decode(extended[1])
    return _unfolded(value) if _ENCODED_WORD.search(value) else value


def _unfolded(value: str) -> str:
    """A header's text with its encoded words decoded. Python does not know RFC 2231's language, so it is removed."""
    return str(make_header(decode_header(_LANGUAGE.sub(r"\1", value))))


def _is_charset(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _repaired(text: str) -> str:
    """UTF-8 that was read as Latin-1 or Windows-1252 on its way, perhaps more than once, restored."""
    for _ in range(MAX_MISREADINGS):
        try:
            repaired = text.translate(_AS_LATIN_1).encode("latin-1").decode()
        except UnicodeError:
            break
        text = repaired
    return text


def _invalid(message: str, hint: str, param: str = "instruction") -> Rejected:
    return Rejected("invalid_request", message, hint=hint, param=param)
