"""The scenes of messages: conversations, refusals, an image API in trouble, pictures that have to be converted.

Each scene begins with an empty table. All names are fixed, and with them the keys that follow from them.
"""

import hashlib
from contextlib import suppress
from itertools import pairwise

from tests.contract.interface.responses import (
    CUT_OFF,
    DEEP,
    DIED,
    ODD_ANSWERS,
    OUT_OF_MONEY,
    PLAIN,
    REFUSAL,
    SCAN,
    TROUBLES,
)
from tests.contract.interface.stage import HURRIED, Stage
from tests.invocation import forget_what_was_built

CAT = "s3://uploads/photos/cat.png"  # It is there before the first scene.
ODD, LONG = "猫/夜", "long/" + "x" * 150  # Neither is a message group.
ODD_GROUP, LONG_GROUP = (hashlib.sha256(thread.encode()).hexdigest() for thread in (ODD, LONG))
CASTLE = {"request_id": "r-1", "instruction": "a castle"}
NIGHT = {"request_id": "r-1", "instruction": "night", "images": [CAT]}


def conversation(stage: Stage) -> None:
    """A turn, a follow-up, a branch, a failure; the first message again, and its id with another content."""
    first = {
        **NIGHT, "thread_id": "photos/cat", "model": "gemini-3.1-flash-image", "metadata": {"order": "4711"},
        "options": {"size": "4:3", "temperature": 0.5},
    }  # fmt: skip
    stage.ask("photos/cat", "m-1", first)
    stage.ask("photos/cat", "m-2", {"request_id": "r-2", "instruction": "snow"})
    stage.ask("photos/cat", "m-3", {"request_id": "r-3", "instruction": "rain", "parent_turn": 1})
    stage.ask("photos/cat", "m-4", {"request_id": "r-4", "instruction": "rain", "parent_turn": 99})
    stage.ask("photos/cat", "m-5", first)
    stage.ask("photos/cat", "m-6", {**first, "instruction": "day"})


def refused_messages(stage: Stage) -> None:
    stage.ask("photos/cat", "m-text", "no JSON")
    stage.ask("a", "m-faulty", {**CASTLE, "thread_id": "a", "metadata": {"order": "1"}, "colour": "red"})


def odd_threads(stage: Stage) -> None:
    """Their groups are hashes. Their requests have the messages' ids."""
    stage.ask(ODD_GROUP, "m-odd", {"thread_id": ODD, "instruction": "a castle"})
    stage.ask(LONG_GROUP, "m-long", {"thread_id": LONG, "instruction": "a castle"})


def odd_answers(stage: Stage) -> None:
    """Words, nothing, a picture that cannot be decoded, two pictures."""
    for name, said in ODD_ANSWERS.items():
        stage.api_script = [said]
        stage.ask(f"answers/{name}", f"m-{name}", CASTLE)


def ambiguous_call(stage: Stage) -> None:
    """Two calls, whose answers are cut off."""
    stage.api_script = [CUT_OFF, CUT_OFF]
    stage.ask("ambiguous", "m-cut", CASTLE)
    stage.ask("ambiguous", "m-cut", CASTLE)


def provider_in_trouble(stage: Stage) -> None:
    """The account is empty. A copy of the request comes too early, fails too, and the next call succeeds."""
    asked = {**CASTLE, "thread_id": ODD, "model": "gemini-3-pro-image"}
    stage.api_script = [OUT_OF_MONEY, OUT_OF_MONEY]
    stage.ask(ODD_GROUP, "m-trouble", asked)
    (probe,) = stage.take("probes.fifo")
    stage.request(probe)
    stage.change("/breaker", "gemini-3-pro-image", next_call_at=0)
    stage.request(probe)
    stage.change("/breaker", "gemini-3-pro-image", next_call_at=0)
    stage.ask(ODD_GROUP, "m-trouble", asked)


def other_troubles(stage: Stage) -> None:
    """Other troubles, each of another model, because models share no breaker."""
    for name, said in TROUBLES.items():
        stage.api_script = [said]
        stage.ask(f"trouble/{name}", f"m-{name}", {**CASTLE, "model": name})


def limits(stage: Stage) -> None:
    """One call a day, with a price; one turn a thread; an invocation without time for a call."""
    forget_what_was_built()
    with stage.where(DAILY_CALL_LIMIT="1", PRICE_PER_IMAGE="0.039 USD", MAX_TURNS_PER_THREAD="1"):
        stage.ask("limited/turns", "m-first", CASTLE)
        stage.ask("limited/turns", "m-second", {**CASTLE, "request_id": "r-2"})
        stage.ask("limited/calls", "m-third", CASTLE)
    forget_what_was_built()
    stage.ask("limited/time", "m-late", CASTLE, context=HURRIED)


def renditions(stage: Stage) -> None:
    """A picture that `on_picture` converts, and one that kills it until the request is given up."""
    stage.put("photos/scan.tif", SCAN)
    stage.put("photos/deep.png", DEEP)
    stage.ask("scan", "m-scan", {**NIGHT, "images": ["s3://uploads/photos/scan.tif"]})
    asked = {**NIGHT, "thread_id": ODD, "images": ["s3://uploads/photos/deep.png"]}
    stage.lambda_script = [DIED]
    stage.ask(ODD_GROUP, "m-dead", asked)
    stage.ask(ODD_GROUP, "m-dead", asked)  # The dead attempt's lease has not ended.
    stage.change(ODD, "REQUEST#r-1", lease_until=0, strikes=5)
    stage.ask(ODD_GROUP, "m-dead", asked)


def doubtful_answers(stage: Stage) -> None:
    """A large picture in few bytes, which `on_picture` checks; and one that kills it."""
    stage.api_script = [PLAIN]
    stage.ask("doubtful", "m-plain", CASTLE)
    stage.api_script, stage.lambda_script = [PLAIN], [DIED]
    stage.ask("doubtful", "m-unverified", {**CASTLE, "request_id": "r-2"})


def orders(stage: Stage) -> None:
    """A picture that is broken, one that is gone, and a spool that is gone."""
    stage.put("photos/broken.tif", SCAN[:300])
    for name in ("broken.tif", "gone.tif"):
        stage.order({"bucket": "uploads", "key": f"photos/{name}", "version_id": None, "most_bytes": 7_000_000})
    with stage.where(SPOOL_BUCKET="gone"), suppress(Exception):
        stage.order({"bucket": "uploads", "key": "photos/scan.tif", "version_id": None, "most_bytes": 7_000_000})


def long_threads(stage: Stage) -> None:
    """Threads so long that a turn gets a summary: of failed turns' sources, and of a branch's first source."""
    stage.api_script = [REFUSAL]
    for name, length in (("failed", 19), ("succeeded", 20)):
        stage.ask(f"long/{name}", f"m-{name}", NIGHT)
        _lengthen(stage, f"long/{name}", length)
    stage.ask("long/failed", "m-20", {"request_id": "r-20", "instruction": "snow", "parent_turn": 99})
    stage.ask("long/succeeded", "m-21", {"request_id": "r-21", "instruction": "snow"})


def _lengthen(stage: Stage, thread: str, length: int) -> None:
    """Repeat the thread's first turn, each time in answer to the one before."""
    key = {"thread_id": {"S": thread}, "sk": {"S": "TURN#00001"}}
    first = stage.dynamodb.get_item(TableName="threads", Key=key)["Item"]
    for parent, turn in pairwise(range(1, length + 1)):
        numbers = {"turn": {"N": str(turn)}, "parent_turn": {"N": str(parent)}, "sk": {"S": f"TURN#{turn:05d}"}}
        stage.dynamodb.put_item(TableName="threads", Item={**first, **numbers})
    stage.change(thread, "THREAD", latest_turn=length)


MESSAGE_SCENES = (
    conversation, refused_messages, odd_threads, odd_answers, ambiguous_call, provider_in_trouble, other_troubles,
    limits, renditions, doubtful_answers, orders, long_threads,
)  # fmt: skip
