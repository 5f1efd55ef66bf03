"""Other programs find the marks and signatures that `provenance` states: exiftool and C2PA's own library.

`make readers` installs both; exiftool needs a Perl.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from darkroom.pictures import marking
from darkroom.pictures.marking import SOURCE_TYPES, SourceType
from tests.fakes.image_api import made
from tests.pictures.making import photographed, scene
from tests.unit.pictures.test_marking import FILES, file
from tests.unit.turns.world import World

pytestmark = pytest.mark.slow  # they have 100 MB, and each starts a process

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / ".local" / "tools"
EXIFTOOL = TOOLS / "exiftool" / "node_modules" / "exiftool-vendored.pl" / "bin" / "exiftool"
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
ADDRESS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def exiftool(*words: str, of: Sequence[Path]) -> str:
    """Also for files with faults. The faults are part of the output."""
    found = subprocess.run(
        ["perl", EXIFTOOL, *words, *of],  # noqa: S607 - Perl is where it is
        capture_output=True, check=False, timeout=60, text=True,
    )  # fmt: skip
    return found.stdout


def said_by_exiftool(*words: str, of: Sequence[Path]) -> list[dict[str, object]]:
    """The statements that exiftool finds in each file."""
    return [{**each, "SourceFile": ""} for each in json.loads(exiftool("-json", *words, of=of))]


def signing(*words: object) -> str:
    """The output of C2PA's own library."""
    command: list[str | Path] = [TOOLS / "c2pa" / "bin" / "python", "-m", "tests.pictures.signing", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60, text=True).stdout


def validity(*pictures: Path) -> list[str | None]:
    return list(json.loads(signing("read", *pictures)))


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / f"{name.replace(', ', '-').replace(' ', '-')}{ENDINGS[name.replace(',', '').split()[0]]}"
    path.write_bytes(data)
    return path


@pytest.fixture
def signed(tmp_path: Path) -> dict[str, Path]:
    """A picture of each format, signed with a certificate of this run."""
    made = {kind: tmp_path / f"signed{ENDINGS[kind]}" for kind in ENDINGS}
    for kind, path in made.items():
        signing("sign", written(tmp_path, kind, file(kind)), path)
    return made


@pytest.mark.parametrize("source_type", SOURCE_TYPES)
def test_exiftool_finds_the_source_type_and_no_new_fault(tmp_path: Path, source_type: SourceType) -> None:
    (tmp_path / "marked").mkdir()
    plain = [written(tmp_path, name, file(name)) for name in FILES]
    marked = [written(tmp_path / "marked", name, marking.marked(file(name), source_type)[0][:]) for name in FILES]
    assert said_by_exiftool("-XMP:all", of=marked) == [
        {"SourceFile": "", "DigitalSourceType": ADDRESS + source_type} for _ in FILES
    ]
    faults = ("-validate", "-warning", "-error", "-a")
    assert said_by_exiftool(*faults, of=marked) == said_by_exiftool(*faults, of=plain)


@pytest.mark.parametrize("kind", ENDINGS)
def test_what_exiftool_wrote_is_read(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind, file(kind))
    exiftool(f"-XMP-iptcExt:DigitalSourceType={ADDRESS}digitalArt", "-overwrite_original", of=[path])
    assert marking.marked(path.read_bytes(), SOURCE_TYPES[0])[1] == {
        "c2pa": False,
        "digital_source_type": "digitalArt",
        "mark": "there_already",
    }


def test_a_signed_file_is_known_and_goes_through_a_turn_and_back_with_a_valid_signature(
    tmp_path: Path, signed: dict[str, Path]
) -> None:
    assert validity(*signed.values()) == ["Valid"] * 3
    for kind, path in signed.items():
        world = World()
        world.script(made(path.read_bytes()))
        (picture,) = world.send({"instruction": "a"}).images
        assert picture.provenance
        assert (picture.provenance["c2pa"], picture.provenance["mark"]) == (True, "signed")
        world.send({"instruction": "b"}, message_id="m-2")
        (sent,) = world.api.questions[-1].context.images
        published = world.objects.objects[picture.bucket, picture.key].data
        assert validity(written(tmp_path, kind, published)) == ["Valid"]
        assert validity(written(tmp_path, kind, sent.data[:])) == ["Valid"]


def test_a_mark_would_break_a_signature(tmp_path: Path, signed: dict[str, Path]) -> None:
    """This shows that the check above can fail."""
    data = signed["png"].read_bytes()
    mark = marking.marked(file("png"), SOURCE_TYPES[0])[0][33:][: -len(file("png")) + 33]
    assert validity(written(tmp_path, "png", data[:33] + mark + data[33:])) == ["Invalid"]


def test_files_without_a_manifest_have_none_for_both(tmp_path: Path) -> None:
    photos = {kind: photographed(kind.upper(), scene()) for kind in ENDINGS}
    assert validity(*(written(tmp_path, kind, data) for kind, data in photos.items())) == [None] * 3
    assert [marking.marked(data, None)[1]["c2pa"] for data in photos.values()] == [False] * 3
