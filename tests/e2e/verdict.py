"""The result of a load, judged from outside: by bucket, table and queues, and by the image API's record."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from PIL import Image

from darkroom.pictures import marking
from darkroom.streaming import blob
from tests.e2e.load import Asked
from tests.e2e.provider import Call, Provider
from tests.e2e.road import Doors, made_for

MOST_PAID_CALLS = 2
TABLE_ONLY = {"sk", "dialect", "has_state", "listed_in", "listed_at"}  # absent in `result.json`
ADDED_SINCE: dict[str, Any] = {"warnings": []}  # fields that turns and results of earlier releases lack
ADDED_TO_PICTURES: dict[str, Any] = {"provenance": None}  # and their pictures
SAVING_SECONDS = 10.0  # an answer that was sent this long before a worker died may be lost with it

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that can be seen afterwards. `breaks` are the times at which workers died or connections were cut."""

    doors: Doors
    provider: Provider
    asked: Sequence[Asked]
    breaks: Sequence[float]
    results: Sequence[Document]
    items: Sequence[Document]

    def outcomes(self, asked: Asked) -> list[Document]:
        return [result for result in self.results if result["instruction"] == asked.instruction]

    def calls(self, asked: Asked) -> list[Call]:
        return self.provider.calls(asked.instruction)

    def is_lost(self, call: Call) -> bool:
        """Whether the call's outcome cannot be known."""
        saved = call.ended + SAVING_SECONDS if call.ended else float("inf")
        return call.is_lost or any(call.began - 1 <= moment <= saved for moment in self.breaks)


def gathered(doors: Doors, provider: Provider, asked: Sequence[Asked], breaks: Sequence[float]) -> Evidence:
    return Evidence(doors, provider, asked, breaks, list(_results(doors)), list(_items(doors)))


def complaints(evidence: Evidence) -> list[str]:
    """Every broken promise, in words; there should be none."""
    found = [*_left_behind(evidence.doors), *_against_the_table(evidence)]
    for asked in evidence.asked:
        found += [f"{asked.thread} {asked.mark}: {wrong}" for wrong in _about(asked, evidence)]
    turns = defaultdict(list)
    for result in sorted(evidence.results, key=lambda result: result["turn"]):
        turns[result["thread_id"]].append(result)
    for thread, results in turns.items():
        found += [f"{thread}: {wrong}" for wrong in _about_order(results, evidence)]
    return found


def measured(evidence: Evidence) -> dict[str, object]:
    """The events in numbers."""
    calls = evidence.provider.calls()
    paid = sum(call.is_paid for call in calls)
    delivered = sum(result["status"] == "succeeded" for result in evidence.results)
    outcomes = [evidence.outcomes(asked) for asked in evidence.asked]
    return {
        "requests": len(evidence.asked),
        "threads": len({asked.thread for asked in evidence.asked}),
        "sent again": sum(len(asked.times) - 1 for asked in evidence.asked),
        "lost": sum(not found for found in outcomes),
        "doubled": sum(len(found) > 1 for found in outcomes),
        **Counter(result["error"]["code"] if result["error"] else "succeeded" for result in evidence.results),
        "calls": len(calls),
        "paid calls": paid,
        "calls per delivered picture": round(len(calls) / max(1, delivered), 3),
        "paid calls per delivered picture": round(paid / max(1, delivered), 3),
    }


def _about(asked: Asked, evidence: Evidence) -> Iterator[str]:
    outcomes, calls = evidence.outcomes(asked), evidence.calls(asked)
    if len(outcomes) != 1:
        yield f"{len(outcomes)} outcomes"
        return
    outcome, paid = outcomes[0], [call for call in calls if call.is_paid]
    if asked.key is None and outcome["request_id"] != asked.mark:
        yield f"its outcome is that of {outcome['request_id']}"
    if len(paid) > MOST_PAID_CALLS:
        yield f"paid {len(paid)} times"
    if not all(evidence.is_lost(call) for call in paid[:-1]):
        yield f"called again without need: {calls}"
    if outcome["cost"]["paid_calls"] < sum(call.is_answered for call in paid):
        yield f"its outcome admits {outcome['cost']['paid_calls']} calls, and {len(paid)} were paid"
    if outcome["status"] == "succeeded":
        yield from _about_pictures(outcome, calls, evidence.doors)
    elif not _may_fail(outcome, calls, evidence):
        yield f"failed: {outcome['error']} after {calls}"


def _may_fail(outcome: Document, calls: Sequence[Call], evidence: Evidence) -> bool:
    """Whether lost calls or a broken picture explain a failure. A provider's trouble does not.

    A call whose worker died just before it was sent is lost too, though the provider never got it.
    """
    begin, end = (datetime.fromisoformat(outcome["timing"][name]).timestamp() for name in ("started_at", "finished_at"))
    breaks = sum(begin <= moment <= end for moment in evidence.breaks)
    lost = sum(call.is_lost for call in calls)
    return (outcome["error"]["code"] == "outcome_unknown" and lost + breaks >= MOST_PAID_CALLS) or (
        outcome["error"]["code"] == "no_image" and any(call.mood == "junk" for call in calls)
    )


def _about_pictures(outcome: Document, calls: Sequence[Call], doors: Doors) -> Iterator[str]:
    if not outcome["images"]:
        yield "succeeded without a picture"
    for image in outcome["images"]:
        data = doors.stack.aws.s3.get_object(Bucket=image["bucket"], Key=image["key"])["Body"].read()
        Image.open(BytesIO(data)).verify()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != image["sha256"] or len(data) != image["bytes"]:
            yield f"{image['key']} is not what its outcome says"
        if blob.sha256(marking.unmarked(data)) not in {call.picture for call in calls}:
            yield f"{image['key']} was never made for it"


def _about_order(results: Sequence[Document], evidence: Evidence) -> Iterator[str]:
    """The order of one thread's turns."""
    if [result["turn"] for result in results] != list(range(1, len(results) + 1)):
        yield f"its turns are {[result['turn'] for result in results]}"
    sent = {asked.mark: asked.times[0] for asked in evidence.asked if asked.key is None}
    times = [sent[result["request_id"]] for result in results if result["request_id"] in sent]
    if any(later < earlier for earlier, later in pairwise(times)):
        yield f"its turns are not in the order of sending: {[result['request_id'] for result in results]}"
    newest: Document | None = None
    for result in results:
        yield from _about_parent(result, newest, evidence)
        newest = result if result["status"] == "succeeded" else newest


def _about_parent(result: Document, newest: Document | None, evidence: Evidence) -> Iterator[str]:
    if result["parent_turn"] != (newest["turn"] if newest else None):
        yield f"turn {result['turn']} answers {result['parent_turn']}"
    answered = [image for image in newest["images"] if image["primary"]] if newest else []
    seen = made_for(evidence.doors.stack, answered[0]) if answered else None
    calls = evidence.provider.calls(result["instruction"])
    if seen and not all(seen in call.context for call in calls):
        yield f"turn {result['turn']} was asked for without the picture before it"


def _against_the_table(evidence: Evidence) -> Iterator[str]:
    items = {(item["thread_id"], item["turn"]): item for item in evidence.items if item["sk"].startswith("TURN#")}
    results = {(result["thread_id"], result["turn"]): result for result in evidence.results}
    for place in sorted(items.keys() | results.keys()):
        item = {name: value for name, value in items.get(place, {}).items() if name not in TABLE_ONLY}
        if _of_today(item) != _of_today(results.get(place, {})):
            yield f"{place}: the table says {item}, and the result {results.get(place)}"
    latest = {item["thread_id"]: item["latest_turn"] for item in evidence.items if item["sk"] == "THREAD"}
    if latest != dict(sorted(results)):
        yield f"the threads' heads are {latest}"


def _of_today(document: Document) -> Document:
    """As this release's `result.json` says it. A turn's item holds `provenance` beside its images, and
    `cost.images` only where it is not `paid_calls`.
    """
    cost = document.get("cost")
    plain = {name: value for name, value in document.items() if name != "provenance"}
    images = document.get("images", [])
    said = document.get("provenance") or [None] * len(images)
    pictures = [
        ADDED_TO_PICTURES | ({"provenance": each} if each else {}) | image
        for image, each in zip(images, said, strict=True)
    ]
    known = {"cost": {"images": cost["paid_calls"]} | cost} if cost else {}
    return ADDED_SINCE | plain | known | {"images": pictures}


def _left_behind(doors: Doors) -> Iterator[str]:
    yield from (f"{messages} messages left in {queue}" for queue, messages in doors.left().items())
    yield from (f"{key} tells of something refused" for key in doors.keys("rejected/"))


def _results(doors: Doors) -> Iterator[Document]:
    pages = doors.stack.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=doors.stack.env["RESULTS_BUCKET"], Prefix="threads/"
    )
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    for key in keys:
        if key.endswith("/result.json") and (document := doors.document(key)):
            yield document


def _items(doors: Doors) -> Iterator[Document]:
    """The public items of the table."""
    plain = TypeDeserializer().deserialize
    for page in doors.stack.aws.dynamodb.get_paginator("scan").paginate(TableName=doors.stack.env["THREADS_TABLE"]):
        for item in page["Items"]:
            document = json.loads(json.dumps({name: plain(value) for name, value in item.items()}, default=_number))
            if document["sk"] == "THREAD" or document["sk"].startswith("TURN#"):
                yield document


def _number(value: object) -> float | int:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral_value() else float(value)
