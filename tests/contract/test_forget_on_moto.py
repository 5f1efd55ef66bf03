"""Erasing a thread on moto: what goes, what stays, what is printed, and that it may be stopped anywhere."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.domain.ports import Forgotten
from darkroom.domain.request import Request
from darkroom.errors import Unavailable
from darkroom.turns.ports import CallRecord, Claim, Wait
from darkroom_client.errors import Trouble
from tests.contract import erasing
from tests.contract.erasing import THREAD, Stage
from tests.fakes.edge import Died
from tests.fakes.image_api import png
from tests.figures import Figures

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

WAITS = Wait(2_000_000_000.0, "secret words", ("receipt",))


@pytest.fixture
def stage(
    threads_table: str,
    buckets: tuple[str, str, str],
    dynamodb: "DynamoDBClient",
    s3: "S3Client",
    sqs: "SQSClient",
    functions: "LambdaClient",
) -> Stage:
    return erasing.stage(dynamodb, {"s3": s3, "sqs": sqs, "functions": functions}, threads_table)


def test_of_an_erased_thread_no_word_and_no_picture_is_left_but_what_the_receipt_names(stage: Stage) -> None:
    turns = erasing.conversation(stage)
    made = [image.sha256 for turn in turns for image in turn.images]
    given = [hashlib.sha256(png("lime", kind="JPEG")).hexdigest(), hashlib.sha256(png("coral")).hexdigest()]
    pictures = [data.decode("latin-1") for data in (png("teal"), png("red"), png("lime", kind="JPEG"), png("coral"))]
    assert len(stage.where("secret", *made, *given, *pictures)) > 20
    stage.forget()
    left = {place.rpartition(" ")[0] for place in stage.where("secret", *made, *given, *pictures)}
    assert left == {"s3://uploads/spring.jsonl", "posters", "s3://results/threads/posters/00001-a5fa777a/result.json"}
    kept = [line.removeprefix("kept    ") for line in stage.said if line.startswith("kept")]
    assert [line.partition(": ")[0] for line in kept] == [
        f"what posters made of s3://results/{turns[0].images[0].key}",
        "s3://uploads/shared/logo.png",
        "s3://uploads/spring.jsonl",
        "s3://results/batches/spring.jsonl.out",
    ]


def test_the_receipt_sums_up_what_went_and_what_is_out_of_reach(stage: Stage) -> None:
    erasing.conversation(stage)
    stage.forget()
    summary = stage.said.index("Out of reach:")
    erased, kept = stage.said[summary - 2 : summary]
    assert erased == (
        "Erased of shop/mug: 5 requests in the ledger, 9 versions of results, 2 versions of refusals, 1 raw answers, "
        "1 renditions, 1 batch lines, 8 versions of uploads, 2 names in the memory of uploads, 5 turns."
    )
    assert kept == "Kept: 4, each told above."
    assert stage.slept == [60], "whoever has read an outcome has told it by then"
    stage.said.clear()
    stage.forget()
    assert "Erased of shop/mug: nothing, for nothing was left of it." in stage.said
    assert stage.slept == [60]


def test_what_there_is_is_told_before_anything_is_erased(stage: Stage) -> None:
    erasing.conversation(stage)
    before = stage.stored()
    stage.looks()
    assert stage.stored() == before
    assert stage.said[0] == "erases  5 turns with their words, pictures and outcomes (9 objects)"
    goes = {line.removeprefix("erases  ") for line in stage.said if line.startswith("erases  s3://")}
    stays = [line for line in stage.said if line.startswith("keeps")]
    assert [line.partition(": ")[0] for line in stays] == ["keeps   s3://uploads/shared/logo.png"]
    stage.said.clear()
    stage.forget()
    erased = {line.split()[1] for line in stage.said if line.startswith("erased  s3://uploads/")}
    assert goes == erased


def test_other_threads_keep_what_they_have(stage: Stage) -> None:
    erasing.conversation(stage)
    threads = ("shop/mug/handle", "posters", "shop/mugs")
    before = {place: data for place, data in stage.stored().items() if any(name in place for name in threads)}
    stage.forget()
    after = stage.stored()
    assert {place: after.get(place) for place in before} == before
    assert stage.ask("shop/mug/handle", "go on", "r-2").status == "succeeded"


def test_who_comes_with_a_request_of_an_erased_thread_is_told_so_and_nothing_is_paid(stage: Stage) -> None:
    turns = erasing.conversation(stage)
    stage.forget()
    calls = len(stage.api.questions)
    ended = stage.ask(THREAD, "secret and refused", "r-4")
    assert ended.error is not None
    assert (ended.error.code, len(stage.api.questions)) == ("forgotten", calls)
    for body, thread, request_id in stage.queue.sent:
        if thread == THREAD:
            assert request_id in {turn.request_id for turn in turns}
            assert stage.ask(**_named(body), request_id=request_id).error is not None
    assert len(stage.api.questions) == calls
    assert not [place for place in stage.where("secret") if "spring.jsonl" not in place], "nor do its words come back"


def _named(body: str) -> dict[str, Any]:
    document = json.loads(body)
    return {"thread": document["thread_id"], "instruction": document["instruction"], "images": document["images"]}


def test_a_late_event_of_an_erased_upload_starts_nothing_and_a_new_photo_begins_the_thread_anew(stage: Stage) -> None:
    stage.put("shop/mug.jpg", png("red"))
    photo = stage.put("shop/mug.jpg", png("lime"), instruction="secret")
    assert stage.announce(photo) == "asked"
    stage.deliver_uploads()
    stage.forget()
    assert stage.announce(photo) == "gone"
    again = stage.put("shop/mug.jpg", png("lime"), instruction="secret")
    assert stage.announce(again) == "nothing new", "the same picture with the same words was asked"
    assert stage.upload("shop/mug.jpg", png("navy"), instruction="other words") == "asked"
    (turn,) = stage.deliver_uploads()
    assert (turn.turn, turn.status, turn.thread_id) == (1, "succeeded", THREAD)


def test_what_was_uploaded_after_it_began_stays(stage: Stage) -> None:
    erasing.conversation(stage)
    uploads = {place for place in stage.places() if place.startswith("s3://uploads/")}
    stage.forget(since=int(stage.clock()) - 3600)
    assert {place for place in stage.places() if place.startswith("s3://uploads/")} == uploads


def _claimed(stage: Stage, request_id: str = "r-9") -> Claim:
    claim = stage.ledger.claim(Request(THREAD, request_id, "secret words", metadata={}), "2026-11-22T12:00:00.000Z")
    assert isinstance(claim, Claim)
    return claim


def waits(stage: Stage) -> None:
    stage.ledger.defer(_claimed(stage), Unavailable("budget", "used up"), WAITS)


def is_called(stage: Stage) -> None:
    stage.ledger.mark(_claimed(stage), CallRecord("text_to_image", "m", {}, None, ()))


def is_in_a_lane(stage: Stage) -> None:
    stage.upload("else/cup.jpg", png("coral"), thread_id=THREAD, instruction="secret")
    stage.table.write(
        stage.table.update(
            "/uploads/else/cup", "STEM#" + hashlib.sha256(b"else/cup").hexdigest(), {"outbox": stage.queue.sent[-1][0]}
        )
    )


def has_no_words(stage: Stage) -> None:
    assert stage.upload("shop/mug.jpg", png()) == "waits"


@pytest.mark.parametrize(
    ("begins", "said"),
    [
        (waits, r"r-9 is waiting \(budget\)"),
        (is_called, "r-9 is open"),
        (is_in_a_lane, "upload-0000000000000001-1 is about to be sent"),
        (has_no_words, "shop/mug.jpg waits for words"),
        (erasing.open_line, "line 1 of open.jsonl is on its way"),
    ],
)
def test_while_something_of_it_is_open_nothing_is_erased(stage: Stage, begins: Any, said: str) -> None:
    stage.ask(THREAD, "secret", "r-1")
    begins(stage)
    before = stage.stored()
    with pytest.raises(Trouble, match=f"{said}.* Cancel it first"):
        stage.forget()
    after = stage.stored()
    assert json.loads(after.pop(f"/cancelled/{THREAD} MARK")).keys() == {"thread_id", "sk", "expires_at"}
    assert after == before


def test_a_photo_that_was_deleted_waits_no_more(stage: Stage) -> None:
    stage.upload("shop/mug.jpg", png())
    stage.stack.s3.delete_object(Bucket="uploads", Key="shop/mug.jpg")
    stage.forget()
    assert not [place for place in stage.places() if "WAITING" in place or "mug.jpg" in place]


def test_a_request_that_comes_meanwhile_waits_and_begins_the_thread_anew(stage: Stage) -> None:
    """It has read the turns that are being erased, and makes no call with them. Afterwards its worker has lost it."""
    stage.ask(THREAD, "secret", "r-1")
    early = []

    def sleeps(_seconds: float) -> None:
        early.append(_claimed(stage, "r-2"))
        with pytest.raises(Unavailable, match="erasing"):
            stage.ledger.mark(early[0], CallRecord("text_to_image", "m", {}, None, ()))

    stage.forget(meanwhile=sleeps)
    with pytest.raises(Unavailable, match="held"):
        stage.ledger.mark(early[0], CallRecord("text_to_image", "m", {}, None, ()))
    ended = stage.ask(THREAD, "secret words", "r-2")
    assert (ended.turn, ended.status) == (1, "succeeded")


def test_one_that_ends_meanwhile_without_a_call_is_erased_with_the_thread(stage: Stage) -> None:
    stage.ask(THREAD, "secret", "r-1")
    stage.forget(meanwhile=lambda _seconds: stage.ask(THREAD, "secret", "r-2", parent_turn=7))
    assert not stage.where("secret", "TURN#")
    again = Request(THREAD, "r-2", "secret", parent_turn=7, metadata={})
    assert isinstance(stage.ledger.claim(again, "2027"), Forgotten)


@contextmanager
def killed_after(stage: Stage, calls: int) -> Iterator[None]:
    """Kill the operator's process after so many calls of its clients. A dead process does nothing more."""
    made = count(1)
    clients: tuple[Any, ...] = (stage.stack.dynamodb, stage.stack.s3)

    def dying(original: Any) -> Any:
        def call(*args: Any) -> Any:
            number = next(made)
            if number > calls:
                raise Died
            answer = original(*args)
            if number == calls:
                raise Died
            return answer

        return call

    for client in clients:
        client._make_api_call = dying(client._make_api_call)
    try:
        yield
    finally:
        for client in clients:
            del client._make_api_call


def test_wherever_it_is_killed_its_repetition_ends_it(stage: Stage, figures: Figures) -> None:
    erasing.short_conversation(stage)
    snapshot, began = stage.snapshot(), int(stage.clock()) + 3600
    stage.forget(since=began)
    wanted = stage.stored()
    assert not stage.where("secret paper", "secret refusal")
    for calls in count(1):
        stage.restore(snapshot)
        try:
            with killed_after(stage, calls):
                stage.forget(since=began)
        except Died:
            stage.forget(since=began)
            assert stage.stored() == wanted, f"killed after {calls} calls"
        else:
            break
    assert calls > 60
    figures.count("deaths of an erase", "each repeated", calls - 1)
