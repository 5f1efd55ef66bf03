"""The documents list the parameters, outputs and codes of the code, and their links and contents lead somewhere."""

import re
from pathlib import Path
from typing import get_args

import pytest

from darkroom.domain.picture_formats import ENDINGS
from darkroom.errors import Code
from darkroom.providers.dialect_table import DIALECTS
from local.stack.parameters import read_template
from tests.templates import all_resources

ROOT = Path(__file__).parents[3]
TEMPLATE = read_template(ROOT / "template.yaml")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MAX_README_LINES = 200
DEFAULTS = {name: str(each["Default"]) for name, each in TEMPLATE["Parameters"].items()}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def parameters(document: str) -> dict[str, str]:
    """Names and defaults in a table that has them in its first two columns."""
    rows = re.findall(r"^\| `([A-Z][A-Za-z]+)` \| (`[^`]+`|empty) \|", text(document), re.MULTILINE)
    return {name: default.strip("`").replace("empty", "") for name, default in rows}


@pytest.mark.parametrize("document", ["docs/parameters.md", "docs/contract.md"])
def test_the_parameters_and_their_defaults_are_the_templates(document: str) -> None:
    assert parameters(document) == DEFAULTS


def test_the_outputs_are_the_templates() -> None:
    section = text("docs/contract.md").partition("## Stack outputs")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", section, re.MULTILINE)) == set(TEMPLATE["Outputs"])


def test_every_code_is_explained() -> None:
    section = text("docs/contract.md").partition("### Codes")[2].partition("\n#")[0]
    assert sorted(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == sorted(get_args(Code))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_options_are_those_that_the_dialects_take(dialect: str) -> None:
    section = text("docs/providers.md").partition("## Options")[2].partition("\n## ")[0]
    head, _, *rows = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")
    )
    column = head.index(f"`{dialect}`")
    taken = [name for row in rows if row[column] != "–" for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(taken) == sorted(DIALECTS[dialect].options)


def test_the_contract_names_the_options_of_the_first_dialect() -> None:
    listed = text("docs/contract.md").partition("Those of `nebula`: ")[2].partition(". The next turn")[0]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(DIALECTS["nebula"].options)


def test_the_contract_names_each_ending_of_a_picture() -> None:
    section = text("docs/contract.md").partition("## 2. Ask by upload")[2]
    (row,) = re.findall(r"^\| `(.+)` \| a source image;", section, re.MULTILINE)
    assert set(row.split()) == ENDINGS


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def titles(document: Path, level: str = "#{1,6}") -> list[str]:
    return re.findall(rf"^{level} (.+)$", prose(document), re.MULTILINE)


def anchors(document: Path) -> list[str]:
    """The anchors of a document's titles, as GitHub makes them."""
    plain = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles(document)]
    earlier = [plain[:i].count(anchor) for i, anchor in enumerate(plain)]
    return [f"{anchor}-{count}" if count else anchor for anchor, count in zip(plain, earlier, strict=True)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file_and_to_a_title_in_it(document: Path) -> None:
    for name, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose(document)):
        target = document.parent / name if name else document
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


def test_the_readme_is_a_landing_page_that_begins_with_a_conversation() -> None:
    assert len(text("README.md").splitlines()) <= MAX_README_LINES
    first_screen = text("README.md").partition("\n## ")[0]
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", first_screen) == ["docs/images/conversation.png"]
    assert re.findall(r"^    (.+)$", first_screen, re.MULTILINE) == ["make demo", "make test"]


def test_the_costs_count_the_alarms() -> None:
    """An alarm with an expression is charged for each metric in it."""
    alarms = [each["Properties"] for each in all_resources().values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = sum(max(1, sum("MetricStat" in each for each in alarm.get("Metrics", []))) for alarm in alarms)
    said = f"| alarms | {len(alarms)} of {metrics} metrics, $0.10 each | ${metrics / 10:.2f} |"
    assert said in text("docs/costs.md")
    assert f"| CloudWatch, alarms a region | 5,000 | {len(alarms)} |" in text("docs/aws.md")


def test_every_test_that_the_page_on_aws_names_is_there() -> None:
    code = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py")}
    page = text("docs/aws.md")
    assert set(re.findall(r"(test_\w+\.py)", page)) <= code.keys()
    named = set(re.findall(r"::(test_\w+)", page))
    assert named
    assert {name for name in named if f"def {name}(" not in "".join(code.values())} == set()


def test_the_page_on_aws_says_first_that_nothing_has_been_run_there() -> None:
    assert "**It has not been run on AWS:**" in text("docs/aws.md").partition("\n## ")[0]


def test_a_stack_is_said_to_be_one_trust_domain_before_anything_else_is_said_of_who_may_do_what() -> None:
    security, guide = text("SECURITY.md"), text("docs/guide-operators.md")
    assert security.split("\n\n")[1].startswith("**A stack is one trust domain.**")
    assert "**Messages are not kept apart.**" in security
    assert "A stack is one trust domain" in guide.partition("## Deploy on AWS")[0]


def test_the_first_deployment_asks_for_a_daily_limit() -> None:
    deploy = text("docs/guide-operators.md").partition("## Deploy on AWS")[2].partition("\n## ")[0]
    assert "Give **`DailyCallLimit`** a number" in deploy
