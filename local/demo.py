"""A whole conversation about a picture, on the stack that `make up` started: `python -m local.demo`.

A photo is dropped in the bucket; then come a follow-up by message, in Chinese, a branch that goes back to the
first turn, and a text file that continues the branch. Pictures and a contact sheet are left in `demo/`.
"""

import argparse
import os
import shlex
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.album import save
from local.conversation import NEEDED, Conversation, NoOutcomeError, Outcome
from local.painting.lake_house import draw_photo
from local.table import table

ENVIRONMENT_FILE = Path(".local/env")
FIRST_WORDS = "Turn the scene into a warm sunset"
HEAD = ("turn", "answers", "mode", "seconds", "paid calls", "status", "instruction")


@dataclass(frozen=True)
class Step:
    """One request: what a person would say of it, and how it is made."""

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
    """Each outcome as it arrives. Ends after the first failure: what follows would build on it."""
    for turn, step in enumerate(told, start=1):
        line = f"  {turn}. {step.told}"
        print(line, end="" if sys.stdout.isatty() else "\n", flush=True)
        started = time.monotonic()
        outcome = thread.outcome(turn, step.request(), lambda waited, line=line: _tick(line, waited))  # type: ignore[misc]
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


def rows(outcomes: list[Outcome]) -> list[list[str]]:
    return [
        [
            str(outcome.get("turn") or "–"),
            str(outcome.get("parent_turn") or "–"),
            outcome.get("mode") or "–",
            f"{(outcome.get('timing') or {}).get('api_seconds') or 0:.1f}",
            str((outcome.get("cost") or {}).get("paid_calls", "–")),
            outcome["status"],
            outcome.get("instruction") or "",
        ]
        for outcome in outcomes
    ]


def explain(outcome: Outcome) -> str:
    error = outcome.get("error") or {}
    said = [f"\nThe turn failed: {error.get('code')}: {error.get('message')}"]
    said += [f"Hint: {error['hint']}"] if error.get("hint") else []
    return "\n".join([*said, "What the functions say: make logs"])


def farewell(out: Path, thread: Conversation) -> str:
    prefix = f"s3://{thread.results}/threads/{thread.thread_id}/"
    return f"""
The pictures are in {out}/, side by side in {out}/contact-sheet.png.
The stack is still running; the thread's outcomes are in {prefix}

Use it from this shell:
  source .local/env
  aws s3 cp photo.jpg "s3://$UPLOADS_BUCKET/mine/photo.jpg" --metadata 'instruction=Make it night'
  aws s3 ls --recursive "s3://$RESULTS_BUCKET/threads/mine/photo/"
or, without the aws command:
  .venv/bin/python -c "import boto3, os; boto3.client('s3').upload_file('photo.jpg',
    os.environ['UPLOADS_BUCKET'], 'mine/photo.jpg', {{'Metadata': {{'instruction': 'Make it night'}}}})"

make down stops it."""


def read_environment(env: MutableMapping[str, str], file: Path = ENVIRONMENT_FILE) -> list[str]:
    """Takes over what `make up` wrote, where the shell has not sourced it; what is still missing then."""
    if any(name not in env for name in NEEDED) and file.is_file():
        for word in shlex.split(file.read_text(encoding="utf-8"), comments=True):
            name, equals, value = word.partition("=")
            if equals:
                env[name] = value
    # A profile of the user's own would be asked for credentials, and this is not its cloud.
    env.pop("AWS_PROFILE", None)
    return [name for name in NEEDED if not env.get(name)]


def thread_for(photo: Path | None, now: datetime) -> tuple[str, str]:
    """A thread id of this run's own, and the extension of the photo."""
    name = unicodedata.normalize("NFC", photo.name) if photo else "lake-house.jpg"
    stem, dot, extension = name.rpartition(".")
    return f"demo/{now:%Y%m%d-%H%M%S}/{stem if dot else name}", f"{dot}{extension.lower()}" if dot else ""


def run(photo_file: Path | None, out: Path, limit_seconds: float) -> int:
    thread_id, extension = thread_for(photo_file, datetime.now(UTC))
    photo = photo_file.read_bytes() if photo_file else draw_photo()
    thread = Conversation.connect(os.environ, thread_id, limit_seconds)
    print(f"The thread {thread_id}:\n")
    outcomes = list(converse(thread, steps(thread, photo, extension)))
    print("\n" + table(HEAD, rows(outcomes)))
    if outcomes[-1]["status"] != "succeeded":
        print(explain(outcomes[-1]))
        return 1
    save(thread, outcomes, photo, extension, out)
    print(farewell(out, thread))
    return 0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m local.demo", description="A conversation about a picture")
    options.add_argument("--photo", type=Path, help="a photo of your own; default: one that is drawn")
    options.add_argument("--out", type=Path, default=Path("demo"), help="where the pictures go (demo)")
    options.add_argument("--limit", type=float, default=180.0, help="seconds to wait for a turn (180)")
    given = options.parse_args()
    if given.photo and not given.photo.is_file():
        options.error(f"there is no file {given.photo}")
    if missing := read_environment(os.environ):
        print(f"There is no running stack to talk to ({', '.join(missing)} not set). Start one: make up")
        return 1
    try:
        return run(given.photo, given.out, given.limit)
    except NoOutcomeError as error:
        print(f"\n{str(error).capitalize()}. What the functions say: make logs")
    except KeyboardInterrupt:
        print("\nStopped. The turns that were asked for are still being answered.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
