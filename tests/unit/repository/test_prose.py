"""The documents have lines of at most 100 columns, contents on long pages, and plain words."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OTHERS = {"CHANGELOG.md"}  # the entries of releases stay as they were written
PAGES = [path for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]) if path.name not in OTHERS]
LANDING_PAGE = ROOT / "README.md"
MAX_COLUMNS = 100
MAX_LINES_WITHOUT_CONTENTS = 60
BLOCKS = re.compile(r"^ *```.*?^ *```$|^<!-- benchmark: .*?^<!-- end -->$|<!--.*?-->", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]*`")
TARGET = re.compile(r"\]\([^)]*\)")
RIDDLES = re.compile(r"\b(nobody|whoever|mend(s|ed|ing)?|of which|(is|are) told)\b", re.IGNORECASE)
CLAUSES = re.compile(r"(?:What|Who|Whoever)\b.*[^?]$")


def page(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> list[str]:
    """The lines of a document that are prose, titles or rows: no code, no comments, nothing that a program writes."""
    kept, is_list = list[str](), False
    for line in BLOCKS.sub("", path.read_text(encoding="utf-8")).splitlines():
        is_list = bool(re.match(r" *([-*]|\d+\.) ", line)) or (is_list and not re.match(r"\S", line))
        if is_list or not line.startswith("    "):
            kept.append(line)
    return kept


def sentences(path: Path) -> list[str]:
    """The sentences of a document and the cells of its tables, without titles, contents, code and links' targets."""
    text = "\n".join(line for line in lines(path) if not re.match(r"#|- \[.+\]\(#.+\)$", line))
    text = TARGET.sub("]", CODE.sub("`", text))
    paragraphs = re.split(r"\n\s*\n|^ *[-*] |\|", text, flags=re.MULTILINE)
    return [part.strip(" *_[") for each in paragraphs for part in re.split(r"(?<=[.?!])\W*\s", " ".join(each.split()))]


def can_be_broken(line: str) -> bool:
    """Whether there is a space in it outside of code."""
    return " " in CODE.sub("`", line).strip()


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_prose_has_at_most_100_columns(path: Path) -> None:
    prose = [TARGET.sub("]", line) for line in lines(path) if not line.startswith(("|", "#"))]
    assert [line for line in prose if len(line) > MAX_COLUMNS and can_be_broken(line)] == []


@pytest.mark.parametrize("path", [path for path in PAGES if path != LANDING_PAGE], ids=page)
def test_a_long_page_has_contents(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if len(text.splitlines()) > MAX_LINES_WITHOUT_CONTENTS:
        titles = re.findall(r"^## (.+)$", BLOCKS.sub("", text), re.MULTILINE)
        assert re.findall(r"^- \[(.+)\]\(#.+\)$", text.partition("\n## ")[0], re.MULTILINE) == titles


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_a_page_speaks_plainly(path: Path) -> None:
    said = sentences(path)
    assert [each for each in said if RIDDLES.search(each) or CLAUSES.match(each)] == []


def test_the_search_for_plain_words_finds_what_it_looks_for(tmp_path: Path) -> None:
    riddles = ["What is sent is read.", "It pays whoever asks.", "It is told.", "A bug, of which there are two."]
    riddles += ["Nobody saw it.", "Mend it."]
    plain = ["What is sent?", "Somebody saw it.", "`nobody` is a user."]
    document = tmp_path / "page.md"
    document.write_text("# What it costs\n\n" + " ".join([*riddles, *plain]), encoding="utf-8")
    found = [each for each in sentences(document) if RIDDLES.search(each) or CLAUSES.match(each)]
    assert found == riddles
