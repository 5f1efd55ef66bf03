"""Which stack is meant: the one that is named, `DARKROOM_STACK`, or what `darkroom use` remembered."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darkroom_client.errors import Invalid, Unreachable
from darkroom_client.stacks import checkout

if TYPE_CHECKING:
    from darkroom_client.stacks.stack import Stack

LOCAL = "local"
_NAME_ONE = "Say which: `darkroom use NAME`, DARKROOM_STACK, or --stack; `local` is this machine's."


class Choice(NamedTuple):
    """A stack by its name, with region and profile where they are not the shell's own.

    `local` is the stack last brought up in the checkout where the command runs, `local:4600` the one on that port.
    `repository` is the checkout in which a local one is looked for where the command runs in none.
    """

    name: str
    region: str | None = None
    profile: str | None = None
    repository: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.name.partition(":")[0] == LOCAL

    @property
    def port(self) -> int | None:
        """The port that a local one is named by. Raises Invalid."""
        said = self.name.partition(":")[2]
        if said and not (said.isascii() and said.isdigit() and 0 < int(said) < 65536):
            raise Invalid(f"{said!r} is no port", "Name a stack as `local`, or as `local:4600`.")
        return int(said) if said else None

    def open(self) -> "Stack":
        """The stack itself. Raises Unreachable where there is none; on AWS that shows when it is first asked."""
        from darkroom_client.stacks import stack  # boto3 takes a moment, and help needs none

        if not self.is_local:
            return stack.on_aws(self.name, region=self.region, profile=self.profile)
        port = self.port
        known = Path(self.repository) if self.repository else repository()
        return stack.on_this_machine(checkout.needed(fallback=known), port)


def find(named: str | None = None, environ: Mapping[str, str] = os.environ) -> Choice:
    """The stack that is meant. Raises Unreachable where nothing says which."""
    known = remembered(environ)
    name = named or environ.get("DARKROOM_STACK")
    if name:
        return known if known and known.name == name else Choice(name, repository=known and known.repository)
    if known:
        return known
    if (found := checkout.find(environ)) and (found / ".local" / "env").is_file():
        return Choice(LOCAL)
    raise Unreachable("No stack is named.", _NAME_ONE)


def remembered(environ: Mapping[str, str] = os.environ) -> Choice | None:
    """What `darkroom use` wrote down; None where that is nothing, or cannot be read."""
    try:
        known = json.loads(_path(environ).read_text(encoding="utf-8"))
        return Choice(**known)
    except (OSError, ValueError, TypeError):
        return None


def repository(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The checkout that is meant: see `checkout.find`; or else the one in which `darkroom use` was last said."""
    known = remembered(environ)
    return checkout.find(environ) or (Path(known.repository) if known and known.repository else None)


def remember(choice: Choice, environ: Mapping[str, str] = os.environ) -> None:
    """Writes it down for all later commands. Raises Unreachable where the folder cannot be written."""
    path = _path(environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(choice._asdict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        way_out = "DARKROOM_STACK names a stack, too."
        raise Unreachable(f"{path} cannot be written: {error.strerror}.", way_out) from error


def _path(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "darkroom" / "stack.json"
