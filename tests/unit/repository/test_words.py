"""Docstrings, comments and messages are in plain English: no sentence has a clause as its subject, none is a riddle."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("benchmarks", "client", "examples", "functions", "layers", "local", "tests")
OTHERS = (
    *("template.yaml", "monitoring.yaml", "Makefile", "pyproject.toml"),
    *(f"examples/{name}.yaml" for name in ("other-account", "pipe", "pipeline", "producer", "webhook")),
)
RIDDLES = re.compile(r"(?<![:\w])(nobody|mend(s|ed|ing)?|of which|(is|are|was|were) told)\b", re.IGNORECASE)
CLAUSES = re.compile(r"(What|Who|Whoever|Whatever)\b[^?]*$", re.IGNORECASE)


def modules(name: str) -> list[Path]:
    """The module of this name, or those below the folder."""
    path = ROOT / name
    return (
        [path] if path.is_file() else [each for each in sorted(path.rglob("*.py")) if "node_modules" not in each.parts]
    )


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in modules(folder)]


def docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def messages(tree: ast.AST) -> Iterator[str]:
    """The texts of several words: messages, hints, and the docstrings again."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def comments(text: str) -> Iterator[str]:
    """Each comment; lines of their own that follow each other are one."""
    block, last = "", (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        said = re.sub(r"^noqa: \w+ - |^type: ignore\S* ?-? ?", "", token.string.strip("# "))
        is_alone = token.line.lstrip().startswith("#")
        if is_alone and token.start == (last[0] + 1, last[1]):
            block += f" {said}"
        else:
            yield block
            block = said
        last = token.start if is_alone else (0, 0)
    yield block


def sentences(text: str) -> list[str]:
    paragraphs = re.split(r"\n\s*\n|^\s*- ", text, flags=re.MULTILINE)
    return [each for part in paragraphs for each in re.split(r"(?<=[.!?])\s+", " ".join(part.split()))]


def faults(texts: Iterator[str]) -> list[str]:
    said = [each for text in texts for each in sentences(text)]
    return [each for each in said if CLAUSES.match(each) or RIDDLES.search(each)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def faults_of(path: Path) -> list[str]:
    """The faulty sentences of a module's docstrings and comments."""
    text = path.read_text(encoding="utf-8")
    return [*faults(docstrings(ast.parse(text))), *faults(comments(text))]


@pytest.mark.parametrize("path", sources(), ids=name)
def test_a_modules_words_are_plain(path: Path) -> None:
    assert faults_of(path) == []


@pytest.mark.parametrize("path", [path for path in sources() if "tests" not in path.parts], ids=name)
def test_a_modules_messages_hold_no_riddle(path: Path) -> None:
    found = messages(ast.parse(path.read_text(encoding="utf-8")))
    assert [said for said in found if RIDDLES.search(said)] == []


@pytest.mark.parametrize("other", OTHERS)
def test_the_words_of_templates_and_settings_are_plain(other: str) -> None:
    lines = (ROOT / other).read_text(encoding="utf-8").splitlines()
    said = [line.partition(mark)[2].strip() for line in lines for mark in ("# ", "Description: ") if mark in line]
    assert faults(iter(said)) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("What the rule takes.", 1),
        ("It works. Who waits is woken.", 1),
        ("Whatever breaks ends.", 1),
        ("What is it for?", 0),
        ("The uploader is told why.", 1),
        ("Ask nobody.", 1),
        ("The condition `:nobody` holds.", 0),
        ("The part that is sent. It says what to do.", 0),
    ],
)
def test_a_sentence_with_a_clause_as_its_subject_is_found(text: str, count: int) -> None:
    assert len(faults(iter([text]))) == count


def test_comments_are_read_as_blocks_and_without_marks_for_tools() -> None:
    source = "a = 1  # what it is\n# The first line\n# ends here.\nb = 2  # noqa: ARG001 - who calls it\n"
    assert [each for each in comments(source) if each] == ["what it is", "The first line ends here.", "who calls it"]
