"""Every road through the deployed stack, driven once: the functions make each kind of request to AWS here."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import request
from darkroom.turns.ports import Claim
from tests.e2e.road import MOST_TURNS, Road, eventually, group_of, photo
from tests.fakes.stack import rules

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

STRIKES = 5
PROBE_IS_OVER_SECONDS = 120  # a copy comes back half a minute later, or when the request's lease has ended


def drive(road: Road) -> None:
    """Start all of them, and then wait for each. Each uses threads and keys of its own."""
    mark = uuid.uuid4().hex[:8]
    ends = [start(road, f"{name}-{mark}") for name, start in ROADS.items()]
    for end in ends:
        end()


End = Callable[[], object]


def _conversation_by_uploads(road: Road, thread: str) -> End:
    road.upload(f"{thread}.jpg", photo(), instruction="paint it in oil")

    def end() -> None:
        road.turn(thread, 1)
        road.upload(f"{thread}.txt", "now at night, please")
        assert road.turn(thread, 2)["mode"] == "conversation"

    return end


def _photo_before_its_words(road: Road, thread: str) -> End:
    road.upload(f"threads/{thread}/a.jpg", photo())

    def end() -> None:
        assert road.rejected_upload(f"threads/{thread}/a.jpg")["error"]["code"] == "needs_instruction"
        road.upload(f"threads/{thread}/words.txt", "now in the snow")
        assert road.turn(thread, 1)["sources"]

    return end


def _words_before_their_photo(road: Road, thread: str) -> End:
    road.upload(f"{thread}/a.txt", "now in the rain")
    road.upload(f"{thread}/a.jpg", photo())
    return lambda: road.turn(f"{thread}/a", 1)


def _words_of_a_folder_after_its_photo(road: Road, thread: str) -> End:
    road.upload(f"{thread}/a.jpg", photo())

    def end() -> None:
        assert road.rejected_upload(f"{thread}/a.jpg")["error"]["code"] == "needs_instruction"
        road.upload(f"{thread}/_instruction.txt", "now on white")
        assert road.turn(f"{thread}/a", 1)["sources"]

    return end


def _file_of_another_kind(road: Road, thread: str) -> End:
    road.upload(f"{thread}/a.pdf", "no picture")
    return lambda: road.rejected_upload(f"{thread}/a.pdf")


def _request_in_a_file(road: Road, thread: str) -> End:
    road.upload(f"{thread}/a.jpg", photo(), instruction="now in the fog")
    road.upload(f"{thread}/b.json", json.dumps({"instruction": "now in a storm", "images": ["./a.jpg"]}))

    def end() -> None:
        assert [source["key"] for source in road.turn(f"{thread}/b", 1)["sources"]] == [f"{thread}/a.jpg"]

    return end


def _batch(road: Road, thread: str) -> End:
    """A batch in which one line is bad, and one finds its thread full."""
    lines = [{"custom_id": f"r-{number}", "thread_id": thread, "instruction": "a quay"} for number in range(5)]
    assert len(lines) == MOST_TURNS + 1
    road.upload(f"{thread}/a.jsonl", "\n".join(json.dumps(line) for line in [*lines, {"custom_id": "bad"}]))

    def end() -> None:
        told = eventually(lambda: road.document(f"batches/{thread}/a.jsonl.manifest.json"))
        assert told == {"total": 6, "succeeded": 4, "failed": 2}
        answers = [json.loads(line) for line in road.text(f"batches/{thread}/a.jsonl.out").splitlines()]
        assert [answer["custom_id"] for answer in answers] == [*(f"r-{number}" for number in range(5)), "bad"]
        assert [answer["error"]["code"] for answer in answers[-2:]] == ["too_many_turns", "invalid_request"]

    return end


def _pictures_by_key_and_by_version(road: Road, thread: str) -> End:
    s3, uploads = road.stack.aws.s3, road.stack.env["UPLOADS_BUCKET"]
    keys = [f"{thread}/by-key.txt.jpg", f"{thread}/by-version.txt.jpg"]
    versions = [
        s3.put_object(Bucket=uploads, Key=key, Body=photo(colour), Metadata={"instruction": "unused"})["VersionId"]
        for key, colour in zip(keys, ("red", "blue"), strict=True)
    ]
    images = [f"s3://{uploads}/{keys[0]}", {"bucket": uploads, "key": keys[1], "version_id": versions[1]}]
    road.send(thread, {"instruction": "put the two side by side", "images": images})

    def end() -> None:
        assert len(road.turn(thread, 1)["sources"]) == 2

    return end


def _scans(road: Road, thread: str) -> End:
    """Pictures that must be converted, by key and by version. Each is new, because existing renditions are reused."""
    images = []
    for bucket in (road.stack.env["UPLOADS_BUCKET"], road.stack.env["RESULTS_BUCKET"]):
        for name in ("by-key", "by-version"):
            scan, place = photo(f"#{uuid.uuid4().hex[:6]}", "TIFF"), {"bucket": bucket, "key": f"{thread}/{name}.tif"}
            put = road.stack.aws.s3.put_object(
                Bucket=bucket, Key=place["key"], Body=scan, Metadata={"instruction": "unused"}
            )
            version = {"version_id": put.get("VersionId", "null")} if name == "by-version" else {}
            images.append({**place, **version})
    road.send(thread, {"instruction": "colour them in", "images": images})

    def end() -> None:
        assert len(road.turn(thread, 1)["sources"]) == 4

    return end


def _doubtful_answer(road: Road, thread: str) -> End:
    """A large picture of so few bytes that it has to be decoded. The second turn finds it already checked."""
    for words in ("all in teal", "again"):
        road.send(thread, {"instruction": f"{words} [fault:plain]"})

    def end() -> None:
        for turn, expected in ((1, ["single_colour"]), (2, ["single_colour", "unchanged"])):
            assert [each["code"] for each in road.turn(thread, turn)["warnings"]] == expected

    return end


def _result_as_a_picture(road: Road, thread: str) -> End:
    """A request may name any object of the results bucket, and fails if it is no picture."""
    road.send(thread, {"instruction": "a lighthouse in a storm"})

    def end() -> None:
        (made,) = road.turn(thread, 1)["images"]
        named = {"bucket": made["bucket"], "key": made["key"]}
        told = road.refusal(road.send(thread, "not JSON"))
        results = road.stack.env["RESULTS_BUCKET"]
        assert told["error"]["code"] == "invalid_request"
        other = {"bucket": results, "key": next(iter(road.keys("rejected/messages/")))}
        for images in ([named, {**named, "version_id": "null"}], [other], [{**other, "version_id": "null"}]):
            road.send(thread, {"instruction": "the same by night", "images": images})
        assert road.turn(thread, 2)["status"] == "succeeded"
        assert [road.turn(thread, turn)["error"]["code"] for turn in (3, 4)] == ["unsupported_image"] * 2

    return end


def _pictures_that_are_missing(road: Road, thread: str) -> End:
    for bucket in ("UPLOADS_BUCKET", "RESULTS_BUCKET"):
        road.send(thread, {"instruction": "anything", "images": [f"s3://{road.stack.env[bucket]}/{thread}/no.jpg"]})

    def end() -> None:
        assert [road.turn(thread, turn)["error"]["code"] for turn in (1, 2)] == ["image_not_found"] * 2

    return end


def _pictures_that_go_while_they_wait(road: Road, thread: str) -> End:
    """`on_picture` may run after `on_request` has read a picture and its owner has deleted it."""
    for bucket, key, more in (
        ("UPLOADS_BUCKET", f"{thread}/no.tif", {"most_bytes": 7_000_000}),
        ("RESULTS_BUCKET", f"{thread}/no.tif", {"most_bytes": 7_000_000}),
        ("SPOOL_BUCKET", "doubtful/no", {"check": True}),
    ):
        order = {"bucket": road.stack.env[bucket], "key": key, "version_id": None, **more}
        said = road.stack.aws.functions.invoke(FunctionName="darkroom-on-picture", Payload=json.dumps(order))
        assert json.loads(said["Payload"].read()) == {"became": "waits", "message": "the picture is gone"}
    return lambda: None


def _message_with_faults(road: Road, thread: str) -> End:
    message_id = road.send(thread, {"instruction": ""})
    return lambda: road.refusal(message_id)


def _too_many_turns(road: Road, thread: str) -> End:
    sent = [road.send(thread, {"instruction": "anything", "parent_turn": 99}) for _ in range(MOST_TURNS + 1)]

    def end() -> None:
        assert road.refusal(sent[-1])["error"]["code"] == "too_many_turns"

    return end


def _the_same_twice(road: Road, thread: str) -> End:
    body = {"instruction": "a lighthouse at noon", "request_id": "r"}
    road.send(thread, body)

    def end() -> None:
        road.turn(thread, 1)
        road.send(thread, body)

    return end


def _no_answer(road: Road, thread: str) -> End:
    """Each trouble is with a model of its own, so that it holds up no other request."""
    road.send(thread, {"instruction": f"a ship {thread} [fault:cut]", "model": road.other_models[-1]})

    def end() -> None:
        assert road.turn(thread, 1)["error"]["code"] == "outcome_unknown"

    return end


def _provider_in_trouble(road: Road, thread: str) -> End:
    """A refused key opens the breaker at once, and a probe tests the provider."""
    road.send(thread, {"instruction": f"a ship {thread} [fault:401 x1]", "model": road.other_models[-2]})

    def end() -> None:
        assert road.turn(thread, 1)["status"] == "succeeded"
        eventually(lambda: _is_empty(road, "probes"), PROBE_IS_OVER_SECONDS)

    return end


def _is_empty(road: Road, name: str) -> bool:
    sqs = road.stack.aws.sqs
    url = sqs.get_queue_url(QueueName=f"darkroom-{name}.fifo")["QueueUrl"]
    names: list[QueueAttributeNameType] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"}


def _refusal(road: Road, thread: str) -> End:
    road.send(thread, {"instruction": f"a ship {thread} [fault:refusal]"})
    return lambda: road.turn(thread, 1)


def _attempts_that_died(road: Road, thread: str) -> End:
    """The ledger gets five attempts that died. Real deaths would take too long."""
    body = {"instruction": "a harbour at dawn", "thread_id": thread, "request_id": "r"}
    _have_died(road, thread, body)
    road.send(thread, body)
    aws, dead_letters = road.stack.aws, road.stack.env["REQUESTS_DEAD_LETTER_QUEUE_URL"]

    def end() -> None:
        assert road.turn(thread, 1)["error"]["code"] == "internal_error"
        eventually(lambda: aws.sqs.receive_message(QueueUrl=dead_letters, VisibilityTimeout=0).get("Messages"))

    return end


def _have_died(road: Road, thread: str, body: Mapping[str, Any]) -> None:
    env = road.stack.env
    buckets = (env["UPLOADS_BUCKET"], env["RESULTS_BUCKET"])
    asked = request.parse(json.dumps(body), group=group_of(thread), message_id="m", rules=rules(*buckets))
    now = iter(time.time() - 120 * tries for tries in reversed(range(1, 2 * STRIKES + 1)))
    table = Table(road.stack.aws.dynamodb, env["THREADS_TABLE"])
    ledger = DynamoLedger(table, daily_call_limit=0, clock=lambda: next(now))
    for _ in range(STRIKES):
        assert isinstance(ledger.claim(asked, "2026-11-22T00:00:00.000Z"), Claim)


ROADS: dict[str, Callable[[Road, str], End]] = {
    "conversation": _conversation_by_uploads,
    "photo-first": _photo_before_its_words,
    "words-first": _words_before_their_photo,
    "folder-last": _words_of_a_folder_after_its_photo,
    "other-file": _file_of_another_kind,
    "another-file": _file_of_another_kind,
    "request-file": _request_in_a_file,
    "batch": _batch,
    "another-batch": _batch,
    "pictures": _pictures_by_key_and_by_version,
    "scans": _scans,
    "more-scans": _scans,
    "doubtful": _doubtful_answer,
    "results": _result_as_a_picture,
    "missing": _pictures_that_are_missing,
    "going": _pictures_that_go_while_they_wait,
    "faults": _message_with_faults,
    "full": _too_many_turns,
    "twice": _the_same_twice,
    "ambiguous": _no_answer,
    "trouble": _provider_in_trouble,
    "refused": _refusal,
    "died": _attempts_that_died,
}
