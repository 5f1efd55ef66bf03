"""The words of an upload: a text file's, or those in an object's metadata, in whatever way they got there."""

import codecs
import re
import unicodedata
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote

from darkroom import charsets
from darkroom.errors import Rejected
from darkroom.request import INSTRUCTION_CHARACTERS

SAVE_AS_UTF8 = (
    "Save it as UTF-8 and upload it again. Notepad: Save as, Encoding: UTF-8. TextEdit: Format, Make Plain Text, then "
    "Save with Plain Text Encoding: Unicode (UTF-8). PowerShell: Set-Content -Encoding utf8."
)
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f]")  # no keyboard types them; a few do no harm
_INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(data: bytes, param: str = "instruction") -> str:
    """The text in a file: UTF-8, or UTF-16 with a byte order mark. Raises Rejected, naming what it looks like instead.

    `param` is what the file is about, for the error.
    """
    is_utf16 = data.startswith(_UTF16_MARKS) and not data.startswith(codecs.BOM_UTF32_LE)
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise _unreadable(data, param, is_utf16=is_utf16) from error
    if "\0" in text or (data.isascii() and _CONTROLS.search(text) and charsets.likely(data)):
        raise _unreadable(data, param, is_utf16=is_utf16)  # UTF-16 without its mark may well be ASCII by its bytes
    return text


def _unreadable(data: bytes, param: str, *, is_utf16: bool) -> Rejected:
    if is_utf16:
        return _invalid("the file is in UTF-16, but broken or cut off", SAVE_AS_UTF8, param)
    if likely := charsets.likely(data):
        return _invalid(f"the file is not in UTF-8; it looks like {likely}", SAVE_AS_UTF8, param)
    return _invalid("the file is not in UTF-8, and looks like no text at all", SAVE_AS_UTF8, param)


def of_text(data: bytes) -> str:
    """The instruction in a text file. Raises Rejected (`invalid_request`)."""
    words = re.sub(r"\r\n?", "\n", decoded(data)).strip()
    if words.startswith("{\\rtf"):
        raise _invalid("the file is rich text (RTF), and only named as a plain one", SAVE_AS_UTF8)
    if not is_visible(words):
        raise _invalid("the text file is empty", "Write what to make or to change, and upload it again.")
    if len(words) > INSTRUCTION_CHARACTERS:
        raise too_long()
    return words


def is_visible(text: str) -> bool:
    """Whether anything in it can be seen: spaces and marks without width say nothing."""
    return any(unicodedata.category(character) not in _INVISIBLE for character in text)


def too_long() -> Rejected:
    """What whoever wrote more than an instruction is told."""
    return _invalid(f"the text is over {INSTRUCTION_CHARACTERS:,} characters", "Shorten it and upload it again.")


def of_metadata(value: str) -> str:
    """A metadata value as it was meant: plain, RFC 8187, RFC 2047, or UTF-8 that was read as Latin-1."""
    extended = re.fullmatch(r"(?i)utf-8'[\w-]*'([\w!#$&+.^`|~%-]*)", value.strip())
    if extended:
        return unquote(extended[1], errors="replace").strip()
    try:
        text = str(make_header(decode_header(value))) if "=?" in value else value
    except (MessageError, LookupError, ValueError):
        text = value
    if text != value:
        return text.encode(errors="replace").decode().strip()  # it said what it is; it may hold half a surrogate pair
    try:
        return text.encode("latin-1").decode().strip()
    except UnicodeError:
        return text.encode(errors="replace").decode().strip()  # an encoded word may hold half a surrogate pair


def _invalid(message: str, hint: str, param: str = "instruction") -> Rejected:
    return Rejected("invalid_request", message, hint=hint, param=param)
