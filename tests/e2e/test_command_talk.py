"""The command on the deployed stack: its exit codes, its JSON, and a conversation on a terminal."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.e2e import terminal
from tests.e2e.conftest import Stack
from tests.e2e.road import photo

pytestmark = pytest.mark.slow

DARKROOM = Path(sys.executable).parent / "darkroom"
WORDS = "把景色换成夜色下雪的场景，屋顶上坐着一只小猫 😀👍🏽 שלום עולם مرحبا and a long sentence that has to be wrapped"
WIDTHS = (60, 100, 160)
FOREIGN = ("AWS_", "XDG_", "DARKROOM_", "NO_COLOR", "FORCE_COLOR", "TMUX", "TERM_PROGRAM", "KITTY_")
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def env(stack: Stack) -> dict[str, str]:
    """A person's own environment, with the stack as its AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**own, **stack.env, "HOME": str(stack.home.folder), "DARKROOM_STACK": "darkroom"}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "mug.jpg").write_bytes(photo())
    return tmp_path


@pytest.fixture
def darkroom(env: Mapping[str, str], here: Path) -> Callable[..., Done]:
    def call(*words: str, **more: str) -> Done:
        return subprocess.run(
            [DARKROOM, *words], cwd=here, env={**env, **more}, check=False, capture_output=True, text=True, timeout=120
        )

    return call


@pytest.fixture
def mark() -> str:
    return f"talk-{uuid.uuid4().hex[:8]}"


def documents(done: Done) -> list[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_conversation_is_held_from_a_shell(darkroom: Callable[..., Done], here: Path, mark: str) -> None:
    thread = f"{mark}/瓶 été"
    sent = darkroom("send", "mug.jpg", WORDS, "--thread", thread, "--json")
    (outcome,) = documents(sent)
    assert (sent.returncode, outcome["thread_id"], outcome["turn"], outcome["instruction"]) == (0, thread, 1, WORDS)
    assert (here / f"{mark}-瓶 été-1.png").read_bytes().startswith(b"\x89PNG")
    again = darkroom("send", "mug.jpg", "make it warm", "--thread", thread, "--variations", "2", "--json", "-o", "out/")
    assert [(each["thread_id"], each["parent_turn"]) for each in documents(again)] == [(f"{thread}-2", None)] * 2
    assert again.stderr == ""
    refused = darkroom("reply", thread, "no [fault:refusal]")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"✗ {thread} turn 2\n  refused: ")
    assert darkroom("reply", thread, "mirror it", "--from", "1", "-o", "mirrored.png").returncode == 0
    assert (here / "mirrored.png").exists()
    shown = documents(darkroom("show", thread, "--sheet", "sheet.png", "--json"))[0]
    assert [(each["turn"], each["parent_turn"]) for each in shown["turns"]][-1] == (3, 1)
    assert (here / "sheet.png").read_bytes().startswith(b"\x89PNG")
    got = documents(darkroom("get", f"{thread}:3", "--json"))[0]
    assert [Path(file).name for file in got["turns"][0]["files"]] == ["image.png", "result.json"]
    listed = documents(darkroom("threads", mark, "--json"))
    assert [(each["thread_id"], each["latest_turn"], each["status"]) for each in listed] == [
        (thread, 3, "succeeded"), (f"{thread}-2", 2, "succeeded")
    ]  # fmt: skip


def test_what_waits_is_told_and_a_wait_may_be_over(darkroom: Callable[..., Done], mark: str) -> None:
    over = darkroom("send", "a boat [fault:429 x4 waits]", "--thread", mark, "--timeout", "2", "--json")
    assert over.returncode == 4
    assert set(documents(over)[0]) == {"thread_id", "request_id", "message_id"}
    note, error = map(json.loads, over.stderr.splitlines())
    assert (set(note), error["code"]) == ({"note", "hint"}, "timed_out")
    assert note["note"].startswith("waits (throttled)")
    (waiting,) = documents(darkroom("show", mark, "--json"))[0]["waiting"]
    assert (waiting["cause"], waiting["instruction"]) == ("throttled", "a boat [fault:429 x4 waits]")
    (summary,) = documents(darkroom("threads", mark, "--waiting", "--json"))
    assert (summary["status"], summary["latest_turn"]) == ("waiting", 0)


def test_a_watch_tells_what_ends_and_is_stopped(
    darkroom: Callable[..., Done], env: Mapping[str, str], here: Path, mark: str
) -> None:
    watching = subprocess.Popen(
        [DARKROOM, "watch", mark, "--json"], cwd=here, env={**env, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with watching:
        try:
            time.sleep(4)
            assert darkroom("send", "a boat", "--thread", mark, "-o", "boat.png").returncode == 0
            assert watching.stdout
            told = json.loads(watching.stdout.readline())
            assert (told["thread_id"], told["turn"], told["status"]) == (mark, 1, "succeeded")
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 0, "that is its end"
        finally:
            watching.kill()


def test_what_cannot_be_is_said_in_a_sentence(darkroom: Callable[..., Done], mark: str) -> None:
    for code, words, more in (
        (1, ["show", mark], {}),
        (1, ["send", "nowhere.jpg", "make it night"], {}),
        (2, ["send", "mug.jpg"], {}),
        (3, ["threads"], {"DARKROOM_STACK": "no-such-stack"}),
        (3, ["threads"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "XDG_CACHE_HOME": "/nowhere"}),
    ):
        done = darkroom(*words, **more)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_terminal_shows_it_in_its_width(env: Mapping[str, str], here: Path, mark: str, width: int) -> None:
    def see(*words: str, **more: str) -> terminal.Seen:
        return terminal.run([DARKROOM, *words], width, env={**env, **more}, cwd=here)

    sent = see("send", "mug.jpg", WORDS, "--thread", f"{mark}/瓶 שלום")
    assert sent.code == 0
    assert any(line.startswith(f"  {mark}-瓶 שלום-1.png  ") for line in sent.lines)
    refused = see("reply", f"{mark}/瓶 שלום", "no [fault:refusal]")
    shown, listed, checked = see("show", f"{mark}/瓶 שלום"), see("threads", mark), see("check", "mug.jpg")
    missing = see("show", f"{mark}/瓶 שלום עולם 😀👍🏽")
    assert (refused.code, shown.code, listed.code, checked.code, missing.code) == (1, 0, 0, 1, 1)
    for seen in (sent, refused, shown, listed, checked, missing):
        assert [line for line in seen.lines if cell_len(line) > width] == []
    assert all("\x1b[" in seen.raw for seen in (sent, refused, shown, listed, checked))
    assert "".join(line.strip() for line in shown.lines).count("小猫") == 1
    plain = see("show", f"{mark}/瓶 שלום", NO_COLOR="1")
    assert plain.lines == shown.lines
    assert "\x1b[31m" in shown.raw
    assert "\x1b[31m" not in plain.raw


def test_a_terminal_that_can_shows_the_picture(env: Mapping[str, str], here: Path, mark: str) -> None:
    for more, begins in (
        ({"TERM": "xterm-kitty"}, "\x1b_G"),
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]1337;"),
        ({}, None),
    ):
        seen = terminal.run([DARKROOM, "send", "a boat", "--thread", mark], 100, env={**env, **more}, cwd=here)
        assert seen.code == 0
        assert [each for each in ("\x1b_G", "\x1b]1337;") if each in seen.raw] == ([begins] if begins else [])
