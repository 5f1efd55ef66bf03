"""Reads the usage that an answer states: numbers by name."""

import math
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from darkroom.domain.outcome import Number, Usage

MAX_ENTRIES = 16  # of the statement, and of each part
MAX_NUMBER = 2**53  # every JSON reader holds whole numbers exactly up to here
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def read(said: Any) -> Usage | None:
    """The numbers in a statement and one level below it, by name; None if there are none."""
    if not isinstance(said, dict):
        return None
    parts = {name: _numbers(part) for name, part in _named(said) if isinstance(part, dict)}
    return {**_numbers(said), **{name: part for name, part in parts.items() if part}} or None


def _numbers(said: Mapping[str, Any]) -> dict[str, Number]:
    return {name: part for name, part in _named(said) if _is_number(part)}


def _named(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in islice(said.items(), MAX_ENTRIES) if _NAME.fullmatch(name)]


def _is_number(part: object) -> bool:
    if not isinstance(part, int | float) or isinstance(part, bool):
        return False
    return math.isfinite(part) and 0 <= part <= MAX_NUMBER
