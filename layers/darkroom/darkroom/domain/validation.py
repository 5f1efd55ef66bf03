"""Reading a JSON document into a form. All faults are found at once, each with its field.

A rule returns the value, or raises ValueError with a sentence. A shape reads a field and records its faults.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from darkroom.errors import FIELD_CHARACTERS, MAX_FAULTS, FieldFault

Rule = Callable[[Any], Any]
Faults = list[FieldFault]
Shape = Callable[[str, Any, Faults], Any]
NO_ALIASES: Mapping[str, str] = MappingProxyType({})
ALIAS_LIKENESS = 0.85  # of a key to an alias: `message_id` does not mean `message`
LIKENESS = 0.75  # of a misspelt key to a known one, between 0 and 1


class RuleError(ValueError):
    """Raised by a rule. The message completes the sentence "*field* …"."""


def value(rule: Rule) -> Shape:
    """A single value, read by the rule."""

    def read(field: str, given: Any, faults: Faults) -> Any:
        try:
            return rule(given)
        except ValueError as error:
            return _wrong(field, str(error), faults)

    return read


def optional(shape: Shape) -> Shape:
    """The shape, or null."""
    return lambda field, given, faults: None if given is None else shape(field, given, faults)


def either(one: Shape, other: Shape) -> Shape:
    """One of the two shapes. If neither fits, the faults of both."""

    def read(field: str, given: Any, faults: Faults) -> Any:
        seen: Faults = []
        for shape in (one, other):
            before = len(seen)
            taken = shape(field, given, seen)
            if len(seen) == before:
                return taken
        faults += seen
        return None

    return read


def record(
    shapes: Mapping[str, Shape],
    *,
    required: Collection[str] = (),
    is_open: bool = False,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> Shape:
    """An object with these keys, and no others unless it is open. Missing keys stay missing.

    `aliases` are other names that people write, each with the key that it means.
    """

    def read(field: str, given: Any, faults: Faults) -> Any:
        if not isinstance(given, dict):
            return _wrong(field, "must be an object", faults)
        taken = {}
        for name, shape in shapes.items():
            if name in given:
                taken[name] = shape(_within(field, name), given[name], faults)
            elif name in required:
                _wrong(_within(field, name), "is required", faults)
        for name in [] if is_open else [name for name in given if name not in shapes]:
            # Looking for a likely key is slow, so only the first unknown keys get a suggestion.
            meant = _meant(name, shapes, aliases) if len(faults) < MAX_FAULTS else None
            way_out = f": did you mean `{meant}`?" if meant else "; remove it or correct its spelling"
            _wrong(_within(field, name), f"is not a known key{way_out}", faults)
        return taken

    return read


def _meant(name: str, shapes: Mapping[str, Shape], aliases: Mapping[str, str]) -> str | None:
    """The key that an unknown one probably means."""
    import difflib  # only for a fault: keeps it out of the cold start

    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[- ]", "_", name[:FIELD_CHARACTERS]).lower()
    near = difflib.get_close_matches(snake, aliases, n=1, cutoff=ALIAS_LIKENESS)
    found = difflib.get_close_matches(snake, [*shapes, *near], n=1, cutoff=LIKENESS)
    return aliases.get(found[0], found[0]) if found else None


def array(shape: Shape, *, most: int | None = None, least: int = 0) -> Shape:
    """A list whose elements have this shape."""

    def read(field: str, given: Any, faults: Faults) -> Any:
        if not isinstance(given, list):
            return _wrong(field, "must be a list", faults)
        if wrong := _count_fault(len(given), least, most):
            return _wrong(field, wrong, faults)
        return [shape(_within(field, position), element, faults) for position, element in enumerate(given)]

    return read


def mapping(key: Rule, shape: Shape, *, most: int) -> Shape:
    """An object with any keys that the rule accepts."""

    def read(field: str, given: Any, faults: Faults) -> Any:
        if not isinstance(given, dict):
            return _wrong(field, "must be an object", faults)
        if wrong := _count_fault(len(given), 0, most):
            return _wrong(field, wrong, faults)
        taken = {}
        for name, element in given.items():
            value(key)(_within(field, name), name, faults)
            taken[name] = shape(_within(field, name), element, faults)
        return taken

    return read


def text(least: int, most: int | None = None) -> Rule:
    """A string with so many characters."""

    def take(given: Any) -> str:
        if not isinstance(given, str):
            raise RuleError("must be a string")
        _assert_can_be_told(given)
        if most is not None and len(given) > most:
            raise RuleError(f"must have at most {most} characters")
        if len(given) < least:
            raise RuleError("must not be empty" if not given else f"must have at least {least} characters")
        return given

    return take


def _assert_can_be_told(given: str) -> None:
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise RuleError("must be valid Unicode, but holds half of a surrogate pair") from error


def whole(least: int, most: int | None = None) -> Rule:
    """A whole number."""

    def take(given: Any) -> Any:
        if not isinstance(given, int) or isinstance(given, bool):
            raise RuleError("must be a whole number")
        return _bounded(given, least, most)

    return take


def number(least: int, most: int) -> Rule:
    """A finite number, as a float."""

    def take(given: Any) -> float:
        if not isinstance(given, int | float) or isinstance(given, bool):
            raise RuleError("must be a number")
        if isinstance(given, float) and not math.isfinite(given):
            raise RuleError("must be a finite number")
        return float(_bounded(given, least, most))

    return take


def _bounded(given: Any, least: int, most: int | None) -> Any:
    if given < least:
        raise RuleError(f"must be at least {least}")
    if most is not None and given > most:
        raise RuleError(f"must be at most {most}")
    return given


def _count_fault(count: int, least: int, most: int | None) -> str:
    if most is not None and count > most:
        return f"must have at most {most} entries"
    return f"must have at least {least} entry" if count < least else ""


def _within(field: str, part: object) -> str:
    return f"{field}.{part}" if field else str(part)


def _wrong(field: str, said: str, faults: Faults) -> None:
    """Record a fault. Half a surrogate pair in a key is replaced, because UTF-8 cannot hold it."""
    faults.append(FieldFault(field.encode(errors="replace").decode() or "body", said))
