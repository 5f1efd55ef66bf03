"""Each decision has a number, a page of its own, and a line in the index."""

import re
from pathlib import Path

import pytest

DECISIONS = Path(__file__).parents[3] / "docs/decisions"
RECORDS = sorted(DECISIONS.glob("0*.md"))
INDEX = " ".join((DECISIONS / "README.md").read_text(encoding="utf-8").split())


def title(record: Path) -> str:
    return record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def test_the_numbers_have_no_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_its_number_a_context_a_decision_and_consequences(record: Path) -> None:
    assert title(record).startswith(f"{int(record.name[:4])}. ")
    sections = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_listed_with_its_title(record: Path) -> None:
    assert f"- [{title(record)}]({record.name})" in INDEX


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_what_a_record_supersedes_is_listed_and_what_is_listed_names_it(record: Path) -> None:
    supersedes = "\nSupersedes " in record.read_text(encoding="utf-8")
    assert (f"| [{title(record)}]({record.name}) |" in INDEX) == supersedes
