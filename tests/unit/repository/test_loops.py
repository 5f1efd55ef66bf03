"""No promise loses its test in `make test`: each sentence of it names a test that is not left to a slow loop."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROOF = (ROOT / "docs/reliability.md").read_text(encoding="utf-8").partition("\n## Who is kept out")[0]
SLOW_MODULE = re.compile(r"^pytestmark = pytest\.mark\.(slow|torture)", re.MULTILINE)


def sections() -> dict[str, list[str]]:
    """The tests that each sentence of the promise names, by the sentence."""
    parts = re.split(r"^#+ (\d\. .+)$", PROOF, flags=re.MULTILINE)
    titles, texts = parts[1::2], parts[2::2]
    return {title: re.findall(r"`(tests/[\w/]*/test_\w+\.py)", text) for title, text in zip(titles, texts, strict=True)}


def is_quick(path: str) -> bool:
    return not SLOW_MODULE.search((ROOT / path).read_text(encoding="utf-8"))


def test_the_six_sentences_of_the_promise_are_proven() -> None:
    assert len(sections()) == 6


@pytest.mark.parametrize("sentence", sections())
def test_a_sentence_of_the_promise_has_a_test_in_the_quick_loop(sentence: str) -> None:
    assert any(is_quick(path) for path in sections()[sentence])


def test_what_is_slow_is_told_from_what_is_not() -> None:
    assert is_quick("tests/guarantees/test_crashes.py")
    assert not is_quick("tests/e2e/test_deaths.py")
