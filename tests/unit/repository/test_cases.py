"""Each case in `docs/uploads.md` and `docs/image-api.md` names an existing test that shows it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def rows_of(page: str) -> list[str]:
    """The rows of the page's tables whose last column is headed "shown by"."""
    rows, is_shown = list[str](), False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            is_shown = False
        elif line.endswith("| shown by |"):
            is_shown = True
        elif is_shown and not line.startswith("|---"):
            rows.append(line)
    return rows


UPLOADS, ANSWERS = rows_of("docs/uploads.md"), rows_of("docs/image-api.md")


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", [*UPLOADS, *ANSWERS])
def test_a_case_is_shown_by_a_test(row: str) -> None:
    shown = re.search(r"`(tests/\S+\.py)::(test_\w+)` \|$", row)
    assert shown, "no test is named"
    assert shown[2] in names_in(shown[1])


def test_there_are_cases() -> None:
    assert len(UPLOADS) > 60
    assert len(ANSWERS) > 20
