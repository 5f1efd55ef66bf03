"""The places of things: the repository, its tools, and the folder of a stack."""

import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOMES = REPOSITORY / ".local"
TOOLS = HOMES / "tools"
UV = TOOLS / "uv" / "bin" / "uv"
SAM = TOOLS / "sam" / "bin" / "sam"
EMULATOR_PYTHON = TOOLS / "ministack" / "bin" / "python"
PYTHON = Path(sys.executable)


class Trouble(Exception):
    """An error that the person at the keyboard can fix. Its text says how."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the stack on one port. Everything it writes is below `folder`."""

    homes: Path
    port: int

    @property
    def folder(self) -> Path:
        return self.homes / str(self.port)

    @property
    def state(self) -> Path:
        """The folder of the emulator's state, which outlives a run."""
        return self.folder / "state"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def build(self) -> Path:
        return self.folder / "build"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def existing(homes: Path) -> list[Home]:
    """Every stack that was ever brought up in `homes`."""
    folders = homes.iterdir() if homes.is_dir() else iter(())
    return sorted((Home(homes, int(each.name)) for each in folders if each.name.isdigit()), key=lambda h: h.port)


def require_tools() -> None:
    missing = [tool for tool in (UV, SAM, EMULATOR_PYTHON) if not tool.exists()]
    if missing:
        raise Trouble("The tools are not installed here yet. `make tools` installs them.")
