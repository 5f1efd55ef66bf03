"""The layer for AWS: built for arm64, compiled, and no larger than necessary."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MAX_BYTES = 30_000_000


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer, compiled by the Python at hand: another version's files are as large."""
    folder = tmp_path_factory.mktemp("layer")
    uv = ROOT / ".local/tools/uv/bin/uv"
    command = ["make", "build-DarkroomLayer", f"ARTIFACTS_DIR={folder}", f"UV={uv}", f"COMPILER={sys.executable}"]
    environ = {name: value for name, value in os.environ.items() if name != "LAYER_PYTHON"}
    subprocess.run(command, cwd=ROOT / "layers/darkroom", env=environ, check=True, timeout=300)
    return folder / "python"


def shares(layer: Path) -> dict[str, int]:
    """The bytes of each part, largest first."""
    sizes = {part.name: sum(file.stat().st_size for file in files(part)) for part in layer.iterdir()}
    return dict(sorted(sizes.items(), key=lambda size: -size[1]))


def files(part: Path) -> list[Path]:
    return [file for file in part.rglob("*") if file.is_file()] if part.is_dir() else [part]


def test_it_takes_at_most_thirty_megabytes(layer: Path) -> None:
    found = shares(layer)
    assert 20_000_000 < sum(found.values()) <= MAX_BYTES, found


def test_all_of_it_is_compiled(layer: Path) -> None:
    sources = [file for file in files(layer) if file.suffix == ".py"]
    compiled = [file for file in files(layer) if file.suffix == ".pyc"]
    assert len(sources) == len(compiled) > 100


def test_it_is_made_for_arm64(layer: Path) -> None:
    libraries = [file for file in files(layer) if ".so" in file.suffixes]
    assert libraries
    assert {int.from_bytes(file.read_bytes()[18:20], "little") for file in libraries} == {183}  # EM_AARCH64
