"""A request's item in the ledger: on what conditions it is written, and the claim that it holds."""

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
FORGOTTEN = "forgotten"  # the attribute of a tombstone: an item that keeps id, content's hash and `done`, and no words
CLAIMABLE = Condition(
    "attribute_not_exists(sk) OR (fingerprint = :fingerprint AND #state = :open "
    "AND (#owner = :nobody OR lease_until < :now))"
)


def sort_key(request_id: str) -> str:
    return f"REQUEST#{request_id}"


def fence(claim: Claim) -> Condition:
    """That the request is still in this owner's hands."""
    return Condition("#owner = :fence AND #state = :still", {"fence": claim.owner, "still": "open"}, ("owner", "state"))


def in_order(claim: Claim, number: int) -> Condition:
    """And that no later write of theirs is there than this one."""
    owned = fence(claim)
    return Condition(
        f"{owned.expression} AND (attribute_not_exists(#writes) OR #writes <= :number)",
        {**owned.values, "number": number},
        (*owned.names, "writes"),
    )


def ours_or_gone(claim: Claim) -> Condition:
    """That it is still in this owner's hands, or in nobody's at all."""
    owned = fence(claim)
    return replace(owned, expression=f"attribute_not_exists(sk) OR ({owned.expression})")


def claim_of(entry: dict[str, Any]) -> Claim:
    """The claim that an item of the ledger holds. Who died in a call did not die of the request."""
    known = {name: entry[name] for name in Claim.__dataclass_fields__ if name in entry}
    if asked := known.get("asked"):
        known["asked"] = _record_of(asked)
    known["strikes"] -= int("open_call" in known)
    return Claim(**known)


def document_of(record: CallRecord) -> dict[str, Any]:
    """The record as it is stored. The default dialect is left out: a release that knows no other reads the rest."""
    document = asdict(record)
    if record.dialect == DEFAULT_DIALECT:
        del document["dialect"]
    return document


def _record_of(document: dict[str, Any]) -> CallRecord:
    known = {name: document[name] for name in CallRecord.__dataclass_fields__ if name in document}
    return CallRecord(**known | {"sources": tuple(Source(**source) for source in document["sources"])})
