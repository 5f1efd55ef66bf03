"""What the commands have in common: which stack they are for, what they say, and how trouble ends them."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.errors import DarkroomError
from darkroom.worker.escaping import escaped
from darkroom_client.errors import Trouble
from darkroom_client.stacks import stack as stacks
from darkroom_client.stacks.stack import Stack

REPOSITORY = Path(__file__).parents[1]


def options(name: str, description: str) -> argparse.ArgumentParser:
    """The options of a command, with those that name its stack."""
    parser = argparse.ArgumentParser(prog=f"python -m operations.{name}", description=description)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", help="a stack on AWS, with the shell's own credentials and region")
    where.add_argument("--port", type=int, help="the stack on this port of this machine; default: the one last up")
    return parser


def say(line: str) -> None:
    """Tells a line at once. Names and words of strangers cannot steer the terminal."""
    print(escaped(line), flush=True)


def agrees(question: str, otherwise: str) -> bool:
    """Whether the person at the keyboard says yes. Raises Trouble where there is nobody: `otherwise` is the way out."""
    if not sys.stdin.isatty():
        raise Trouble(f"Nobody is here to say yes, so nothing was done. {otherwise}")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def run(given: argparse.Namespace, work: Callable[[Stack], None], *, advice: str = "") -> int:
    """Does the work on the stack that was named, and returns the exit code. `advice` follows an error of AWS."""
    try:
        work(stacks.on_aws(given.stack) if given.stack else stacks.on_this_machine(REPOSITORY, given.port))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError, DarkroomError) as trouble:
        print(f"{trouble}\n{advice}".rstrip(), file=sys.stderr)
        return 1
    return 0
