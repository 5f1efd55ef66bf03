"""A whole conversation about a picture, on the stack that was brought up last: `python -m local.demo [--photo FILE]`.

It uploads a photo, sends a follow-up in Chinese as a message, goes back to the first turn with a branch, and continues
the branch with a text file. It leaves the pictures and a contact sheet in `demo/`.
"""

import argparse
import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from local.demo.album import save
from local.demo.conversation import Conversation, NoOutcomeError
from local.demo.report import HEAD, explain, farewell, rows
from local.demo.steps import converse, steps
from local.demo.table import table
from local.stack import env_file
from local.stack.home import HOMES, Trouble

OUT = Path("demo")
PHOTO = Path(__file__).parent / "lake-house.jpg"


def thread_for(photo: Path | None, now: datetime) -> tuple[str, str]:
    """A new thread id for this run, and the extension of the photo."""
    name = unicodedata.normalize("NFC", (photo or PHOTO).name)
    stem, dot, extension = name.rpartition(".")
    return f"demo/{now:%Y%m%d-%H%M%S}/{stem if dot else name}", f"{dot}{extension.lower()}" if dot else ""


def run(thread: Conversation, photo: bytes, extension: str, out: Path) -> int:
    print(f"The thread {thread.thread_id}:\n")
    outcomes = list(converse(thread, steps(thread, photo, extension)))
    print("\n" + table(HEAD, rows(outcomes)))
    if outcomes[-1]["status"] != "succeeded":
        print(explain(outcomes[-1]))
        return 1
    save(thread, outcomes, photo, extension, out)
    print(farewell(out, thread))
    return 0


def main(homes: Path = HOMES) -> int:
    options = argparse.ArgumentParser(prog="python -m local.demo", description="A conversation about a picture")
    options.add_argument("--photo", type=Path, help="a photo of your own; default: a lake house by day")
    file = options.parse_args().photo
    if file and not file.is_file():
        options.error(f"there is no file {file}")
    thread_id, extension = thread_for(file, datetime.now(UTC))
    try:
        thread = Conversation.connect(env_file.read(homes), thread_id)
        return run(thread, (file or PHOTO).read_bytes(), extension, OUT)
    except Trouble as trouble:
        print(trouble)
    except NoOutcomeError as error:
        print(f"\n{str(error).capitalize()}. What the functions say: make logs")
    except KeyboardInterrupt:
        print("\nStopped. The turns that were asked for are still being answered.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
