"""What a new conversation is called, where nobody says it."""

import re
from pathlib import Path

from darkroom.domain import upload

MAX_WORDS, MAX_CHARACTERS = 6, 40  # of a thread that is named after its first words


def after_file(file: Path) -> str:
    """As an upload of this name would be called."""
    return upload.of_key("", file.resolve().name).thread


def after_words(words: str) -> str:
    """Its first words."""
    found = re.findall(r"\w+", words.lower())[:MAX_WORDS]
    return "-".join(found)[:MAX_CHARACTERS].strip("-_") or "picture"
