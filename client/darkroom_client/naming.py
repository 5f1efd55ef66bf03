"""The names of conversations."""

import re
from pathlib import Path

from darkroom.domain import keys, upload
from darkroom_client.errors import Invalid

MAX_WORDS, MAX_CHARACTERS = 6, 40  # of a thread that is named after its first words


def thread_id(name: str) -> str:
    """The id of the thread that is named. Raises Invalid where it can be none."""
    try:
        return keys.thread_id(name)
    except ValueError as invalid:
        raise Invalid(f"{name!r} is no thread: it {invalid}") from invalid


def after_file(file: Path) -> str:
    """As an upload of this name would be called."""
    return upload.of_key("", file.resolve().name).thread


def after_words(words: str) -> str:
    """Its first words."""
    found = re.findall(r"\w+", words.lower())[:MAX_WORDS]
    return "-".join(found)[:MAX_CHARACTERS].strip("-_") or "picture"
