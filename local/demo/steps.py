"""The conversation, step by step: an upload, a message in Chinese, a branch, a text file that continues it."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from local.demo.conversation import Conversation, Outcome

FIRST_WORDS = "Turn the scene into a warm sunset"


@dataclass(frozen=True)
class Step:
    """One request: its description for people, and the call that makes it."""

    told: str
    request: Callable[[], str]


def steps(thread: Conversation, photo: bytes, extension: str) -> list[Step]:
    name = thread.thread_id.rpartition("/")[2]
    return [
        Step(
            f"upload {name}{extension}, with the instruction in its metadata",
            lambda: thread.upload(extension, photo, instruction=FIRST_WORDS),
        ),
        Step("message, in Chinese", lambda: thread.ask(instruction="把景色换成夜色下雪的场景")),
        Step(
            "message that goes back to turn 1: a branch",
            lambda: thread.ask(instruction="Make it a watercolour painting", parent_turn=1),
        ),
        Step(
            f"upload {name}.txt, which continues the branch",
            lambda: thread.upload(".txt", b"Add a white frame, and mirror it"),
        ),
    ]


def converse(thread: Conversation, told: list[Step]) -> Iterator[Outcome]:
    """Yield each outcome as it arrives. Stop after the first failure, because later steps build on it."""
    for turn, step in enumerate(told, start=1):
        line = f"  {turn}. {step.told}"
        print(line, end="" if sys.stdout.isatty() else "\n", flush=True)
        started = time.monotonic()
        outcome = thread.outcome(turn, step.request(), partial(_tick, line))
        _finish(line, outcome["status"], time.monotonic() - started)
        yield outcome
        if outcome["status"] != "succeeded":
            return


def _tick(line: str, waited: float) -> None:
    if sys.stdout.isatty():
        print(f"\r{line} … {waited:.0f} s", end="", flush=True)


def _finish(line: str, status: str, seconds: float) -> None:
    if sys.stdout.isatty():
        print(f"\r{line}: {status}, {seconds:.1f} s\033[K", flush=True)
    else:
        print(f"     {status} after {seconds:.1f} s", flush=True)
