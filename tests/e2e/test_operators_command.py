"""The operator's commands in real use: in scripts by exit code and JSON, and at terminals of any width.

`test_policies.py` tests their permissions, and other tests the work behind them.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.e2e import operating
from tests.e2e.conftest import Stack
from tests.e2e.road import Doors, eventually
from tests.e2e.terminals import typed

pytestmark = pytest.mark.slow

WIDTHS = (60, 100, 160)
FOREIGN = "商店的瓶子换成夜色下雪的场景 👩‍👩‍👧😀👍🏽 שלום עולם مرحبا"
SECONDS = 120


@pytest.fixture
def mark() -> str:
    return f"op-{uuid.uuid4().hex[:8]}"


def batch(folder: Path, name: str, *words: str) -> str:
    """Make a batch file with a line for each of these words. Return its path."""
    file = folder / name
    lines = [json.dumps({"custom_id": f"line-{number}", "instruction": each}) for number, each in enumerate(words)]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(file)


def test_a_healthy_stack_is_idle_and_has_nothing_broken(stack: Stack) -> None:
    found = operating.told(stack, "doctor")
    assert found["healthy"]
    assert {each["name"] for each in found["checks"] if each["state"] != "ok"} <= {"limit", "subscribers"}
    assert operating.told(stack, "status")["paused"] is False


def test_a_batch_is_followed_to_its_end_and_taken_up_again_and_its_failures_are_told(
    stack: Stack, tmp_path: Path, mark: str
) -> None:
    file = batch(tmp_path, f"{mark}.jsonl", "a red cat", "a blue cat [fault:refusal]", "a green cat")
    paid = 3 if Doors(stack).dialect.name == "gemini" else 2  # Google refuses in an answer, and not in an error
    for _ in range(2):
        told = operating.told(stack, "batch", file, code=1)
        assert (told["total"], told["succeeded"], told["failed"], told["paid_calls"]) == (3, 2, 1, paid)
        assert [(each["custom_id"], each["code"]) for each in told["failures"]] == [("line-1", "refused")]
    assert operating.told(stack, "batch", "status", file, code=1)["ended"]
    spent = operating.told(stack, "cost", f"{mark}/", "--by", "folder")
    assert (spent["calls"], spent["images"]) == (paid, 2)
    assert [group["key"] for group in spent["groups"]] == [mark]


def test_a_file_with_a_fault_is_not_uploaded(stack: Stack, tmp_path: Path, mark: str) -> None:
    file = batch(tmp_path, f"{mark}.jsonl", "a cat", "")
    told = operating.told(stack, "batch", file, code=2)
    assert [each["line"] for each in told["faults"]] == [2]
    assert not stack.aws.s3.list_objects_v2(Bucket=stack.env["UPLOADS_BUCKET"], Prefix=mark)["KeyCount"]


def test_who_is_interrupted_is_told_that_it_goes_on_and_the_same_line_follows_it(
    stack: Stack, tmp_path: Path, mark: str
) -> None:
    file = batch(tmp_path, f"{mark}.jsonl", "a cat [fault:slow]", "a dog")
    with subprocess.Popen(
        [operating.DARKROOM, "--stack", "darkroom", "batch", file],
        env={**os.environ, "XDG_CACHE_HOME": str(stack.home.folder), **stack.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        eventually(lambda: stack.aws.s3.list_objects_v2(Bucket=stack.env["UPLOADS_BUCKET"], Prefix=mark)["KeyCount"])
        time.sleep(0.5)
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=SECONDS)
    assert following.returncode == 130
    assert "It goes on by itself" in said
    assert "Traceback" not in said
    assert operating.told(stack, "batch", file)["succeeded"] == 2


def test_a_pause_shows_and_makes_the_doctor_unhappy_and_requests_go_on_after_it(stack: Stack, mark: str) -> None:
    doors = Doors(stack)
    assert operating.told(stack, "pause")["paused"]
    try:
        doors.send(mark, {"instruction": "a cat"})
        assert eventually(lambda: operating.told(stack, "status")["causes"].get("queued")) == 1
        shown = operating.ended(stack, "show", mark, "--json")
        assert (shown.returncode, "the stack is paused" in json.loads(shown.stderr)["message"]) == (1, True)
        (broken,) = [each for each in operating.told(stack, "doctor", code=1)["checks"] if each["state"] == "broken"]
        assert (broken["name"], "darkroom resume" in broken["way_out"]) == ("queues", True)
    finally:
        assert not operating.told(stack, "resume")["paused"]
    assert doors.turn(mark, 1)["status"] == "succeeded"


def test_a_wrong_key_is_found_and_never_told(stack: Stack) -> None:
    secret = stack.env["IMAGE_API_KEY_SECRET_ARN"]
    good = stack.aws.secrets.get_secret_value(SecretId=secret)["SecretString"]
    stack.aws.secrets.put_secret_value(SecretId=secret, SecretString="sk-a-key-that-was-revoked")
    try:
        done = operating.ended(stack, "doctor", "--json")
    finally:
        stack.aws.secrets.put_secret_value(SecretId=secret, SecretString=good)
    assert done.returncode == 1
    assert "refuses the key (401)" in done.stdout
    assert "sk-a-key" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("batch", "no-such.jsonl"), 1),
        (("batch", "status", "no-such.jsonl"), 1),
        (("retry", "no-such-thread:1"), 1),
        (("retry", "no-turn"), 2),
        (("cost", "--since", "yesterday"), 2),
        (("cancel", "a//b"), 2),
        (("cancel", "no-such-thread"), 1),
        (("backfill", "no-such-folder/", "make it night"), 1),
        (("status", "--stack", "no-such-stack"), 3),
    ],
)
def test_what_is_not_there_and_what_is_a_slip_is_told_in_a_sentence(
    stack: Stack, words: tuple[str, ...], code: int
) -> None:
    done = operating.ended(stack, *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_fit_the_terminal_and_a_bar_shows_how_far_a_batch_is(
    stack: Stack, tmp_path: Path, mark: str, width: int
) -> None:
    words = f"a cat in a very long valley {'with snow ' * 20}", f"{FOREIGN} [fault:refusal]", FOREIGN
    file = batch(tmp_path, f"{mark}-{FOREIGN.replace(' ', '-')}.jsonl", *words)
    said = typed(stack, ["batch", file], width)
    assert "3/3" in said
    assert re.search("━ [0-3]/3 .*1 failed, .*/min", said)
    assert "line-1" in said
    for told in (
        ["status"], ["cost", "--by", "thread"], ["ended"], ["doctor"], ["batch", "status", file], ["redrive"],
        ["wake"], ["cancel", f"{mark}/{FOREIGN}"], ["retry", "ghost:1"],
    ):  # fmt: skip
        shown = typed(stack, told, width).splitlines()
        assert shown, told
        # An address stays in one piece, so that it can be copied.
        assert [line for line in shown if cell_len(line) > width and "s3://" not in line] == [], told


def test_colours_are_for_terminals_that_want_them(stack: Stack) -> None:
    assert "\x1b[" in typed(stack, ["doctor"], 100, is_plain=False)
    assert "\x1b[3" not in typed(stack, ["doctor"], 100, is_plain=False, NO_COLOR="1")
    assert "\x1b" not in "".join(operating.run(stack, "doctor"))


def test_a_watch_looks_again_until_it_is_interrupted(stack: Stack) -> None:
    heard: list[str] = []
    with subprocess.Popen(
        [operating.DARKROOM, "--stack", "darkroom", "status", "--watch", "--json"],
        env={**os.environ, "XDG_CACHE_HOME": str(stack.home.folder), "PYTHONUNBUFFERED": "1", **stack.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout
        reader = threading.Thread(target=lambda: heard.extend(watching.stdout or ()))
        reader.start()
        eventually(lambda: len(heard) >= 2 or None)
        watching.send_signal(signal.SIGINT)
        watching.wait(timeout=SECONDS)
        reader.join()
    assert watching.returncode == 0
    assert all("waiting" in json.loads(line) for line in heard)
