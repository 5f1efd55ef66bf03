"""README and CONTRIBUTING name loops, rooms and files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "layers/darkroom/darkroom"


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_each_command_is_a_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text("README.md") + text("CONTRIBUTING.md"))) - targets == set()


def test_the_rooms_are_the_packages_folders() -> None:
    section = text("CONTRIBUTING.md").partition("## Rooms")[2].partition("\n## ")[0]
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/` \|", section, re.MULTILINE)) == rooms


def test_each_file_and_folder_that_is_named_is_there() -> None:
    named = set(re.findall(r"`([\w./-]+(?:/|\.py|\.md|\.yaml|\.json))`", text("CONTRIBUTING.md")))
    places = (ROOT, PACKAGE, ROOT / "tests/unit")
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()
