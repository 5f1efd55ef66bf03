"""Actions that cost, destroy or stop something. Each is first a question that describes it, and then a job."""

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from darkroom_client.console import addresses
from darkroom_client.console.acting.jobs import Say
from darkroom_client.errors import Invalid, Trouble
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.telling import counted, when

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

Look = Callable[["Desk", Sequence[str]], "Question"]
Work = Callable[["Desk", Sequence[str], Say], None]


class Question(NamedTuple):
    """The description of an action, for consent. A yes is sent to `address`."""

    lines: Sequence[str]
    button: str
    address: str
    is_final: bool = False  # whether the action cannot be undone
    other: tuple[str, str] | None = None  # an alternative, and its address


class Known(NamedTuple):
    """A question's title, the address of the page that it came from, the look before the action, and the action.

    `after` is the address of the page that follows the action, if that is not `back`.
    """

    title: str
    back: str
    look: Look
    work: Work
    after: str = ""


def known(name: str, parts: Sequence[str]) -> Known:
    """The question of this name about these things. Raises Trouble if there is none."""
    match name, parts:
        case "retry", [thread_id, turn]:
            return Known(f"Another chance for turn {turn} of {thread_id}", addresses.thread(thread_id), _retry, _judge)
        case "retry", [thread_id, turn, "ask"]:
            return Known(f"Ask turn {turn} of {thread_id} again", addresses.thread(thread_id), _ask_again, _ask)
        case "forget", [thread_id]:
            return Known(f"Erase {thread_id} for good", addresses.thread(thread_id), _forget, _erase, after="/")
        case "cancel", [thread_id] | [thread_id, _]:
            title = f"Cancel the waiting requests of {thread_id}"
            return Known(title, addresses.thread(thread_id), _cancel, _stop_waiting)
        case "batch", [_] | [_, "replace"]:
            return Known("Ask for all lines of a file", "/batches", _batch, _upload_batch)
        case "stop", [key]:
            return Known(f"Stop {key}", "/batches", _stop, _stop_batch)
        case (("pause" | "resume" | "redrive" | "wake" | "doctor"), []):
            return _OF_THE_STACK[name]
    raise Trouble("There is no such question.")


def asked(desk: "Desk", name: str, parts: Sequence[str]) -> Question:
    """The question about an action. It changes nothing. Raises Trouble."""
    with translated(OPERATOR):
        return known(name, parts).look(desk, parts)


def _address(name: str, *parts: str) -> str:
    return "/".join(["/questions", name, *map(addresses.part, parts)])


def _retry(desk: "Desk", parts: Sequence[str]) -> Question:
    from darkroom_client.operating.retry import Retry

    thread_id, turn = parts
    if not Retry(desk.room.stack, list[str]().append).costs_nothing(thread_id, _number(turn)):
        return _ask_again(desk, (thread_id, turn, "ask"))
    lines = (
        "Its raw answers are kept. They are judged again, without a call and without a cost.",
        "If they hold a picture, it becomes a new turn of the conversation.",
    )
    other = "Ask again instead, and pay", _address("retry", thread_id, turn, "ask")
    return Question(lines, "Judge again", _address("retry", thread_id, turn), other=other)


def _ask_again(desk: "Desk", parts: Sequence[str]) -> Question:
    from darkroom_client.operating.retry import Retry

    thread_id, turn, _ = parts
    lines = list[str]()
    done = Retry(desk.room.stack, lines.append).ask(thread_id, _number(turn), lambda: False)
    if done.how is not None:
        raise Trouble(f"Turn {turn} of {thread_id} was asked again before: {' '.join(lines)}.")
    return Question(lines[:-1], "Ask again, and pay", _address("retry", thread_id, turn, "ask"))


def _judge(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.retry import Retry

    Retry(desk.room.stack, say).judge(parts[0], _number(parts[1]))


def _ask(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.retry import Retry

    Retry(desk.room.stack, say).ask(parts[0], _number(parts[1]), lambda: True)


def _forget(desk: "Desk", parts: Sequence[str]) -> Question:
    from darkroom_client.operating.erasing.forget import Forget

    (thread_id,) = parts
    lines = list[str]()
    Forget(desk.room.stack, thread_id, lines.append).looks()
    lines.append("While a request of the conversation is open, nothing is erased.")
    return Question(lines, "Erase for good", _address("forget", thread_id), is_final=True)


def _erase(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    """Erases the thread, and everything that the console has kept of it."""
    from darkroom_client.operating.erasing.forget import Forget

    (thread_id,) = parts
    desk.room.thread(thread_id).turns()
    Forget(desk.room.stack, thread_id, say).work()
    desk.forget(thread_id)
    say("This console has removed its thumbnails of the conversation. Consoles on other machines drop theirs in time.")


def _cancel(_: "Desk", parts: Sequence[str]) -> Question:
    thread_id, *request_ids = parts
    what = f"the request {request_ids[0]} of {thread_id}" if request_ids else f"all requests of {thread_id} up to now"
    lines = (f"This cancels {what}.", "It prevents new calls. A call under way goes on, and is paid.")
    return Question(lines, "Cancel it", _address("cancel", *parts))


def _stop_waiting(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.cancel import Cancel

    thread_id, *request_ids = parts
    cancel = Cancel(desk.room.stack, say)
    if request_ids:
        cancel.requests(thread_id, request_ids)
    else:
        cancel.thread(thread_id)


def _batch(desk: "Desk", parts: Sequence[str]) -> Question:
    from darkroom_client.operating.batches.batch_run import ANOTHER_NAME, Batch

    local = desk.batch_files.find(parts[0])
    lines = [
        f"{local.key} has {counted(local.requests, 'request')}, and no fault was found.",
        *local.bill(desk.room.stack.parameters),
    ]
    since = Batch(desk.room.stack, local.key).another(local)
    if since is None:
        return Question(lines, "Upload it, and pay", _address("batch", parts[0]))
    lines.append(f"{local.key} in the bucket is another file, uploaded {when(since.isoformat())}. {ANOTHER_NAME}")
    return Question(lines, "Replace it, and pay", _address("batch", parts[0], "replace"), is_final=True)


def _upload_batch(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.batches.batch_run import Batch

    local = desk.batch_files.find(parts[0])
    is_new = Batch(desk.room.stack, local.key).upload(local, replaces="replace" in parts[1:])
    say(
        f"{local.key} is uploaded."
        if is_new
        else f"{local.key} was uploaded before, and is taken up where it was left."
    )
    say("It appears among the batches in a moment.")


def _stop(_: "Desk", parts: Sequence[str]) -> Question:
    lines = ("No more of its lines are sent. They are answered as cancelled.", "Lines that were sent go on.")
    return Question(lines, "Stop the batch", _address("stop", *parts), is_final=True)


def _stop_batch(desk: "Desk", parts: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.batches.batch_run import Batch

    Batch(desk.room.stack, parts[0]).stop()
    say(f"{parts[0]} is stopped: lines that were not sent are answered as cancelled, the others go on.")


def _pause(_: "Desk", __: Sequence[str]) -> Question:
    lines = ("No new call is made. Calls under way are brought to their end.", "Requests wait in their order.")
    return Question(lines, "Pause", _address("pause"))


def _pause_now(desk: "Desk", _: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.pause import Pause

    Pause(desk.room.stack, say).pause()


def _resume(_: "Desk", __: Sequence[str]) -> Question:
    return Question(("Waiting requests go on. Their calls are paid.",), "Resume", _address("resume"))


def _go_on(desk: "Desk", _: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.pause import Pause

    Pause(desk.room.stack, say).resume()


def _redrive(desk: "Desk", _: Sequence[str]) -> Question:
    from darkroom_client.operating.status import dead_letters

    lines = (
        f"Dead letters: about {dead_letters(desk.room.stack)}.",
        "A request that has its outcome is over, and its dead letter is removed. Any other is sent again unchanged.",
        "Nothing is paid twice.",
    )
    return Question(lines, "Bring them back", _address("redrive"))


def _bring_back(desk: "Desk", _: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.redrive import Redrive

    redrive = Redrive(desk.room.stack, say)
    done = redrive.work()
    say(f"{done['sent']} sent again, {done['over']} over and removed, {redrive.left()} left.")


def _wake(_: "Desk", __: Sequence[str]) -> Question:
    lines = (
        "Requests that wait for a limit, a key or the provider look again now.",
        "If the cause remains, the request waits on.",
    )
    return Question(lines, "Wake", _address("wake"))


def _wake_all(desk: "Desk", _: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.wake import woken

    say(f"Requests that look again now: {woken(desk.room.stack)}.")


def _doctor(_: "Desk", __: Sequence[str]) -> Question:
    lines = ("This checks everything that may keep the stack from its work. It changes, calls and pays nothing.",)
    return Question(lines, "Examine it", _address("doctor"))


def _examine(desk: "Desk", _: Sequence[str], say: Say) -> None:
    from darkroom_client.operating.doctor.examine import Doctor

    for each in Doctor(desk.room.stack, importlib.metadata.version("darkroom")).findings():
        say(f"{_MARKS[each.state]} {each.name}: {each.said} {each.way_out}".rstrip())


def _number(said: str) -> int:
    if not (said.isascii() and said.isdigit()):
        raise Invalid(f"{said!r} is no turn")
    return int(said)


_MARKS = {"ok": "✓", "broken": "✗", "unwise": "!", "unknown": "?"}
_OF_THE_STACK: Mapping[str, Known] = {
    "pause": Known("Pause the stack", "/status", _pause, _pause_now),
    "resume": Known("Resume the stack", "/status", _resume, _go_on),
    "redrive": Known("Bring dead letters back", "/status", _redrive, _bring_back),
    "wake": Known("Wake the waiting requests", "/status", _wake, _wake_all),
    "doctor": Known("Examine the stack", "/status", _doctor, _examine),
}
