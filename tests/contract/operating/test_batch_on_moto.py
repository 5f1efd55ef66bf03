"""A batch from this machine: uploaded once, followed by the stack's state, and stopped."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches.line_reader import Place
from darkroom.batches.ports import Answered, Progress, Sent
from darkroom.domain import keys, outcome
from darkroom.domain.outcome import Timing
from darkroom.domain.request import Request
from darkroom.domain.upload import Upload
from darkroom.errors import Cause, Rejected, Unavailable
from darkroom.turns.ports import Claim, Wait
from darkroom.uploads.pairing import Seen, Stem
from darkroom_client.command import run
from darkroom_client.commands.common import Given
from darkroom_client.commands.operating.batch import _said
from darkroom_client.errors import Invalid, NotFound, Trouble
from darkroom_client.operating.batches import local_batch
from darkroom_client.operating.batches.batch_run import FIRST_LOOK_SECONDS, Batch, found
from darkroom_client.operating.batches.local_batch import LocalBatch
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import deployed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

NOON = 1_795_348_800.0
KEY = "shop/spring.jsonl"
AT = "2026-11-22T12:00:00.000Z"


@dataclass
class Desk:
    """A person with a batch file, and the stack that gets it."""

    stack: Stack
    file: Path
    puts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stack.s3.meta.events.register("before-call.s3.PutObject", lambda **_: self.puts.append("put"))

    @property
    def table(self) -> Table:
        return Table(self.stack.dynamodb, self.stack.outputs["ThreadsTable"])

    @property
    def batch(self) -> Batch:
        return Batch(self.stack, KEY)

    def read(self, *lines: str) -> LocalBatch:
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return local_batch.read(Path(KEY), KEY, self.stack, None)

    def arrives(self, local: LocalBatch, generation: int, etag: str = "") -> str:
        """Turn the upload into a batch. Return its name."""
        etag = etag or hashlib.md5(local.data, usedforsecurity=False).hexdigest()
        upload = Upload("uploads", KEY, etag, None, "1", 9, 0.0)
        state = DynamoUploadState(self.table)
        before = state.stem(upload.home, upload.stem)
        seen = {".jsonl": Seen("1", 0.0, etag, generation=generation)}
        state.decide(upload.thread, upload, Stem(version=before.version, seen=seen), None, None)
        return f"batch:{KEY}#{generation}"


@pytest.fixture
def desk(
    threads_table: str, buckets: tuple[str, str, str], dynamodb: "DynamoDBClient", s3: "S3Client", sqs: "SQSClient",
    functions: "LambdaClient", tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Desk:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    outputs = {"ThreadsTable": threads_table, "UploadsBucket": "uploads", "ResultsBucket": "results"}
    return Desk(deployed(outputs, {}, {}, dynamodb, s3, sqs, functions), tmp_path / KEY)


def line(custom_id: str) -> str:
    return json.dumps({"custom_id": custom_id, "instruction": "a cat"})


def test_the_same_file_is_uploaded_once_and_another_of_its_name_after_a_yes(desk: Desk) -> None:
    first, other = desk.read(line("a")), desk.read(line("a"), line("b"))
    assert desk.batch.another(first) is None
    assert [desk.batch.upload(each) for each in (first, first)] == [True, False]
    assert desk.batch.another(first) is None
    assert desk.batch.another(other)
    with pytest.raises(Trouble, match=r"shop/spring\.jsonl in uploads is another file\. Nothing was uploaded\."):
        desk.batch.upload(other)
    assert desk.batch.upload(other, replaces=True)
    assert len(desk.puts) == 2
    assert desk.stack.s3.get_object(Bucket="uploads", Key=KEY)["Body"].read() == other.data


def test_a_file_whose_entity_tag_is_no_hash_of_it_is_known_by_its_bytes(desk: Desk) -> None:
    """As where a key of KMS encrypts it, or where it was uploaded in parts."""
    local, s3, at = desk.read(line("a")), desk.stack.s3, {"Bucket": "uploads", "Key": KEY}
    upload = s3.create_multipart_upload(Bucket="uploads", Key=KEY)["UploadId"]
    part = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=local.data)  # type: ignore[arg-type]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    etag = s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)["ETag"]  # type: ignore[arg-type]
    batch = desk.batch
    assert batch.another(local) is None
    assert batch.another(desk.read(line("b")))
    assert not batch.upload(local)
    desk.arrives(local, 1, etag.strip('"'))
    batch.begun(local, lambda _: pytest.fail("it has become a batch"))


def test_it_is_waited_for_until_the_very_upload_has_become_a_batch(desk: Desk) -> None:
    local, older = desk.read(line("a"), line("b")), desk.read(line("a"))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        desk.arrives(older if len(slept) == 1 else local, generation=len(slept))

    batch = desk.batch
    batch.begun(local, sleep)
    assert len(slept) == 2
    DynamoBatchState(desk.table).save(f"batch:{KEY}#2", Progress(total=7))
    assert batch.standing().total == 7


def test_a_file_that_the_stack_refuses_as_a_whole_is_told(desk: Desk) -> None:
    local = desk.read(line("a"))
    etag = hashlib.md5(local.data, usedforsecurity=False).hexdigest()
    rejection = Rejected("invalid_request", "the file has more than 50,000 lines", hint="Split it.")
    refused = outcome.refusal(rejection, timing=Timing(AT, None, AT, None), attempts=1)
    Refusals(desk.table).note(refused, keys.rejected_upload_key(KEY, etag))
    with pytest.raises(Invalid, match=r"more than 50,000 lines\. Split it"):
        desk.batch.begun(local)


def test_it_is_followed_to_its_end_with_its_pace_and_its_failures(desk: Desk) -> None:
    name = desk.arrives(desk.read(line("a")), generation=1)
    state, batch = DynamoBatchState(desk.table), desk.batch
    half = Progress(
        total=100, is_counted=True, position=52, open=(51, 52), succeeded=48, failed=2, cancelled=1,
        began_at=NOON, moved_at=NOON + 600, paid_calls=49, max_calls=80,
    )  # fmt: skip
    error = {"code": "refused", "message": "line 2: no", "retryable": False, "hint": "Say it otherwise.", "param": None}
    stopped = {**error, "code": "cancelled", "hint": None}
    texts = {1: {"custom_id": "a", "error": stopped}, 2: {"custom_id": "b", "error": error}}
    known = Progress()
    for position, text in texts.items():
        known = state.save(name, known, Answered(position, json.dumps(text)))
    state.save(name, replace(half, version=known.version))

    looks = batch.standings(lambda _: ends(state, name))
    first, last = looks
    assert (first.ended, first.open, first.paid_calls, first.max_calls) == (50, 2, 49, 80)
    assert first.ends_at == NOON + 1200
    assert "48 of 100 succeeded, 1 failed, 1 cancelled, 2 under way." in _said(first)[0]
    assert (last.is_over, last.ends_at) == (True, None)
    failure, cancelled = batch.failures()
    assert failure == ("b", "refused", "line 2: no", "Say it otherwise.")
    assert (cancelled.custom_id, cancelled.code) == ("a", "cancelled")


def ends(state: DynamoBatchState, name: str) -> None:
    now = state.progress(name)
    state.save(name, replace(now, open=(), position=100, succeeded=98))


def test_a_batch_is_stopped_by_its_key_and_one_that_is_over_is_not(desk: Desk) -> None:
    name = desk.arrives(desk.read(line("a")), generation=4)
    desk.batch.stop()
    assert DynamoBatchState(desk.table).is_stopped(name)
    assert desk.batch.standing().is_stopped
    ends_all = Progress(total=1, is_counted=True, position=1, succeeded=1)
    DynamoBatchState(desk.table).save(name, ends_all)
    with pytest.raises(Trouble, match="have ended already"):
        desk.batch.stop()
    with pytest.raises(Trouble, match="No batch file"):
        Batch(desk.stack, "shop/autumn.jsonl").stop()


def test_a_picture_that_is_not_in_the_bucket_is_a_fault_of_its_line_before_the_upload(desk: Desk) -> None:
    """The client looks relative to the file, which lies in `shop/`."""
    desk.stack.s3.put_object(Bucket="uploads", Key="shop/there.png", Body=b"png")
    lines = [{"custom_id": name, "instruction": "a", "images": [f"{name}.png"]} for name in ("there", "missing")]
    desk.puts.clear()
    local = desk.read(*map(json.dumps, lines), "not json")
    said = "images.0: there is no object s3://uploads/shop/missing.png; upload the picture first"
    first, second = local.faults
    assert (first.line, first.message) == (2, f"{said} (batch does not upload pictures)")
    assert second.line == 3
    assert desk.puts == []


def test_who_may_not_look_after_pictures_hears_nothing_of_them(desk: Desk) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    desk.stack.s3.meta.events.register("before-call.s3.HeadObject", refuse)
    picture = json.dumps({"custom_id": "a", "instruction": "a", "images": ["missing.png"]})
    assert desk.read(picture).faults == []


def given(desk: Desk) -> Given:
    class At(Given):
        def open_stack(self) -> Stack:
            return desk.stack

    return At()


@pytest.mark.parametrize(("failed", "ended", "code"), [(1, 2, 1), (1, 1, 0), (0, 2, 0)])
def test_the_status_of_a_batch_that_ended_with_failed_lines_is_1(
    desk: Desk, failed: int, ended: int, code: int
) -> None:
    name = desk.arrives(desk.read(line("a"), line("b")), generation=1)
    progress = Progress(total=2, is_counted=True, position=2, succeeded=ended - failed, failed=failed)
    DynamoBatchState(desk.table).save(name, progress)
    assert run(["batch", "status", KEY], given(desk)) == code


def test_the_command_replaces_no_file_of_another_unasked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.read(line("a"))
    desk.stack.s3.put_object(Bucket="uploads", Key=KEY, Body=b"{}")
    assert run(["batch", KEY, "--no-wait"], given(desk)) == 1
    assert capsys.readouterr().err == (
        f"{KEY} in the bucket is another file, uploaded now. Replace it? "
        "No terminal is here for an answer, so nothing was done. --replace says it. Another name keeps both.\n"
    )
    assert run(["batch", KEY, "--no-wait", "--replace"], given(desk)) == 0
    assert desk.stack.s3.get_object(Bucket="uploads", Key=KEY)["Body"].read() == desk.file.read_bytes()


def test_a_table_that_was_bounded_is_found_by_its_own_name(desk: Desk) -> None:
    desk.arrives(desk.read(line("a")), generation=1)
    DynamoBatchState(desk.table).save(f"batch:{KEY}#1", Progress(total=7))
    assert found(desk.stack, "shop/spring.csv").standing().total == 7
    for name in ("shop/other.csv", "shop/other.jsonl"):
        with pytest.raises(NotFound, match=f"No batch file '{name}'"):
            found(desk.stack, name).standing()


def waiting(desk: Desk, *causes: Cause) -> str:
    """A batch whose lines wait for these causes. Its name."""
    name = desk.arrives(desk.read(*map(line, "abc"[: len(causes)])), generation=1)
    state, ledger = DynamoBatchState(desk.table), DynamoLedger(desk.table, daily_call_limit=0)
    known = Progress(total=len(causes), is_counted=True, position=len(causes))
    for position, cause in enumerate(causes, 1):
        custom_id = "abc"[position - 1]
        thread = f"shop/spring/{custom_id}"
        known = state.save(
            name, replace(known, open=(*known.open, position)), Sent(position, custom_id, thread, "f", Place())
        )
        asked = Request(thread, custom_id, "a cat")
        claim = ledger.claim(asked, AT)
        assert isinstance(claim, Claim)
        ledger.defer(claim, Unavailable(cause, "no"), Wait(NOON + 600, "a cat"))
    return name


def test_the_status_of_a_batch_names_each_cause_of_waiting_once_with_the_way_out(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting(desk, "credentials", "credentials", "budget")
    assert run(["batch", "status", KEY], given(desk)) == 0
    said, first, second = capsys.readouterr().out.splitlines()
    assert said.startswith("0 of 3 succeeded, 0 failed, 3 under way or waiting.")
    assert first.startswith("The line a waits (credentials) since ")
    assert "The image API refuses the key." in first
    assert second.startswith("The line c waits (budget) since ")
    assert run(["batch", "status", KEY, "--json"], given(desk)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["under_way"] == 3
    assert [(each["custom_id"], each["cause"]) for each in told["waits"]] == [("a", "credentials"), ("c", "budget")]


def test_a_followed_batch_says_each_cause_of_its_wait_once(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    name, state = waiting(desk, "credentials", "credentials"), DynamoBatchState(desk.table)
    over = replace(state.progress(name), open=(), succeeded=2)
    desk.stack.s3.put_object(Bucket="uploads", Key=KEY, Body=desk.file.read_bytes())
    ending = Timer(3 * FIRST_LOOK_SECONDS, state.save, (name, over))  # after several looks
    ending.start()
    assert run(["batch", KEY], given(desk)) == 0
    ending.join()
    told = capsys.readouterr().err
    assert told.count("waits (credentials)") == 1
    assert told.startswith("The line a waits (credentials)")
