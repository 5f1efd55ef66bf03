"""A request's item in the ledger: the conditions of its writes, and the claim in it."""

from dataclasses import asdict, replace
from typing import Any

from darkroom.aws.dynamodb.table import Condition
from darkroom.domain.outcome import DEFAULT_DIALECT, Source
from darkroom.turns.ports import CallRecord, Claim

CLAIM = (
    "SET #owner = :owner, lease_until = :lease_until, #state = :open, expires_at = :expires_at, "
    "request_id = :request_id, fingerprint = :fingerprint, "
    "requested_at = if_not_exists(requested_at, :requested_at), "
    "started_at = if_not_exists(started_at, :started_at), "
    "attempts = if_not_exists(attempts, :zero) + :one, strikes = if_not_exists(strikes, :zero) + :one"
)
FORGOTTEN = "forgotten"  # marks a tombstone: an item with id, content hash and `done`, and no words
CLAIMABLE = Condition(
    "attribute_not_exists(sk) OR (fingerprint = :fingerprint AND #state = :open "
    "AND (#owner = :nobody OR lease_until < :now))"
)


def sort_key(request_id: str) -> str:
    return f"REQUEST#{request_id}"


def fence(claim: Claim) -> Condition:
    """The condition that this owner still holds the request."""
    return Condition("#owner = :fence AND #state = :still", {"fence": claim.owner, "still": "open"}, ("owner", "state"))


def in_order(claim: Claim, number: int) -> Condition:
    """The condition that this owner still holds the request, and has made no later write than this one."""
    owned = fence(claim)
    return Condition(
        f"{owned.expression} AND (attribute_not_exists(#writes) OR #writes <= :number)",
        {**owned.values, "number": number},
        (*owned.names, "writes"),
    )


def ours_or_gone(claim: Claim) -> Condition:
    """The condition that this owner still holds the request, or that its item does not exist."""
    owned = fence(claim)
    return replace(owned, expression=f"attribute_not_exists(sk) OR ({owned.expression})")


def claim_of(entry: dict[str, Any]) -> Claim:
    """The claim in an item of the ledger. A worker that died in a call did not die of the request."""
    known = {name: entry[name] for name in Claim.__dataclass_fields__ if name in entry}
    if asked := known.get("asked"):
        known["asked"] = _record_of(asked)
    known["strikes"] -= int("open_call" in known)
    return Claim(**known)


def document_of(record: CallRecord) -> dict[str, Any]:
    """The record as it is stored. The default dialect is left out, so that earlier releases can read the record."""
    document = asdict(record)
    if record.dialect == DEFAULT_DIALECT:
        del document["dialect"]
    return document


def _record_of(document: dict[str, Any]) -> CallRecord:
    known = {name: document[name] for name in CallRecord.__dataclass_fields__ if name in document}
    return CallRecord(**known | {"sources": tuple(Source(**source) for source in document["sources"])})
