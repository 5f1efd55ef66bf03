"""DynamoDB's expressions (conditions and updates) as functions of an item. An item is in DynamoDB's JSON."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

Item = Mapping[str, Any]
Value = Mapping[str, Any]
Names = Mapping[str, str]
Test = Callable[[Item, Names, Item], bool]  # takes an item, names, and values by their placeholders
Read = Callable[[Item, Names, Item], Value | None]
Change = Callable[[Item, Names, Item], dict[str, Any]]

TOKEN = re.compile(r"[:#]?\w+|<>|<=|>=|\S")
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


@cache
def condition(text: str) -> Test:
    """The test of whether an item satisfies the condition."""
    return _Parser(text).condition()


@cache
def update(text: str) -> Change:
    """The change that gives the updated item."""
    return _Parser(text).update()


class _Parser:
    """Reads an expression from left to right. Raises ValueError for unknown syntax."""

    def __init__(self, text: str) -> None:
        self._tokens = TOKEN.findall(text)

    def condition(self) -> Test:
        found = self._any()
        if self._tokens:
            raise ValueError(f"not understood: {self._tokens}")
        return found

    def update(self) -> Change:
        changes: list[Change] = []
        while self._tokens:
            clause = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add}[self._next()]
            changes.append(clause())
            while self._took(","):
                changes.append(clause())
        return lambda item, names, values: _all_of(changes, item, names, values)

    def _any(self) -> Test:
        tests = [self._every()]
        while self._took("OR"):
            tests.append(self._every())
        return lambda *known: any(test(*known) for test in tests)

    def _every(self) -> Test:
        tests = [self._one()]
        while self._took("AND"):
            tests.append(self._one())
        return lambda *known: all(test(*known) for test in tests)

    def _one(self) -> Test:
        if self._took("NOT"):
            test = self._one()
            return lambda *known: not test(*known)
        if self._took("("):
            inner = self._any()
            self._expect(")")
            return inner
        if self._tokens[1:2] == ["("]:
            return self._function()
        return self._comparison()

    def _function(self) -> Test:
        name = self._next()
        self._expect("(")
        read = self._operand()
        if name == "begins_with":
            self._expect(",")
            start = self._operand()
            self._expect(")")
            return lambda *known: str(_plain(read(*known)) or "").startswith(str(_plain(start(*known))))
        self._expect(")")
        wanted = {"attribute_exists": True, "attribute_not_exists": False}[name]
        return lambda *known: (read(*known) is not None) == wanted

    def _comparison(self) -> Test:
        read, sign, other = self._operand(), self._next(), self._operand()
        if sign == "BETWEEN":
            self._expect("AND")
            most = self._operand()
            return lambda *known: _holds(">=", read(*known), other(*known)) and _holds("<=", read(*known), most(*known))
        if sign == "<>":
            return lambda *known: not _holds("=", read(*known), other(*known))
        return lambda *known: _holds(sign, read(*known), other(*known))

    def _operand(self) -> Read:
        word = self._next()
        if word == "if_not_exists":
            self._expect("(")
            first = self._operand()
            self._expect(",")
            second = self._operand()
            self._expect(")")
            return lambda *known: first(*known) or second(*known)
        if word.startswith(":"):
            return lambda _, __, values: values[word]
        return lambda item, names, _: item.get(names[word] if word.startswith("#") else word)

    def _set(self) -> Change:
        name = self._next()
        self._expect("=")
        read = self._operand()
        if self._took("+"):
            first, second = read, self._operand()
            return lambda item, names, values: {
                _name(name, names): _sum(first(item, names, values), second(item, names, values))
            }
        return lambda item, names, values: {_name(name, names): read(item, names, values)}

    def _remove(self) -> Change:
        name = self._next()
        return lambda _, names, __: {_name(name, names): None}

    def _add(self) -> Change:
        name, read = self._next(), self._operand()
        return lambda item, names, values: {
            _name(name, names): _sum(item.get(_name(name, names), {"N": "0"}), read(item, names, values))
        }

    def _next(self) -> str:
        return str(self._tokens.pop(0))

    def _took(self, token: str) -> bool:
        is_it = self._tokens[:1] == [token]
        del self._tokens[: int(is_it)]
        return is_it

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise ValueError(f"{token} was expected: {self._tokens}")


def _all_of(changes: list[Change], item: Item, names: Names, values: Item) -> dict[str, Any]:
    """Apply all changes. Each change sees the item as it was before."""
    changed = {name: value for change in changes for name, value in change(item, names, values).items()}
    return {name: value for name, value in {**item, **changed}.items() if value is not None}


def _name(token: str, names: Names) -> str:
    return names[token] if token.startswith("#") else token


def _holds(sign: str, one: Value | None, other: Value | None) -> bool:
    """Compare two values. Values of different types, and missing ones, never match."""
    if one is None or other is None or one.keys() != other.keys():
        return False
    return COMPARED[sign](_plain(one), _plain(other))


def _plain(value: Value | None) -> Any:
    if value is None:
        return None
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


def _sum(one: Value | None, other: Value | None) -> Value:
    return {"N": str(_plain(one) + _plain(other))}
