"""The commands for conversations, on moto: their messages, output, files, and exit codes."""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from darkroom.domain import outcome, request
from darkroom.domain.request import Request
from darkroom.errors import Cause, Unavailable
from darkroom.turns.ports import Wait
from darkroom_client.command import run
from darkroom_client.commands.common import Given
from darkroom_client.commands.talking.saving import Target
from darkroom_client.errors import Trouble
from darkroom_client.pending import PendingTurn
from darkroom_client.room import Darkroom as Room
from darkroom_client.stacks.stack import MAPPINGS, Stack
from tests.contract.studio import NOON, Studio
from tests.fakes.stack import changed, rules

Said = tuple[int, str, str]
Darkroom = Callable[..., Said]


def png(colour: str = "teal") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 3), colour).save(made, "PNG")
    return made.getvalue()


@pytest.fixture
def darkroom(studio: Studio, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Darkroom:
    """The command in a folder with a photo, on the studio's stack: its exit code and its output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    (tmp_path / "mug.jpg").write_bytes(png())
    stack = changed(studio.stack, parameters={"PricePerImage": "0.039 USD"})

    return on(stack, capsys)


def on(stack: Stack, capsys: pytest.CaptureFixture[str]) -> Darkroom:
    """The command on this stack."""

    class At(Given):
        def open_stack(self) -> Stack:
            return stack

    def call(*words: str) -> Said:
        waits = words[0] in ("send", "reply") and "--timeout" not in words
        code = run([*words, "--timeout", "30"] if waits else words, At())
        return code, *capsys.readouterr()

    return call


def ago(*, minutes: float) -> str:
    return outcome.timestamp(time.time() - minutes * 60)


def asked(studio: Studio) -> list[Request]:
    """The requests sent since the last look, in order."""
    return list(_taken(studio))


def _taken(studio: Studio) -> Iterator[Request]:
    """Take the messages, and delete each: otherwise it holds back its group."""
    url = studio.stack.outputs["RequestsQueueUrl"]
    while messages := studio.received():
        for each in messages:
            studio.stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            group = each["Attributes"]["MessageGroupId"]
            yield request.parse(each["Body"], group=group, message_id="m", rules=rules("uploads", "results"))


@contextmanager
def answering(studio: Studio, *codes: Any, first: int = 1) -> Iterator[None]:
    """Answer each new request in turn. None stands for a picture."""
    is_over = threading.Event()

    def answer() -> None:
        left = list(codes)
        while left and not is_over.wait(0.05):
            for each in asked(studio):
                studio.answers(each, turn=first + len(codes) - len(left), code=left.pop(0), data=png())

    worker = threading.Thread(target=answer)
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()


# ------------------------------------------------------------------------------------------------ send


def test_a_picture_is_asked_for_and_saved_beside_its_source(studio: Studio, darkroom: Darkroom, tmp_path: Path) -> None:
    with answering(studio, None):
        code, said, beside = darkroom("send", "mug.jpg", "make it night")
    assert (code, said) == (0, "✓ mug turn 1\n  mug-1.png  4×3 · 1.0 s · 0.04 USD\n")
    assert beside == "The conversation is called mug.\n"
    assert (tmp_path / "mug-1.png").read_bytes() == png()


def test_a_name_that_is_taken_takes_a_number_and_nothing_on_disk_is_replaced(
    studio: Studio, darkroom: Darkroom, tmp_path: Path
) -> None:
    for thread in ("mug", "mug-2"):
        studio.answers(Request(thread, "r", "a cat", metadata={}))
    (tmp_path / "mug-3-1.png").write_bytes(b"mine")
    with answering(studio, None):
        _, said, beside = darkroom("send", "mug.jpg", "make it night")
    assert beside == "mug exists already: this is mug-3.\n"
    assert "mug-3-1 (2).png" in said
    assert (tmp_path / "mug-3-1.png").read_bytes() == b"mine"


def test_the_outcome_is_what_programs_read(studio: Studio, darkroom: Darkroom) -> None:
    with answering(studio, None):
        code, said, _ = darkroom("send", "a kitten", "--thread", "cats", "--json", "-o", "there/night.png")
    told = json.loads(said)
    assert (code, told["thread_id"], told["turn"], told["schema_version"]) == (0, "cats", 1, 1)
    assert Path("there/night.png").read_bytes() == png()


def test_without_waiting_the_ids_are_told(studio: Studio, darkroom: Darkroom) -> None:
    code, said, _ = darkroom("send", "mug.jpg", "make it night", "--no-wait", "--json", "--option", "size=16:9",
                             "--option", "temperature=0.5", "--model", "m")  # fmt: skip
    told = json.loads(said)
    assert (code, set(told), told["thread_id"]) == (0, {"thread_id", "request_id", "message_id"}, "mug")
    (sent,) = asked(studio)
    assert (sent.request_id, sent.parent_turn, sent.model) == (told["request_id"], 0, "m")
    assert sent.options == {"size": "16:9", "temperature": 0.5}
    assert sent.images[0].key.endswith("/mug.jpg")


def test_variations_are_siblings(studio: Studio, darkroom: Darkroom) -> None:
    with answering(studio, None, "refused", None):
        code, said, beside = darkroom("send", "mug.jpg", "make it night", "--variations", "3")
    assert code == 1
    assert [line.split()[0] for line in said.splitlines() if ".png" in line] == ["mug-1.png", "mug-3.png"]
    assert "refused: no, never" in beside
    darkroom("send", "mug.jpg", "make it night", "--thread", "more", "--variations", "2", "--no-wait")
    assert [each.parent_turn for each in asked(studio)] == [0, 0]


def test_a_failure_is_1_with_its_hint_and_its_outcome_for_programs(studio: Studio, darkroom: Darkroom) -> None:
    with answering(studio, "refused"):
        code, said, beside = darkroom("send", "a kitten", "--json")
    assert (code, json.loads(said)["error"]["code"]) == (1, "refused")
    assert json.loads(beside) == {"code": "refused", "message": "no, never", "hint": "Ask nicely."}
    with answering(studio, "refused"):
        code, said, beside = darkroom("send", "a kitten", "--thread", "cat")
    assert (code, said, beside) == (1, "", "✗ cat turn 1\n  refused: no, never\n  Ask nicely.\n")


@contextmanager
def holding(studio: Studio, *causes: Cause) -> Iterator[None]:
    """Put each new request back, with one cause after the other."""
    is_over = threading.Event()

    def hold() -> None:
        taken: list[Request] = []
        while not taken and not is_over.wait(0.05):
            taken = asked(studio)
        for cause in causes:
            studio.ledger.defer(studio.claims(taken[0]), Unavailable(cause, "no"), Wait(NOON + 600, "a kitten"))
            is_over.wait(1.5)

    worker = threading.Thread(target=hold)
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_wait_is_told_once_with_its_cause_and_the_way_out(
    studio: Studio, darkroom: Darkroom, form: list[str]
) -> None:
    with holding(studio, "model"):
        code, _, beside = darkroom("send", "a kitten", "--thread", "a 2", "--timeout", "3", *form)
    assert code == 4
    notes = [json.loads(line) for line in beside.splitlines() if form]
    said = [f"{note['note']} {note['hint']}" for note in notes if "note" in note] if form else beside.splitlines()
    (told,) = [line for line in said if line.startswith("waits (")]
    assert re.fullmatch(
        r"waits \(model\) since [-\d :]+; looks again at [-\d :]+\. The image API has no such model: check --model\. "
        r"`darkroom show 'a 2'` says how it stands\.",
        told,
    )


def test_a_wait_for_another_cause_is_told_anew(studio: Studio, darkroom: Darkroom) -> None:
    with holding(studio, "throttled", "credentials", "credentials"):
        _, _, beside = darkroom("send", "a kitten", "--timeout", "6")
    told = [line for line in beside.splitlines() if line.startswith("waits (")]
    assert [line.split(")")[0] for line in told] == ["waits (throttled", "waits (credentials"]
    assert "The operator has to put a good key into the secret." in told[1]


def test_a_wait_that_is_over_is_4_and_says_how_to_go_on(darkroom: Darkroom) -> None:
    code, said, beside = darkroom("send", "a kitten", "--timeout", "0", "--json")
    assert (code, set(json.loads(said))) == (4, {"thread_id", "request_id", "message_id"})
    error = json.loads(beside)
    assert error["message"].endswith("has not ended after 0 s: nothing has taken it up yet; it lies in the queue.")
    assert error["hint"] == "`darkroom status` says whether the stack is paused. It goes on by itself."
    assert error["code"] == "timed_out"
    _, _, beside = darkroom("send", "a kitten", "--thread", "cat", "--timeout", "0.04")
    assert "of cat has not ended after 0.04 s: " in beside, "and not after what was left of it"


def test_a_wait_that_is_over_names_show_where_that_knows_the_request(studio: Studio, darkroom: Darkroom) -> None:
    with holding(studio, "throttled"):
        code, _, beside = darkroom("send", "a kitten", "--timeout", "2")
    assert code == 4
    assert beside.endswith("It goes on by itself: `darkroom show a-kitten` says how it stands.\n")
    assert darkroom("show", "a-kitten")[0] == 0


def interrupts(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_says_that_nothing_was_sent(studio: Studio, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "free_name", interrupts)
    code, _, beside = darkroom("send", "a kitten")
    assert (code, beside) == (130, "\nNothing was sent.\n")
    assert asked(studio) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "It was sent: it goes on by itself, and costs."),
        (["--variations", "2"], "They were sent: they go on by themselves, and cost."),
    ],
)
def test_ctrl_c_says_that_what_was_sent_goes_on_and_costs(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, more: list[str], said: str
) -> None:
    monkeypatch.setattr(PendingTurn, "wait", interrupts)
    code, _, beside = darkroom("send", "a kitten", *more)
    assert code == 130
    assert beside.endswith(
        f"\n{said} `darkroom show a-kitten` says how it stands, once something has taken it up. "
        "The same command asks and pays again.\n"
    )


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (1, "It may have been sent: then it goes on by itself, and costs."),
        (3, "1 of 3 sent, and perhaps one more: what was sent goes on by itself, and costs."),
    ],
)
def test_ctrl_c_while_it_is_sent_says_what_is_not_known(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, wanted: int, said: str
) -> None:
    send, sent = Room.send, iter(range(wanted - 2))

    def interrupted(room: Room, *given: Any, **named: Any) -> PendingTurn:
        if next(sent, None) is None:
            raise KeyboardInterrupt
        return send(room, *given, **named)

    monkeypatch.setattr(Room, "send", interrupted)
    code, _, beside = darkroom("send", "a kitten", "--variations", str(wanted))
    assert (code, said in beside) == (130, True), beside


def test_a_rehearsal_sends_nothing_and_knows_the_price(studio: Studio, darkroom: Darkroom) -> None:
    code, said, _ = darkroom("send", "mug.jpg", "make it night", "--dry-run", "--variations", "3", "--json")
    told = json.loads(said)
    assert (code, told["cost"]) == (0, {"paid_calls": 3, "amount": 0.117, "currency": "USD", "images": 3})
    assert told["uploads"][0]["name"] == "mug.jpg"
    _, said, _ = darkroom("send", "mug.jpg", "make it night", "--dry-run")
    assert said.endswith("  1 call, 0.039 USD. Nothing was sent or paid.\n")
    assert asked(studio) == []
    assert "Contents" not in studio.stack.s3.list_objects_v2(Bucket="uploads")


def test_a_rehearsal_counts_the_pictures_that_are_asked_for(darkroom: Darkroom) -> None:
    _, said, _ = darkroom("send", "a kitten", "--dry-run", "--variations", "2", "--option", "n=4")
    assert said.endswith("  2 calls for 8 pictures, 0.312 USD. Nothing was sent or paid.\n")


def test_a_rehearsal_writes_options_as_they_are_given(darkroom: Darkroom) -> None:
    options = ("--option", "size=16:9", "--option", "temperature=0.5", "--model", "m")
    _, said, _ = darkroom("send", "a kitten", "--dry-run", *options)
    assert "  model: m\n  options: size=16:9, temperature=0.5\n" in said


def test_a_rehearsal_says_why_the_price_is_not_known(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    class At(Given):
        def open_stack(self) -> Stack:
            return changed(studio.stack, parameters={"PricePerImage": ""})

    assert run(["send", "a kitten", "--dry-run"], At()) == 0
    said = "  1 call, price unknown (the stack's PricePerImage is empty). Nothing was sent or paid.\n"
    assert capsys.readouterr().out.endswith(said)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.jpg", "make it night"], 1, "There is no file nowhere.jpg. Nothing was sent."),
        (
            ["mug.jpg"],
            2,
            'mug.jpg is a file, and the words come last. Say what to make of it: darkroom send mug.jpg "…"',
        ),
        (["make it night", "mug.jpg"], 2, "mug.jpg is a file, and the words come last."),
        (["no/file.JPG"], 2, "There is no file no/file.JPG, and these would be the words. Nothing was sent."),
        (["lines.csv"], 2, "There is no file lines.csv, and these would be the words. Nothing was sent."),
        (["a kitten", "--option", "size"], 2, "'size' is no option of a request. Write it as in --option size=16:9"),
        (["a kitten", "--option", "sise=1:1"], 2, "options.sise: is not a known key: did you mean `size`?"),
        (["a kitten", "-o", "mug.jpg/there/a.png"], 1, "cannot be written"),
        ([" "], 2, "instruction: is required"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    studio: Studio, darkroom: Darkroom, words: list[str], code: int, said: str
) -> None:
    got, _, beside = darkroom("send", *words)
    assert got == code
    assert said in beside
    assert "is called" not in beside
    assert asked(studio) == []


def test_programs_read_what_a_conversation_is_called_in_the_json(studio: Studio, darkroom: Darkroom) -> None:
    studio.answers(Request("mug", "r", "a cat", metadata={}))
    _, said, beside = darkroom("send", "mug.jpg", "make it night", "--no-wait", "--json")
    assert (json.loads(said)["thread_id"], beside) == ("mug-2", "")


def test_words_that_are_too_long_for_a_files_name_are_words(darkroom: Darkroom) -> None:
    assert darkroom("send", "night " * 500, "--thread", "a", "--dry-run")[0] == 0


@pytest.mark.parametrize("words", ["a cat as in cat.jpg", "kitten", "kitten.", "node.js"])
def test_words_that_name_no_file_are_words(darkroom: Darkroom, words: str) -> None:
    assert darkroom("send", words, "--thread", "a", "--dry-run")[0] == 0


# ------------------------------------------------------------------------------------------------ reply


def test_a_reply_goes_on_or_branches(studio: Studio, darkroom: Darkroom) -> None:
    for turn in (1, 2):
        studio.answers(Request("mug", f"r-{turn}", "a cat", metadata={}), turn=turn)
    for words in (["add snow"], ["mirror it", "--from", "1", "--image", "mug.jpg"], ["x", "--variations", "2"]):
        assert darkroom("reply", "mug", *words, "--no-wait")[0] == 0
    assert [(each.instruction, each.parent_turn, len(each.images)) for each in asked(studio)] == [
        ("add snow", None, 0), ("mirror it", 1, 1), ("x", 2, 0), ("x", 2, 0)
    ]  # fmt: skip


def test_a_reply_is_saved_in_this_folder(studio: Studio, darkroom: Darkroom, tmp_path: Path) -> None:
    studio.answers(Request("shop/mug", "r-0", "a cat", metadata={}))
    with answering(studio, None, first=2):
        code, _, _ = darkroom("reply", "shop/mug", "add snow")
    assert code == 0
    assert (tmp_path / "shop-mug-2.png").exists()


def test_pictures_of_one_name_in_two_folders_lie_side_by_side(
    studio: Studio, darkroom: Darkroom, tmp_path: Path
) -> None:
    for thread in ("a/mug", "b/mug"):
        with answering(studio, None):
            assert darkroom("send", "mug.jpg", "make it night", "--thread", thread)[0] == 0
        assert darkroom("get", thread)[0] == 0
    assert sorted(each.name for each in tmp_path.glob("*.png")) == ["a-mug-1.png", "b-mug-1.png"]
    told = {thread: json.loads(Path(thread, "00001/result.json").read_bytes()) for thread in ("a/mug", "b/mug")}
    assert {thread: each["thread_id"] for thread, each in told.items()} == {"a/mug": "a/mug", "b/mug": "b/mug"}


def test_a_folder_with_a_turn_of_another_conversation_is_left_as_it_is(studio: Studio, darkroom: Darkroom) -> None:
    for thread, colour in (("a/mug", "teal"), ("b/mug", "red")):
        studio.answers(Request(thread, "r-1", "a cat", metadata={}), data=png(colour))
    for _ in range(2):
        assert darkroom("get", "a/mug", "-o", "out")[0] == 0, "its own may be fetched again"
    code, said, beside = darkroom("get", "b/mug", "-o", "out")
    assert (code, said) == (1, "")
    assert beside == "out/00001 holds a turn of a/mug, and was left as it is. Name another folder: -o DIR.\n"
    assert Path("out/00001/image.png").read_bytes() == png("teal")
    Path("out/00001/result.json").write_text("{", encoding="utf-8")
    assert darkroom("get", "a/mug", "-o", "out")[0] == 0, "a file that was cut off says nothing"


def test_a_picture_that_cannot_be_fetched_leaves_no_empty_file(studio: Studio, tmp_path: Path) -> None:
    ended = studio.answers(Request("mug", "r-1", "a cat", metadata={}))
    result = studio.room.thread("mug").turn(ended.turn or 0)
    assert result
    studio.stack.s3.delete_object(Bucket=ended.images[0].bucket, Key=ended.images[0].key)
    with pytest.raises(Trouble):
        Target(tmp_path).save(result)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_1(studio: Studio, darkroom: Darkroom) -> None:
    studio.answers(Request("bad", "r-0", "a cat", metadata={}), code="refused")
    for words, said in (
        (["reply", "nobody", "add snow"], "There is no conversation nobody"),
        (["reply", "bad", "add snow", "--from", "7"], "bad has no turn 7"),
        (["reply", "bad", "add snow", "--variations", "2"], "bad has no picture yet"),
        (["reply", "bad", "add snow", "--image", "no.jpg"], "There is no file no.jpg"),
        (["show", "nobody"], "There is no conversation nobody"),
        (["show", "bad", "--sheet", "s.png"], "bad has no picture yet"),
        (["get", "nobody:1"], "There is no conversation nobody"),
        (["get", "bad:2"], "bad has no turn 2"),
    ):
        code, _, beside = darkroom(*words)
        assert (code, said in beside) == (1, True), beside
    assert asked(studio) == []


# ------------------------------------------------------------------------------------------------ looking


def test_threads_are_lines_of_json_with_these_names(studio: Studio, darkroom: Darkroom) -> None:
    studio.answers(Request("mug", "r-1", "a cat", metadata={}), at=(moment := ago(minutes=9)))
    studio.answers(Request("cup", "r-1", "a dog", metadata={}), code="refused", at=ago(minutes=2))
    code, said, _ = darkroom("threads", "--json", "m")
    assert code == 0
    assert [json.loads(line) for line in said.splitlines()] == [
        {
            "thread_id": "mug", "latest_turn": 1, "status": "succeeded", "instruction": "a cat",
            "updated_at": moment,
        }
    ]  # fmt: skip
    for option, wanted in (("--failed", ["cup"]), ("--find=CAT", ["mug"]), ("--waiting", []), ("--limit=1", ["cup"])):
        _, said, _ = darkroom("threads", "--since", "1d", "--json", option)
        assert [json.loads(line)["thread_id"] for line in said.splitlines()] == wanted, option


def test_a_table_of_threads_says_when_there_are_more_or_none(studio: Studio, darkroom: Darkroom) -> None:
    for minutes, thread in enumerate(("mug", "cup"), start=1):
        studio.answers(Request(thread, "r-1", "a cat", metadata={}), at=ago(minutes=minutes))
    _, said, beside = darkroom("threads", "--limit", "1")
    assert [line.split() for line in said.splitlines()] == [
        ["THREAD", "LAST", "WORDS", "TURNS", "STATE", "WHEN"], ["mug", "a", "cat", "1", "✓", "done", "1", "min", "ago"]
    ]  # fmt: skip
    assert "There are more: --limit 10" in beside
    code, said, beside = darkroom("threads", "nothing")
    assert (code, said) == (0, "")
    assert "--since looks further back" in beside
    assert darkroom("threads", "--since", "yesterday")[0] == 2


def test_a_pipe_has_no_edge(studio: Studio, darkroom: Darkroom) -> None:
    words, thread = "make it night " * 30, "shop/spring/sofa-that-is-long"
    studio.answers(Request(thread, "r-1", words, metadata={}), at=ago(minutes=1), code="refused")
    for command in (["threads"], ["show", thread]):
        _, said, _ = darkroom(*command)
        assert sum(words.strip() in line for line in said.splitlines()) == 1
        assert max(map(len, said.splitlines())) < len(words) + 200, "and nothing is filled up to one"


@pytest.fixture
def talked(studio: Studio) -> Studio:
    """A branch, a failure, and a waiting request."""
    for turn, parent, code in ((1, None, None), (2, 1, None), (3, 2, "refused"), (4, 1, None), (5, 4, None)):
        asked = Request("mug", f"r-{turn}", f"words {turn}", metadata={})
        studio.answers(asked, turn=turn, parent=parent, code=code, data=png())  # type: ignore[arg-type]
    claim = studio.claims(Request("mug", "r-6", "add snow", metadata={}))
    studio.ledger.defer(claim, Unavailable("throttled", "no"), Wait(NOON + 600, "add snow"))
    return studio


def test_a_conversation_is_a_tree(talked: Studio, darkroom: Darkroom) -> None:
    _, said, _ = darkroom("show", "mug")
    lines = [line.rstrip() for line in said.splitlines()]
    assert lines[0] == "mug  5 turns, 4 calls, 0.16 USD"
    assert [line for line in lines if "words" in line] == [
        "1 ✓ words 1", "├─ 2 ✓ words 2", "│  3 ✗ words 3", "└─ 4 ✓ words 4", "   5 ✓ words 5"
    ]  # fmt: skip
    assert lines[lines.index("│  3 ✗ words 3") + 2 :][:2] == ["│      refused: no, never", "│      Ask nicely."]
    assert lines[-2] == "… add snow"
    assert lines[-1].startswith("  waits (throttled) since 2026-11-22 ")


def test_a_conversation_for_programs_has_what_waits_too(talked: Studio, darkroom: Darkroom) -> None:
    told = json.loads(darkroom("show", "mug", "--json")[1])
    assert set(told) == {"thread_id", "turns", "waiting"}
    assert [each["turn"] for each in told["turns"]] == [1, 2, 3, 4, 5]
    assert told["waiting"] == [
        {
            "request_id": "r-6", "instruction": "add snow", "cause": "throttled", "since": "2026-11-22T12:00:00Z",
            "until": "2026-11-22T12:10:00Z",
        }
    ]  # fmt: skip


def test_a_contact_sheet_has_every_picture(talked: Studio, darkroom: Darkroom) -> None:
    assert darkroom("show", "mug", "--sheet", "sheet.png")[1].endswith("The contact sheet is sheet.png.\n")
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 4 * 400


def test_pictures_and_results_are_fetched_a_folder_a_turn(talked: Studio, darkroom: Darkroom) -> None:
    assert darkroom("get", "mug:2")[1] == "mug/00002/image.png\nmug/00002/result.json\n"
    told = json.loads(darkroom("get", "mug", "-o", "out", "--json")[1])
    assert [len(each["files"]) for each in told["turns"]] == [2, 2, 1, 2, 2]
    assert Path("out/00005/image.png").read_bytes() == png()
    assert json.loads(Path("out/00003/result.json").read_bytes())["error"]["code"] == "refused"


def test_a_thread_whose_own_name_ends_like_a_turn_is_meant_first(studio: Studio, darkroom: Darkroom) -> None:
    studio.answers(Request("a:1", "r", "a cat", metadata={}))
    assert darkroom("get", "a:1")[1].startswith("a:1/00001/image.png")
    assert darkroom("get", "a:1:1")[1].startswith("a:1/00001/image.png")


def test_what_is_no_number_is_no_turn(studio: Studio, darkroom: Darkroom) -> None:
    studio.answers(Request("lake", "r", "a cat", metadata={}))
    assert darkroom("get", "lake:x") == (2, "", "x is no turn. Write its number: lake:1\n")
    code, _, beside = darkroom("get", "pond:x")
    assert (code, "There is no conversation pond:x" in beside) == (1, True)


def test_words_of_others_cannot_steer_the_terminal(studio: Studio, darkroom: Darkroom) -> None:
    words = "red\x1b[2J\u202e\n\u202dblue \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    studio.answers(Request("mug\u202e", "r", words, metadata={}), at=ago(minutes=1))
    for command in (["show", "mug\u202e"], ["threads"]):
        _, said, _ = darkroom(*command)
        assert not set(said) & set("\x1b\u202e\u202d")
        assert "mug\\u202e" in said
        assert "red\\u001b[2J\\u202e \\u202dblue \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645" in said


def test_a_watch_tells_what_ends_until_it_is_stopped(
    studio: Studio, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: float) -> None:
        if studio.room.thread("mug").exists():
            raise KeyboardInterrupt
        studio.answers(Request("mug", "r", "a cat", metadata={}), at=ago(minutes=0))

    monkeypatch.setattr(time, "sleep", stop)
    code, said, _ = darkroom("watch", "--json")
    told = json.loads(said)
    assert (code, told["thread_id"], told["turn"], told["status"]) == (0, "mug", 1, "succeeded")
    assert told["result"].startswith("s3://results/threads/mug/00001-")


@pytest.mark.parametrize(("state", "is_said"), [("Enabled", False), ("Disabled", True)])
def test_a_list_without_a_conversation_says_that_a_pause_may_hide_some(
    studio: Studio, capsys: pytest.CaptureFixture[str], state: str, is_said: bool
) -> None:
    functions = SimpleNamespace(get_event_source_mapping=lambda **_: {"State": state})
    stack = changed(studio.stack, functions=functions, resources=dict.fromkeys(MAPPINGS.values(), "uuid"))
    code, _, said = on(stack, capsys)("threads", "--waiting")
    hidden = "The stack is paused: requests in its queue are not seen before `darkroom resume`."
    assert (code, hidden in " ".join(said.split())) == (0, is_said)
