"""Runs the lines of documents as they stand: each block with a mark.

A mark is a comment before the block: `<!-- run: upload -->`, or `<!-- file: consumer.yaml -->` for a file to read.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local.stack.home import TOOLS
from tests.e2e.conftest import Stack

ROOT = Path(__file__).parents[2]
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
INTERPRETERS: dict[str, list[str | Path]] = {
    "sh": ["/bin/sh", "-euc"],
    "python": [sys.executable, "-c"],
    "js": [TOOLS / "node" / "bin" / "node", "--input-type=module", "-e"],
}


@dataclass(frozen=True, slots=True)
class Block:
    """The text between two fences."""

    language: str
    text: str


def marked(*documents: str) -> dict[str, Block]:
    """The marked blocks of documents, by name. No two have the same name."""
    found = re.findall(r"<!-- (?:run|file): (\S+) -->\n```(\w+)\n(.*?)```", _text(documents), re.DOTALL)
    blocks = {name: Block(language, block) for name, language, block in found}
    assert len(blocks) == len(found), "two blocks have one name"
    return blocks


def shown(*documents: str) -> dict[str, str]:
    """The outputs that documents show, by the name of the block that prints them: `<!-- output: first-command -->`."""
    return dict(re.findall(r"<!-- output: (\S+) -->\n```text\n(.*?)```", _text(documents), re.DOTALL))


def unmarked(*documents: str) -> list[str]:
    """The blocks of shell, Python and JavaScript without a mark."""
    return re.findall(r"(?<! -->)\n```(?:sh|python|js)\n(.*?)```", _text(documents), re.DOTALL)


def _text(documents: Iterable[str]) -> str:
    return "\n".join((ROOT / document).read_text(encoding="utf-8") for document in documents)


def run(
    block: Block, stack: Stack, folder: Path, variables: Mapping[str, str] = NO_VARIABLES, *, has_remarks: bool = False
) -> str:
    """Run a block in a reader's shell. Return its output; `has_remarks`: with standard error, as on a terminal."""
    done = subprocess.run(
        [*INTERPRETERS[block.language], block.text],
        cwd=folder,
        env={**_shell(stack, folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if has_remarks else subprocess.PIPE,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


def _shell(stack: Stack, folder: Path) -> dict[str, str]:
    """The environment of a reader who has sourced `.local/env`, with the project's `aws`, rclone and s3fs."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "XDG_", "DARKROOM_"))}
    path = [Path(sys.executable).parent, TOOLS / "rclone" / "bin", TOOLS / "s3fs" / "bin", own["PATH"]]
    return {**own, "PATH": os.pathsep.join(map(str, path)), "HOME": str(folder), "AWS_PAGER": "", **stack.env}
