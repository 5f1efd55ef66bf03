"""Each case that `docs/uploads.md` tells of is shown by a test that there is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = [
    line
    for line in (ROOT / "docs/uploads.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| you drop", "| | what"))
]


@pytest.mark.parametrize("row", ROWS)
def test_a_case_is_shown_by_a_test(row: str) -> None:
    shown = re.search(r"`(tests/\S+\.py)::(test_\w+)` \|$", row)
    assert shown, "no test is named"
    tree = ast.parse((ROOT / shown[1]).read_text(encoding="utf-8"))
    assert shown[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_cases() -> None:
    assert len(ROWS) > 30
