"""The template's parameters, and the values in `PARAMETERS="Name=value Other='two words'"`."""

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from local.stack.home import Trouble


class _Tagged(yaml.SafeLoader):
    """Reads !Sub and other tags as the plain values behind them."""


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has no fourth kind
    return loader.construct_mapping(node, deep=True)


_Tagged.add_multi_constructor("!", _plain)


def read_template(template: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(template.read_text(encoding="utf-8"), Loader=_Tagged)  # noqa: S506
    return content


def parse(text: str) -> dict[str, str]:
    """`Name=value` pairs, quoted as in a shell."""
    pairs = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        if not equals:
            raise Trouble(f"PARAMETERS: {word!r} is not of the form Name=value.")
        pairs[name] = value
    return pairs


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as problem:
        raise Trouble(f"PARAMETERS: {problem}: {text}") from problem


def complete(template: Path, given: Mapping[str, str]) -> dict[str, str]:
    """A value for every parameter. Without them, CloudFormation would keep the values of the last deployment."""
    declared = read_template(template)["Parameters"]
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Trouble(f"PARAMETERS: there is no {', '.join(unknown)}. There are: {', '.join(declared)}.")
    return {name: given.get(name, str(each["Default"])) for name, each in declared.items()}


def taken_back(before: Mapping[str, str], now: Mapping[str, str], named: Collection[str]) -> list[str]:
    """The parameters that change without being given: the new value, and the old one."""
    changed = {name: now[name] for name in now if name not in named and before.get(name, now[name]) != now[name]}
    return [f"{name}={shlex.quote(value)} (was {shlex.quote(before[name])})" for name, value in changed.items()]
