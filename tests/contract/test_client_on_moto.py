"""The client's library on moto: what it sends, how it finds its outcome, and how it hears of outcomes."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.table import Table
from darkroom.domain import keys, outcome, request
from darkroom.domain.request import Request
from darkroom.errors import Rejected, Unavailable
from darkroom.pictures import decoding
from darkroom.turns.ports import Wait
from darkroom_client import pictures
from darkroom_client.errors import Failed, Invalid, TimedOut
from darkroom_client.index import Index
from darkroom_client.results import Result, Waiting
from darkroom_client.room import Darkroom
from darkroom_client.stacks.stack import MAPPINGS
from tests.contract.studio import AT, NOON, PNG, Studio, timing
from tests.fakes.stack import changed, rules

if TYPE_CHECKING:
    pass

Announced = tuple[str, Callable[..., None]]
JPEG = b"\xff\xd8\xff and so on"


# ------------------------------------------------------------------------------------------------ asking


def test_a_message_is_what_the_function_takes_in_the_group_of_its_thread(studio: Studio) -> None:
    thread = "e\u0301te\u0301/瓶 1"  # as a Mac writes it
    pending = studio.room.send(
        thread, "  now blue ", request_id="r-1", parent_turn=2, model="m", options={"size": "16:9"}, metadata={"a": "b"}
    )
    (message,) = studio.received()
    taken = request.parse(
        message["Body"],
        group=message["Attributes"]["MessageGroupId"],
        message_id="m",
        rules=rules("uploads", "results"),
    )
    assert taken == pending.request
    assert taken == Request("été/瓶 1", "r-1", "now blue", (), 2, "m", {"size": "16:9"}, {"a": "b"})
    assert pending.message_id == message["MessageId"]


def test_the_same_request_twice_is_one_message_and_the_same_id_in_another_thread_is_another(studio: Studio) -> None:
    for thread in ("a", "a", "b"):
        studio.room.send(thread, "a cat", request_id="r-1")
    assert len(studio.received()) == 2


def test_without_an_id_each_is_a_request_of_its_own(studio: Studio) -> None:
    assert studio.room.send("a", "a cat").request_id != studio.room.send("a", "a cat").request_id


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"words": " "}, "instruction: is required"),
        ({"thread": "a//b"}, "'a//b' is no thread: it must not have an empty"),
        ({"request_id": "r 1"}, "request_id: must be 1 to 128"),
        ({"images": ["s3://other/cat.jpg"]}, "images.0: must lie in results or uploads"),
        ({"images": ["nowhere.jpg"]}, "nowhere.jpg cannot be read: No such file"),
        ({"images": [b""]}, "The picture is empty"),
        ({"options": {"sise": "16:9"}}, "did you mean `size`"),
        ({"metadata": {"a": object()}}, "This is not JSON"),
    ],
)
def test_what_a_function_would_refuse_is_refused_here_and_nothing_is_sent(
    studio: Studio, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        studio.room.send(**{"thread": "a", "words": "a cat", **asked})
    assert studio.received() == []
    assert "Contents" not in studio.stack.s3.list_objects_v2(Bucket="uploads")


# ------------------------------------------------------------------------------------------------ pictures


def test_a_picture_of_this_machine_is_uploaded_once_where_it_starts_nothing(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "blue mug, e\u0301te\u0301.jpg").write_bytes(JPEG)
    for words in ("now blue", "now red"):
        pending = studio.room.send("a", words, images=[tmp_path / "blue mug, e\u0301te\u0301.jpg"])
    (image,) = pending.request.images
    assert image.key == f".client/{_sha256(JPEG)}/blue mug, été.jpg"
    (kept,) = studio.stack.s3.list_object_versions(Bucket="uploads")["Versions"]
    found = studio.stack.s3.get_object(Bucket="uploads", Key=kept["Key"])
    assert found["Body"].read() == JPEG
    assert found["ContentType"] == "image/jpeg"
    assert found["ContentDisposition"] == "attachment; filename*=UTF-8''blue%20mug%2C%20%C3%A9t%C3%A9.jpg"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_bytes_and_uris_are_pictures_too_in_the_order_that_was_given(studio: Studio) -> None:
    pending = studio.room.send("a", "both", images=["s3://results/threads/a/1/image.png", PNG])
    first, second = pending.request.images
    assert first.key == "threads/a/1/image.png"
    assert second.key == f".client/{_sha256(PNG)}/picture.png"


def test_an_old_copy_is_uploaded_again_so_that_it_outlives_what_waits(studio: Studio) -> None:
    picture = pictures.LocalPicture("a.png", PNG)
    puts: list[str] = []
    listed = {"Contents": [{"Key": picture.key, "LastModified": datetime.now(UTC) - timedelta(days=301)}]}
    s3: Any = SimpleNamespace(list_objects_v2=lambda **_: listed, put_object=lambda **asked: puts.append(asked["Key"]))
    picture.upload(s3, "uploads")
    assert puts == [picture.key]


def test_a_copy_is_kept_as_long_as_the_template_says_and_renewed_before_that(template: dict[str, Any]) -> None:
    found = template["Resources"]["UploadsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in found if each.get("Prefix")]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == (pictures.FOLDER, pictures.KEPT_DAYS)
    assert pictures.KEPT_DAYS - pictures.FRESH_DAYS > 35, "longer than anything waits, or is remembered"
    assert pictures.MAX_FILE_BYTES == decoding.MAX_FILE_BYTES


# ------------------------------------------------------------------------------------------------ waiting


def test_a_result_is_found_with_its_pictures(studio: Studio, tmp_path: Path) -> None:
    pending = studio.room.send("a", "a cat", request_id="r-1")
    assert pending.result() is None
    ended = studio.answers(pending.request)
    result = pending.wait(timeout=60)
    assert (result.outcome, result.turn, result.status, result.as_document()) == (
        ended,
        1,
        "succeeded",
        ended.as_document(),
    )
    (image,) = result.images
    assert image.save(tmp_path / "cat.png").read_bytes() == image.save(tmp_path).read_bytes() == PNG == image.read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.png", "image.png"]
    assert "Expires=" in image.url(expires=60)
    assert image.uri == f"s3://results/{ended.images[0].key}"


def test_a_failure_is_raised_with_its_code_and_the_way_out(studio: Studio) -> None:
    pending = studio.room.send("a", "a cat", request_id="r-1")
    studio.answers(pending.request, code="refused")
    with pytest.raises(Failed, match=r"refused: no, never\. Ask nicely\.") as failed:
        pending.wait()
    told = failed.value
    assert (told.code, told.message, told.hint, told.outcome.turn) == ("refused", "no, never", "Ask nicely.", 1)


def test_a_message_that_took_no_turn_is_told_by_its_own_id(studio: Studio) -> None:
    first = studio.room.send("a", "a cat", request_id="r-1")
    studio.answers(first.request)
    other = studio.room.send("a", "a dog", request_id="r-1")
    assert other.result() is None, "the outcome of the other content is not its own"
    refused = outcome.refusal(Rejected("request_id_reused", "again"), timing=timing(), attempts=1)
    key = keys.rejected_message_key(other.message_id)
    studio.stack.s3.put_object(Bucket="results", Key=key, Body=json.dumps(refused.as_document()).encode())
    with pytest.raises(Failed, match="request_id_reused"):
        other.wait(timeout=60)


def test_a_wait_that_is_over_says_what_the_request_waits_for(studio: Studio) -> None:
    pending = studio.room.send("a", "a cat", request_id="r-1")
    with pytest.raises(TimedOut, match="r-1 of a has not ended after 60 s: nothing has taken it up yet") as told:
        pending.wait(timeout=60)
    assert told.value.waiting is None
    assert sum(studio.slept) == pytest.approx(60)
    claim = studio.claims(pending.request)
    assert pending.waiting() == Waiting("r-1", None, None, AT, None)
    studio.ledger.defer(claim, Unavailable("throttled", "no"), Wait(NOON + 600, "a cat"))
    waits = Waiting("r-1", "a cat", "throttled", "2026-11-22T12:00:00Z", "2026-11-22T12:10:00Z")
    assert pending.waiting() == waits
    with pytest.raises(TimedOut, match=r"it waits \(throttled\) since .* and looks again at 2026-11-22T12:10:00Z"):
        pending.wait(timeout=1)


def test_a_pause_is_the_cause_for_an_operator_and_no_error_for_a_reader(studio: Studio) -> None:
    asked = list[str]()

    def mapping(**named: str) -> dict[str, str]:
        asked.append(named["UUID"])
        if named["UUID"] == "hidden":
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetEventSourceMapping")
        return {"State": "Disabled"}

    causes = []
    for who, uuid in (("operator", "known"), ("reader", "hidden")):
        functions, resources = SimpleNamespace(get_event_source_mapping=mapping), dict.fromkeys(MAPPINGS.values(), uuid)
        stack = changed(studio.stack, functions=functions, resources=resources)
        room = Darkroom(stack, clock=lambda: sum(studio.slept), sleep=studio.slept.append)
        pending = room.send(who, "a cat", request_id="r-1")
        with pytest.raises(TimedOut) as over:
            pending.wait(timeout=60)
        studio.ledger.defer(studio.claims(pending.request), Unavailable("throttled", "no"), Wait(NOON + 600, "a cat"))
        waiting, listed = pending.waiting(), next(Index(stack).threads(datetime.now(UTC), prefix=who))
        (shown,) = room.thread(who).turns()
        assert waiting == shown
        causes.append((over.value.waiting and over.value.waiting.cause, waiting and waiting.cause, listed.code))
    assert causes == [("paused",) * 3, (None, "throttled", "throttled")]
    assert asked == ["known", "known", "hidden"], "it is remembered"


def test_looks_grow_rarer(studio: Studio) -> None:
    with pytest.raises(TimedOut):
        studio.room.send("a", "a cat").wait(timeout=600)
    assert studio.slept[0] == 0.5
    assert max(studio.slept) == 5.0
    assert len(studio.slept) < 150


def test_nothing_is_listed_while_waiting(studio: Studio) -> None:
    asked: list[str] = []
    for client in (studio.stack.s3, studio.stack.dynamodb):
        client.meta.events.register("before-call", lambda model, **_: asked.append(model.name))
    pending = studio.room.send("a", "a cat", request_id="r-1")
    assert pending.result() is None
    studio.answers(pending.request)
    asked.clear()
    assert pending.result()
    assert asked == ["GetItem", "GetItem"]


def test_a_thread_shows_what_ended_and_then_what_waits(studio: Studio) -> None:
    assert studio.room.thread("a").turns() == []
    for number in (1, 2):
        studio.answers(Request("a", f"r-{number}", "a cat", metadata={}), turn=number)
    claim = studio.claims(Request("a", "r-3", "a dog", metadata={}))
    studio.ledger.defer(claim, Unavailable("budget", "no"), Wait(NOON + 600, "a dog"))
    first, second, third = studio.room.thread("a").turns()
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert (first.turn, second.turn) == (1, 2)
    assert third == Waiting("r-3", "a dog", "budget", "2026-11-22T12:00:00Z", "2026-11-22T12:10:00Z")


def test_a_thread_is_there_when_a_request_was_taken_up_and_not_for_what_is_kept_of_an_erased_one(
    studio: Studio,
) -> None:
    table = Table(studio.stack.dynamodb, studio.stack.outputs["ThreadsTable"])
    table.write(table.put("erased", "REQUEST#r", {"request_id": "r", "state": "done", "fingerprint": "f"}))
    studio.claims(Request("new", "r", "a cat", metadata={}))
    studio.answers(Request("old", "r", "a cat", metadata={}))
    assert [name for name in ("erased", "new", "none", "old") if studio.room.thread(name).exists()] == ["new", "old"]
    assert (studio.room.thread("old").latest_success(), studio.room.thread("new").latest_success()) == (1, 0)


# ------------------------------------------------------------------------------------------------ hearing


@pytest.fixture
def announced(studio: Studio) -> Announced:
    """A consumer's queue, and the notification of an outcome to it."""
    url = studio.stack.sqs.create_queue(QueueName="consumer")["QueueUrl"]

    def announce(key: str, bucket: str = "results") -> None:
        detail = {"bucket": {"name": bucket}, "object": {"key": key}}
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        studio.stack.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    return url, announce


def put(studio: Studio, thread: str) -> str:
    ended = studio.answers(Request(thread, "r", "a cat", metadata={}))
    key = f"{keys.turn_prefix(thread, 1, 'r')}result.json"
    studio.stack.s3.put_object(Bucket="results", Key=key, Body=json.dumps(ended.as_document()).encode())
    return key


def left(studio: Studio, url: str) -> int:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = studio.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in found.values())


def heard(studio: Studio, url: str) -> list[str | None]:
    ticks = iter(range(0, 1000, 10))
    room = Darkroom(studio.stack, clock=lambda: float(next(ticks)))
    return [each.thread_id for each in room.outcomes(queue_url=url, idle=15)]


def test_each_outcome_is_heard_and_acknowledged(studio: Studio, announced: Announced) -> None:
    url, announce = announced
    for thread in ("a", "b + 瓶"):
        announce(put(studio, thread))
    assert sorted(heard(studio, url), key=str) == ["a", "b + 瓶"]
    assert left(studio, url) == 0


def _break_in_its_block(room: Darkroom, url: str) -> None:
    for _ in room.outcomes(queue_url=url):
        raise ZeroDivisionError


def test_one_whose_block_raises_is_there_again_at_once(studio: Studio, announced: Announced) -> None:
    url, announce = announced
    announce(put(studio, "a"))
    with pytest.raises(ZeroDivisionError):
        _break_in_its_block(studio.room, url)
    assert heard(studio, url) == ["a"]
    assert left(studio, url) == 0


def test_what_was_erased_is_passed_over_and_what_is_no_outcome_is_left_alone(
    studio: Studio, announced: Announced
) -> None:
    url, announce = announced
    announce("threads/gone/00001-00000000/result.json")
    assert heard(studio, url) == []
    assert left(studio, url) == 0
    announce("threads/a/image.png")
    announce("threads/a/result.json", "another")
    studio.stack.sqs.send_message(QueueUrl=url, MessageBody="no event")
    assert heard(studio, url) == []
    assert left(studio, url) == 3
