"""A form that is sent twice acts once."""

import threading
import time
from typing import Any

import pytest

from darkroom_client.console.acting.jobs import Jobs, Say
from darkroom_client.console.acting.sent import MAX_KNOWN, SHOWN_SECONDS, Sent
from darkroom_client.errors import Trouble


class Pending:
    request_id = "r"


def once(sent: Sent, form: str, done: list[str], thread: str = "mug") -> str:
    def send() -> tuple[str, Any]:
        done.append(form)
        time.sleep(0.01)
        return thread, [Pending()]

    return sent.once(form, send)


def test_a_double_click_is_one_request() -> None:
    sent, done = Sent(), list[str]()
    clicks = [threading.Thread(target=once, args=(sent, "form-1", done)) for _ in range(4)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert done == ["form-1"]
    assert once(sent, "form-1", done) == "mug"
    once(sent, "form-2", done)
    assert done == ["form-1", "form-2"]


def test_what_could_not_be_sent_may_be_sent_again() -> None:
    def fail() -> Any:
        raise Trouble("no")

    sent, done = Sent(), list[str]()
    with pytest.raises(Trouble):
        sent.once("form-1", fail)
    assert once(sent, "form-1", done) == "mug"
    assert done == ["form-1"]


def test_what_was_sent_is_shown_for_a_while_and_of_its_thread_alone() -> None:
    now = [0.0]
    sent = Sent(clock=lambda: now[0])
    once(sent, "form-1", [])
    assert [each.request_id for each in sent.of("mug")] == ["r"]
    assert sent.of("jug") == []
    now[0] = SHOWN_SECONDS + 1
    assert sent.of("mug") == []


def test_not_all_is_remembered_for_ever() -> None:
    sent = Sent()
    for number in range(MAX_KNOWN + 5):
        sent.once(f"form-{number}", lambda: ("mug", []))
    assert len(sent._asked) == MAX_KNOWN


def ended(jobs: Jobs, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while not jobs.find(job_id).is_over and time.monotonic() < deadline:
        time.sleep(0.01)
    return jobs.find(job_id).document()


def test_a_job_is_begun_once_and_tells_its_lines() -> None:
    jobs, begun = Jobs(), list[int]()

    def work(say: Say) -> None:
        begun.append(1)
        say("<b>paused</b>")

    first = jobs.once("form-1", "Pause", "/status", work)
    assert jobs.once("form-1", "Pause", "/status", work) is first
    told = ended(jobs, "form-1")
    assert begun == [1]
    assert (told["lines"], told["is_over"], told["trouble"]) == (["<b>paused</b>"], True, None)


def test_a_job_that_comes_to_nothing_says_why() -> None:
    def work(_: Say) -> None:
        raise Trouble("Nothing was erased.")

    jobs = Jobs()
    jobs.once("form-1", "Erase", "/", work)
    assert ended(jobs, "form-1")["trouble"] == "Nothing was erased."
    with pytest.raises(Trouble):
        jobs.find("form-2")
