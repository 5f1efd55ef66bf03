"""The resources of the two templates, read as one stack; and a template without the parts that the emulator lacks."""

import re
from pathlib import Path
from typing import Any

from local.stack.parameters import read_template

ROOT = Path(__file__).parent.parent


def all_resources() -> dict[str, dict[str, Any]]:
    """The resources of template.yaml and of its nested stack, with the parameters' values filled in."""
    own: dict[str, dict[str, Any]] = read_template(ROOT / "template.yaml")["Resources"]
    stack = own["Monitoring"]["Properties"]
    nested = read_template(ROOT / stack["TemplateURL"])["Resources"]
    assert own.keys().isdisjoint(nested), "one of them would be hidden here, and made twice there"
    return {**own, **_filled_in(nested, stack["Parameters"])}


def without(text: str, *resources: str) -> str:
    """A template's text without some of its resources."""
    for name in resources:
        text, times = re.subn(rf"^  {name}:\n(?:    .*\n|\n)+", "", text, flags=re.MULTILINE)
        assert times == 1, name
    return text


def _filled_in(part: Any, values: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _filled_in(each, values) for name, each in part.items()}
    if isinstance(part, list):
        return [_filled_in(each, values) for each in part]
    return values.get(part, part) if isinstance(part, str) else part
