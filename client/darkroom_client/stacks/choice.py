"""Chooses the stack: the one that is named, or `DARKROOM_STACK`, or the one that `darkroom use` remembers."""

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
_NAME_ONE = "Name one: `darkroom use NAME`, DARKROOM_STACK, or --stack. `local` is the stack on this machine."


class Choice(NamedTuple):
    """A stack by its name. `region` and `profile` are None if the shell's own apply.

    `local` is the stack that was started last in the checkout where the command runs. `local:4600` is the one on that
    port. `repository` is the checkout that is used if the command runs outside any checkout.
    """

    name: str
    region: str | None = None
    profile: str | None = None
    repository: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether the stack is on this machine."""
        return self.name.partition(":")[0] == LOCAL

    @property
    def port(self) -> int | None:
        """The port in the name of a local stack. Raises Invalid."""
        said = self.name.partition(":")[2]
        if said and not (said.isascii() and said.isdigit() and 0 < int(said) < 65536):
            raise Invalid(f"{said!r} is no port", "Name a stack as `local`, or as `local:4600`.")
        return int(said) if said else None

    def open(self) -> "Stack":
        """The stack itself. Raises Unreachable if there is none. On AWS the first call raises it."""
        from darkroom_client.stacks import stack  # boto3 takes a moment, and help needs none

        if not self.is_local:
            return stack.on_aws(self.name, region=self.region, profile=self.profile)
        port = self.port
        known = Path(self.repository) if self.repository else repository()
        return stack.on_this_machine(checkout.needed(fallback=known), port)


def find(named: str | None = None, environ: Mapping[str, str] = os.environ) -> Choice:
    """The chosen stack. Raises Unreachable if none is named."""
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
    """The choice that `darkroom use` stored. None if there is none, or if it cannot be read."""
    try:
        known = json.loads(_path(environ).read_text(encoding="utf-8"))
        return Choice(**known)
    except (OSError, ValueError, TypeError):
        return None


def repository(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The checkout that `checkout.find` finds, or else the one in which `darkroom use` ran last."""
    known = remembered(environ)
    return checkout.find(environ) or (Path(known.repository) if known and known.repository else None)


def remember(choice: Choice, environ: Mapping[str, str] = os.environ) -> None:
    """Stores the choice for all later commands. Raises Unreachable if the folder cannot be written."""
    path = _path(environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(choice._asdict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        way_out = "Name the stack with DARKROOM_STACK instead."
        raise Unreachable(f"{path} cannot be written: {error.strerror}.", way_out) from error


def _path(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "darkroom" / "stack.json"
