"""The sweep can fail: it goes red for each safeguard of the protocol that is removed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.s3 import S3Objects
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import Blob
from darkroom.turns.paid_call import PaidCall
from darkroom.turns.ports import CallRecord, Claim
from darkroom.turns.publisher import Publisher
from darkroom.worker.message_batch import MessageBatch
from tests.guarantees.clients_edge.modes import MODES
from tests.guarantees.clients_edge.sweep import sweep
from tests.guarantees.clients_edge.world import World

Sabotage = Callable[[pytest.MonkeyPatch], None]


def the_spool_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    looked = PaidCall._spooled

    def blind(self: PaidCall, call: int) -> Reply | None:
        return looked(self, call) if self.claim.answered_by == call else None

    patch.setattr(PaidCall, "_spooled", blind)


def the_answer_is_not_spooled_before_it_is_settled(patch: pytest.MonkeyPatch) -> None:
    spool, settle = PaidCall._spool, PaidCall._settle
    kept: list[Reply] = []

    def late(self: PaidCall, reply: Reply | None) -> None:
        settle(self, reply)
        if kept:
            spool(self, kept.pop())

    patch.setattr(PaidCall, "_spool", lambda _, reply: kept.append(reply))
    patch.setattr(PaidCall, "_settle", late)


def objects_are_written_over(patch: pytest.MonkeyPatch) -> None:
    def over(
        self: S3Objects, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        self._client.put_object(
            Bucket=bucket, Key=key, Body=data[:], ContentType=media_type, Metadata=dict(metadata or {})
        )
        return True

    patch.setattr(S3Objects, "write_once", over)


def a_call_is_marked_when_it_is_over(patch: pytest.MonkeyPatch) -> None:
    mark, spool = DynamoLedger.mark, PaidCall._spool

    def pretend(self: DynamoLedger, claim: Claim, asked: CallRecord) -> Claim:
        return replace(claim, calls=claim.calls + 1, open_call=claim.calls + 1, asked=asked)

    def marked(self: PaidCall, reply: Reply) -> None:
        unmarked = replace(self.claim, calls=self.claim.calls - 1)
        assert isinstance(self._dependencies.ledger, DynamoLedger)
        self.claim = mark(self._dependencies.ledger, unmarked, unmarked.asked)  # type: ignore[arg-type]
        spool(self, reply)

    patch.setattr(DynamoLedger, "mark", pretend)
    patch.setattr(PaidCall, "_spool", marked)


def the_result_is_announced_before_it_is_committed(patch: pytest.MonkeyPatch) -> None:
    commit, announce = DynamoLedger.commit, Publisher.announce
    waiting: list[tuple[Any, ...]] = []

    def late(self: Publisher, *args: Any) -> None:
        announce(self, *args)
        while waiting:
            commit(*waiting.pop())

    patch.setattr(DynamoLedger, "commit", lambda *args: waiting.append(args))
    patch.setattr(Publisher, "announce", late)


def the_result_is_announced_before_its_pictures(patch: pytest.MonkeyPatch) -> None:
    pictures, announce = S3Objects.write_once, Publisher.announce
    waiting: list[tuple[Any, ...]] = []

    def later(self: S3Objects, bucket: str, key: str, *args: Any) -> bool:
        if "/image" not in key:
            return pictures(self, bucket, key, *args)
        waiting.append((self, bucket, key, *args))
        return True

    def late(self: Publisher, *args: Any) -> None:
        announce(self, *args)
        while waiting:
            pictures(*waiting.pop())

    patch.setattr(S3Objects, "write_once", later)
    patch.setattr(Publisher, "announce", late)


def a_message_is_deleted_before_it_is_worked_on(patch: pytest.MonkeyPatch) -> None:
    work = MessageBatch._is_done

    def hasty(self: MessageBatch[Any], message: Any, rest: Any) -> bool:
        self._queue.end(message)
        return work(self, message, rest)

    patch.setattr(MessageBatch, "_is_done", hasty)


def a_done_request_is_not_announced_again(patch: pytest.MonkeyPatch) -> None:
    announce = Publisher.announce
    committed: list[str] = []

    def once(self: Publisher, *args: Any) -> None:
        if committed:
            announce(self, *args)
        committed.clear()

    commit = DynamoLedger.commit

    def noted(self: DynamoLedger, *args: Any) -> None:
        committed.clear()
        commit(self, *args)
        committed.append("just now")

    patch.setattr(DynamoLedger, "commit", noted)
    patch.setattr(Publisher, "announce", once)


@pytest.mark.parametrize(
    ("sabotage", "said"),
    [
        (the_spool_is_not_looked_at, "2 calls were made"),
        (the_answer_is_not_spooled_before_it_is_settled, "there is a dead letter"),
        (objects_are_written_over, "written more than once"),
        (a_call_is_marked_when_it_is_over, "calls were charged, 1 are told"),
        (the_result_is_announced_before_it_is_committed, "its turn is not in the table"),
        (the_result_is_announced_before_its_pictures, "is not what .* says"),
        (a_message_is_deleted_before_it_is_worked_on, "it has the outcomes \\[\\]"),
        (a_done_request_is_not_announced_again, "it has the outcomes \\[\\]"),
    ],
)
def test_without_a_safeguard_the_sweep_goes_red(
    swept_world: World, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, said: str
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError, match=said):
        sweep(swept_world, MODES["text to image"], ["dies"])
