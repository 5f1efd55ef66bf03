"""The likely mistake in a text that should be JSON: a guess for people who write it by hand."""

import re
from json import JSONDecodeError

LOOKED_AT = 100  # characters from the fault on
_CURLY = "“”„‟‘’‚‛«»＂＇"
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_BY_MESSAGE = {
    "Invalid \\": r"a lone backslash: write \\",
    "Invalid control": r"a line break or a tab inside quotes: write \n or \t",
    "Unterminated": "a quotation mark that is never closed",
    "Expecting ',' delimiter": r"a missing comma, or a quotation mark inside the words: write \"",
    "Expecting ':' delimiter": "a missing colon",
    "Extra data": "something after the end of the object",
}


def told(error: JSONDecodeError) -> str:
    """The likely mistake, its remedy and its place."""
    said, at = _slip(error)
    line, column = error.doc.count("\n", 0, at) + 1, at - error.doc.rfind("\n", 0, at)
    is_one_line = "\n" not in error.doc.strip()
    return f"{said} (column {column})" if is_one_line else f"{said} (line {line}, column {column})"


def _slip(error: JSONDecodeError) -> tuple[str, int]:
    """The mistake and its position."""
    before, after = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + LOOKED_AT]
    comma = error.pos if re.match(r",\s*[}\]]", after) else len(before) - 1  # Python 3.13 points at the comma
    if comma == error.pos or (before.endswith(",") and after[:1] in ("}", "]")):
        return "a comma before a closing bracket: remove it", comma
    return _at(after) or _named(error.msg, after), error.pos


def _at(text: str) -> str | None:
    """The mistake that shows in the text at the fault."""
    if text[:1] and text[0] in _CURLY:
        return 'curly quotes: use "'
    if text.startswith("'"):
        return 'single quotes: use "'
    if text.startswith(("//", "/*", "#")):
        return "a comment: remove it"
    if name := re.match(r"([A-Za-z_]\w*)\s*:", text):
        return f'a name without quotes: write "{name[1]}"'
    word = re.match(r"(True|False|None)\b", text)
    return f"{word[1]} of Python: write {_PYTHON[word[1]]}" if word else None


def _named(message: str, text: str) -> str:
    known = next((said for beginning, said in _BY_MESSAGE.items() if message.startswith(beginning)), None)
    if known and not (message.startswith("Expecting") and not text.strip()):
        return known
    return message if text.strip() else "it ends too early"
