"""A stack with something of each kind for the console to show."""

import json
import uuid
from contextlib import suppress
from dataclasses import dataclass

from darkroom_client.errors import Failed
from darkroom_client.pending import PendingTurn
from darkroom_client.room import Darkroom
from local.stack.home import REPOSITORY
from tests.e2e.road import Road, eventually

SECONDS = 120.0
PHOTO = REPOSITORY / "local" / "demo" / "lake-house.jpg"
MARKUP = """<script>alert("words")</script><img src=x onerror=alert("words")></textarea></script>'"`${1}{{7*7}}"""
RIGHT_TO_LEFT = "\u202egnp.exe\u202c اجعلها ليلاً مع تساقط الثلوج \u2066abc"
LONG = ("Make it night. " * 600)[:8000]
HOSTILE_NAME = """<img src=x onerror=alert(1)>'"&#x27;{{7*7}}\u202egnp"""


@dataclass(frozen=True, slots=True)
class World:
    """Threads: one with a branch and a failure, one with a malicious name and words."""

    thread: str
    hostile: str


def made(road: Road, room: Darkroom) -> World:
    mark = uuid.uuid4().hex[:8]
    thread, hostile = f"shop-{mark}/lake house", f"shop-{mark}/{HOSTILE_NAME}"
    _batch(road, mark)
    road.upload(f"{mark}/notes.pdf", b"%PDF-1.7")
    road.upload(f"{mark}/{HOSTILE_NAME}.svg", '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
    road.upload(f"{mark}/page.png", "<!doctype html><script>alert(1)</script>", instruction="make it night")
    room.send(thread, "make it a warm sunset", images=[PHOTO]).wait(timeout=SECONDS)
    room.send(thread, "把景色换成夜色下雪的场景").wait(timeout=SECONDS)
    room.send(thread, "make it a watercolour painting", parent_turn=1).wait(timeout=SECONDS)
    _ended(room.send(thread, "make it obscene [fault:refusal]"))
    for words in (MARKUP, RIGHT_TO_LEFT, LONG, f"{MARKUP} [fault:text]"):
        _ended(room.send(hostile, words, metadata={"note": MARKUP}))
    road.turn(f"{mark}/page", 1)
    return World(thread, hostile)


def _ended(pending: PendingTurn) -> None:
    with suppress(Failed):
        pending.wait(timeout=SECONDS)


def _batch(road: Road, mark: str) -> None:
    lines = [{"custom_id": f"line-{number}", "instruction": f"a house, {mark} {number}"} for number in range(4)]
    lines.append({"custom_id": MARKUP, "instruction": f"{MARKUP} {mark} [fault:refusal]"})
    road.upload(f"{mark}/{mark}.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    eventually(lambda: road.calls(f"{mark} 3"))
