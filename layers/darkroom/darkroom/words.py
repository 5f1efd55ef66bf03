"""The words of an upload: a text file's, or those in an object's metadata, in whatever way they got there."""

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote

from darkroom.errors import Rejected
from darkroom.form import INSTRUCTION_CHARACTERS


def of_text(data: bytes) -> str:
    """The instruction in a text file. Raises Rejected (`invalid_request`)."""
    try:
        words = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise _invalid("the text file is not UTF-8", "Save it as UTF-8 and upload it again.") from error
    if not words:
        raise _invalid("the text file is empty", "Write what to make or to change, and upload it again.")
    if len(words) > INSTRUCTION_CHARACTERS:
        raise too_long()
    return words


def decoded(data: bytes) -> str:
    """A file's text. Raises Rejected (`invalid_request`)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid("the file is not UTF-8", "Save it as UTF-8 and upload it again.", "body") from error


def too_long() -> Rejected:
    """What whoever wrote more than an instruction is told."""
    return _invalid(f"the text is over {INSTRUCTION_CHARACTERS:,} characters", "Shorten it and upload it again.")


def of_metadata(value: str) -> str:
    """A metadata value as it was meant: plain, RFC 8187, RFC 2047, or UTF-8 that was read as Latin-1."""
    # RFC 8187 has '()* encoded too; JavaScript's encodeURIComponent leaves them as they are.
    extended = re.fullmatch(r"(?i)utf-8'[\w-]*'([\w!#$&'()*+.^`|~%-]*)", value.strip())
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
