"""The ledger: who works on a request, and which of its calls may have been paid.

One item a request, in its thread's partition, so that turn, thread and request end in one transaction. An
owner's claim is a lease; while it lasts nobody else writes the item, so its writes are absolute values, and
repeating one changes nothing. Every write but the claim is fenced by the owner's name.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom import items, outcome
from darkroom.aws import code_of, translated
from darkroom.errors import PROVIDER_CAUSES, UNCOUNTED_CAUSES, Fault, Unavailable
from darkroom.outcome import Outcome, Source
from darkroom.ports import Asked, Claim, Done, Held, Reused
from darkroom.request import Request
from darkroom.thread import Thread

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS = 60
CONFLICT_TRIES = 12
COUNTERS = "/calls"  # no thread's id begins with a slash
LONGEST_BUDGET_WAIT_SECONDS = 3600


class DynamoLedger:
    """The ledger of `ports`, on DynamoDB. `daily_call_limit` 0 is none."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        daily_call_limit: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._limit = daily_call_limit
        self._clock = clock
        self._sleep = sleep
        self._held: dict[str, Claim] = {}
        self._lock = threading.Lock()

    def claim(self, request: Request, requested_at: str) -> Claim | Done | Held | Reused:
        """Write first, read only on conflict."""
        now, owner = self._clock(), uuid.uuid4().hex
        values = {
            ":owner": owner, ":nobody": "", ":open": "open", ":one": 1, ":zero": 0,
            ":request_id": request.request_id, ":fingerprint": request.fingerprint, ":requested_at": requested_at,
            ":now": now, ":started_at": outcome.timestamp(now),
            ":lease_until": now + LEASE_SECONDS, ":expires_at": int(now) + items.KEPT_SECONDS,
        }  # fmt: skip
        with translated():
            try:
                found = self._client.update_item(
                    TableName=self._table,
                    Key=items.key(request.thread_id, items.request_sk(request.request_id)),
                    UpdateExpression=_CLAIM,
                    ConditionExpression=_CLAIMABLE,
                    ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
                    ExpressionAttributeValues=items.to_item(values),
                    ReturnValues="ALL_NEW",
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                entry = self._entry(request)
            else:
                entry = items.from_item(found["Attributes"])
        return self._standing(entry, request, owner)

    def _standing(self, entry: dict[str, Any], request: Request, owner: str) -> Claim | Done | Held | Reused:
        if entry.get("fingerprint") != request.fingerprint:
            return Reused()
        if entry["state"] == "done":
            return Done(self._outcome(request.thread_id, entry["turn"]))
        if entry["owner"] != owner:  # else it is ours: what failed was the echo of our own retried write
            return Held(max(0.0, entry["lease_until"] - self._clock()))
        claim = _claim_of(entry)
        with self._lock:
            self._held[owner] = claim
        return claim

    def abandoned(self, request: Request) -> bool:
        """See `ports.Ledger`."""
        entry = self._entry(request)
        return entry.get("state") == "open" and entry.get("owner", "") != ""

    def thread(self, thread_id: str) -> Thread:
        """Consistent: the turn before this one was committed a moment ago."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="thread_id = :thread_id AND begins_with(sk, :turn)",
                ExpressionAttributeValues=items.to_item({":thread_id": thread_id, ":turn": "TURN#"}),
                ConsistentRead=True,
            )
            found = [items.from_item(item) for page in pages for item in page["Items"]]
        return Thread(tuple(outcome.from_document(document) for document in found))

    def mark(self, claim: Claim, asked: Asked) -> Claim:
        """See `ports.Ledger`."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        number = claim.calls + 1
        changes = {"calls": number, "open_call": number, "call_day": today.isoformat(), "asked": asked}
        return self._change(claim, changes, self._count(today.isoformat(), 1))

    def settle_free(self, claim: Claim, *, flatten: bool = False) -> Claim:
        """See `ports.Ledger`."""
        changes = {"open_call": None, "flatten": flatten or claim.flatten}
        return self._change(claim, changes, self._count(str(claim.call_day), -1))

    def settle_ambiguous(self, claim: Claim) -> Claim:
        """See `ports.Ledger`."""
        return self._change(claim, {"open_call": None, "ambiguous": claim.ambiguous + 1})

    def settle_answered(self, claim: Claim, *, charged: bool) -> Claim:
        """See `ports.Ledger`. A call that was not charged is given back to its day."""
        changes = {"open_call": None, "answered_by": claim.open_call, "charged": charged}
        refund = [] if charged else [self._count(str(claim.call_day), -1)]
        return self._change(claim, changes, *refund)

    def defer(self, claim: Claim, trouble: Unavailable) -> None:
        """See `ports.Ledger`."""
        now = self._clock()
        refused = now if trouble.cause in PROVIDER_CAUSES else None
        waiting = now if trouble.cause == "budget" else None
        changes = {
            "owner": "",
            "strikes": claim.strikes - 1,
            "deferrals": claim.deferrals + int(trouble.cause not in UNCOUNTED_CAUSES),
            "fetches": claim.fetches + int(trouble.cause == "fetch"),
            "refused_since": claim.refused_since or refused,
            "waiting_since": claim.waiting_since or waiting,
        }
        self._transact([self._write(claim, changes)])

    def forget(self, claim: Claim) -> None:
        """See `ports.Ledger`."""
        key = items.key(claim.thread_id, items.request_sk(claim.request_id))
        self._transact([{"Delete": {"TableName": self._table, "Key": key, **_fence(claim.owner)}}])

    def commit(self, claim: Claim, outcome: Outcome) -> None:
        """See `ports.Ledger`."""
        turn = int(outcome.turn or 0)
        document = {"thread_id": claim.thread_id, "sk": items.turn_sk(turn), **outcome.as_document()}
        try:
            self._transact(
                [
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": items.to_item(document),
                            "ConditionExpression": "attribute_not_exists(sk)",
                        }
                    },
                    self._advance(claim.thread_id, turn, outcome.timing.finished_at),
                    self._write(claim, {"state": "done", "turn": turn}),
                ]
            )
        except Unavailable:
            if not self._ended_with(claim, turn):
                raise

    def drop(self, claim: Claim) -> None:
        """See `ports.Ledger`."""
        with self._lock:
            self._held.pop(claim.owner, None)

    def renew(self) -> None:
        """See `ports.Ledger`. One that was lost is let go; its owner finds out at its next write."""
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            try:
                self._transact([self._write(claim, {"lease_until": self._clock() + LEASE_SECONDS})])
            except Unavailable as trouble:
                if trouble.cause == "held":
                    self.drop(claim)

    # The items

    def _entry(self, request: Request) -> dict[str, Any]:
        return self._item(request.thread_id, items.request_sk(request.request_id))

    def _outcome(self, thread_id: str, turn: int) -> Outcome:
        return outcome.from_document(self._item(thread_id, items.turn_sk(turn)))

    def _item(self, thread_id: str, sk: str) -> dict[str, Any]:
        with translated():
            found = self._client.get_item(TableName=self._table, Key=items.key(thread_id, sk), ConsistentRead=True)
        return items.from_item(found.get("Item", {}))

    def _ended_with(self, claim: Claim, turn: int) -> bool:
        """Whether a commit that failed is the echo of one that did not."""
        entry = self._item(claim.thread_id, items.request_sk(claim.request_id))
        return entry.get("state") == "done" and entry.get("turn") == turn and entry.get("owner") == claim.owner

    # The writes

    def _change(self, claim: Claim, changes: dict[str, Any], *others: dict[str, Any]) -> Claim:
        """The claim with these changes, written if it is still ours; the others with it, or nothing."""
        self._transact([self._write(claim, changes), *others])
        return replace(claim, **changes)

    def _write(self, claim: Claim, changes: dict[str, Any]) -> dict[str, Any]:
        asked = changes.get("asked")
        expression, names, bound = items.setting(changes | ({"asked": asdict(asked)} if asked else {}))
        fence = _fence(claim.owner)
        return {
            "Update": {
                "TableName": self._table,
                "Key": items.key(claim.thread_id, items.request_sk(claim.request_id)),
                "UpdateExpression": expression,
                "ConditionExpression": fence["ConditionExpression"],
                "ExpressionAttributeNames": names | fence["ExpressionAttributeNames"],
                "ExpressionAttributeValues": bound | fence["ExpressionAttributeValues"],
            }
        }

    def _advance(self, thread_id: str, turn: int, now: str) -> dict[str, Any]:
        values = {":turn": turn, ":before": turn - 1, ":now": now}
        return {
            "Update": {
                "TableName": self._table,
                "Key": items.key(thread_id, "THREAD"),
                "UpdateExpression": "SET latest_turn = :turn, updated_at = :now, "
                "created_at = if_not_exists(created_at, :now)",
                "ConditionExpression": "latest_turn = :before"
                + (" OR attribute_not_exists(latest_turn)" if turn == 1 else ""),
                "ExpressionAttributeValues": items.to_item(values),
            }
        }

    def _count(self, day: str, by: int) -> dict[str, Any]:
        """One more on the day's counter, below the limit; or one less."""
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": items.key(COUNTERS, day),
            "UpdateExpression": "SET expires_at = :expires_at ADD calls :by",
        }
        values = {":by": by, ":expires_at": int(self._clock()) + items.KEPT_SECONDS}
        if by > 0 and self._limit:
            update["ConditionExpression"] = "attribute_not_exists(calls) OR calls < :limit"
            values[":limit"] = self._limit
        return {"Update": update | {"ExpressionAttributeValues": items.to_item(values)}}

    def _transact(self, writes: Sequence[dict[str, Any]]) -> None:
        """All of the writes or none. The token makes a retry of botocore's own harmless."""
        token = uuid.uuid4().hex
        for tries_left in reversed(range(CONFLICT_TRIES)):
            with translated():
                try:
                    self._client.transact_write_items(TransactItems=writes, ClientRequestToken=token)  # type: ignore[arg-type]
                except ClientError as error:
                    if code_of(error) != "TransactionCanceledException":
                        raise
                    reasons = [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]
                else:
                    return
            if "ConditionalCheckFailed" in reasons:
                raise self._refusal(writes, reasons)
            if not tries_left or not _passes(reasons):
                break
            self._sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter, no secret
            token = uuid.uuid4().hex
        if _passes(reasons):
            raise Unavailable("aws", f"transaction cancelled: {reasons}")
        raise Fault(f"transaction cancelled: {reasons}")

    def _refusal(self, writes: Sequence[dict[str, Any]], reasons: Sequence[str]) -> Unavailable:
        failed = writes[reasons.index("ConditionalCheckFailed")]
        counters = items.key(COUNTERS, "")["thread_id"]
        if failed.get("Update", {}).get("Key", {}).get("thread_id") != counters:
            return Unavailable("held", "another worker has taken this request over")
        return Unavailable(
            "budget",
            f"the {self._limit} calls of this UTC day are used up",
            retry_after=self._until_tomorrow(),
        )

    def _until_tomorrow(self) -> float:
        now = datetime.fromtimestamp(self._clock(), UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return min(LONGEST_BUDGET_WAIT_SECONDS, (midnight - now).total_seconds() + 1)


_CLAIM = (
    "SET #owner = :owner, lease_until = :lease_until, #state = :open, expires_at = :expires_at, "
    "request_id = :request_id, fingerprint = :fingerprint, requested_at = if_not_exists(requested_at, :requested_at), "
    "started_at = if_not_exists(started_at, :started_at), "
    "attempts = if_not_exists(attempts, :zero) + :one, strikes = if_not_exists(strikes, :zero) + :one"
)
_CLAIMABLE = (
    "attribute_not_exists(sk) OR (fingerprint = :fingerprint AND #state = :open "
    "AND (#owner = :nobody OR lease_until < :now))"
)


def _fence(owner: str) -> dict[str, Any]:
    return {
        "ConditionExpression": "#owner = :fence AND #state = :open",
        "ExpressionAttributeNames": {"#owner": "owner", "#state": "state"},
        "ExpressionAttributeValues": items.to_item({":fence": owner, ":open": "open"}),
    }


def _passes(reasons: Sequence[str]) -> bool:
    return {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}.issuperset(
        set(reasons) - {"None"}
    )


def _claim_of(entry: dict[str, Any]) -> Claim:
    """The claim that an item of the ledger holds. Who died in a call did not die of the request."""
    known = {name: entry[name] for name in Claim.__dataclass_fields__ if name in entry}
    if asked := known.get("asked"):
        sources = tuple(Source(**source) for source in asked["sources"])
        known["asked"] = Asked(**{**asked, "sources": sources})
    known["strikes"] -= int("open_call" in known)
    return Claim(**known)
