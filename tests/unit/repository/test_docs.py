"""What the documents list is what the code has: parameters, outputs, codes; and their links lead somewhere."""

import re
from pathlib import Path
from typing import get_args

import pytest

from darkroom.errors import Code
from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]
TEMPLATE = read_template(ROOT / "template.yaml")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
DEFAULTS = {name: str(each["Default"]) for name, each in TEMPLATE["Parameters"].items()}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def parameters(document: str) -> dict[str, str]:
    """Names and defaults in a table whose first two columns they are."""
    rows = re.findall(r"^\| `([A-Z][A-Za-z]+)` \| (`[^`]+`|empty) \|", text(document), re.MULTILINE)
    return {name: default.strip("`").replace("empty", "") for name, default in rows}


@pytest.mark.parametrize("document", ["README.md", "docs/contract.md"])
def test_the_parameters_and_their_defaults_are_the_templates(document: str) -> None:
    assert parameters(document) == DEFAULTS


def test_the_outputs_are_the_templates() -> None:
    section = text("docs/contract.md").partition("## Stack outputs")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", section, re.MULTILINE)) == set(TEMPLATE["Outputs"])


def test_every_code_is_explained() -> None:
    section = text("docs/contract.md").partition("### Codes")[2].partition("\n#")[0]
    assert sorted(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == sorted(get_args(Code))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_to_a_file_leads_to_one(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
