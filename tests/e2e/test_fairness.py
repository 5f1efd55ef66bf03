"""Very many pictures at once on the deployed stack, and a single wish beside them, which need not wait for all of them.

Fairness is counted in pictures of the many that ended while the single one waited, and not in seconds.
"""

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from darkroom.aws.dynamodb.lanes import DynamoLanes
from darkroom.aws.dynamodb.table import Table
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually, photo
from tests.figures import Figures

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.slow

PLACES = 5  # half of the stack's default MaximumConcurrency
MANY = 40
VERY_MANY = 600  # the emulator takes a quarter of an hour for them, and hours for 5,000
LINES = 5000  # of a batch file; they cost nothing until they are sent
CALL_SECONDS = 0.5
# A running batch of the lane, one with the single wish in it, and the pictures that end until on_upload has seen it.
MAX_THAT_END_BEFORE = 4 * PLACES
RACERS = 10


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-fair") as started:
        started.mood = lambda words: Mood(seconds=CALL_SECONDS)  # noqa: ARG005 - every call meets it
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    return Doors(bring_up(image_api_url=api.url, image_api_key=api.key))


@dataclass(frozen=True)
class Folder:
    """A folder of photos with one instruction for all of them."""

    doors: Doors
    api: Provider
    name: str
    photos: int

    def drop(self) -> None:
        self.doors.upload(f"{self.name}/_instruction.txt", f"on white {self.name}")
        data = photo()
        with ThreadPoolExecutor(RACERS) as uploaders:
            list(uploaders.map(lambda n: self.doors.upload(f"{self.name}/{n:05}.jpg", data), range(self.photos)))

    def ended(self) -> list[float]:
        """The times at which its pictures were made, by the provider."""
        return [call.ended for call in self.api.calls(self.name) if call.ended]

    def outcomes(self) -> list[str]:
        """The keys of its results."""
        listed = self.doors.stack.aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.doors.stack.env["RESULTS_BUCKET"], Prefix=f"threads/{self.name}/"
        )
        keys = [item["Key"] for page in listed for item in page.get("Contents", [])]
        return [key for key in keys if key.endswith("/result.json")]


class BatchFile(Folder):
    """The same number of lines in one file."""

    def drop(self) -> None:
        lines = ({"custom_id": f"{n:05}", "instruction": f"on white {self.name}"} for n in range(self.photos))
        self.doors.upload(f"{self.name}.jsonl", "\n".join(map(json.dumps, lines)))


def by_message(doors: Doors, thread: str) -> None:
    doors.send(thread, {"instruction": f"a single wish {thread}"})


def by_upload(doors: Doors, thread: str) -> None:
    doors.upload(f"{thread}.jpg", photo("gold"), instruction=f"a single wish {thread}")


WAYS: dict[str, Callable[[Doors, str], None]] = {"message": by_message, "upload": by_upload}


def nobody_waits_for(folder: Folder, figures: Figures, ways: Sequence[str], *, patience: float) -> None:
    """Drop the whole folder, and ask for something else in each way."""
    folder.drop()
    eventually(lambda: len(folder.ended()) >= 2 * PLACES or None, patience)
    for way in ways:
        before, thread = time.time(), f"single-{uuid.uuid4().hex[:8]}"
        WAYS[way](folder.doors, thread)
        single = finished_at(folder.doors.turn(thread, 1, patience))
        passed = sum(before < ended <= single for ended in folder.ended())
        left = folder.photos - sum(ended <= single for ended in folder.ended())
        figures.tell(
            f"fairness: of {folder.photos} pictures {passed} ended before a single {way} did, {single - before:.0f} s, "
            f"and {left} were left"
        )
        assert passed <= MAX_THAT_END_BEFORE
        assert left >= folder.photos / 4, "there was nobody to wait for"


def all_end_once(folder: Folder, figures: Figures, *, patience: float) -> None:
    eventually(lambda: len(folder.outcomes()) == folder.photos or None, patience)
    took = max(folder.ended()) - min(folder.ended())
    figures.tell(f"fairness: {folder.photos} photos of one folder took {took:.0f} s")
    assert (
        len({key.rsplit("/", 2)[0] for key in folder.outcomes()}) == len(folder.api.calls(folder.name)) == folder.photos
    )


def finished_at(result: dict[str, Any]) -> float:
    assert result["status"] == "succeeded"
    return datetime.fromisoformat(result["timing"]["finished_at"]).timestamp()


def test_a_single_wish_does_not_wait_for_a_folder_of_photos(doors: Doors, api: Provider, figures: Figures) -> None:
    folder = Folder(doors, api, f"many-{uuid.uuid4().hex[:8]}", MANY)
    nobody_waits_for(folder, figures, ["message", "upload"], patience=300)
    all_end_once(folder, figures, patience=300)


@pytest.mark.torture
def test_nor_does_a_message_for_a_very_large_one(doors: Doors, api: Provider, figures: Figures) -> None:
    """An upload would wait: the emulator runs one on_upload at a time, where Lambda runs as many as needed."""
    folder = Folder(doors, api, f"very-many-{uuid.uuid4().hex[:8]}", VERY_MANY)
    nobody_waits_for(folder, figures, ["message", "message", "message"], patience=3600)
    all_end_once(folder, figures, patience=3600)


@pytest.fixture
def dynamodb(doors: Doors) -> "DynamoDBClient":
    """A client with a connection for each racer."""
    return boto3.client(
        "dynamodb",
        endpoint_url=doors.stack.env["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=RACERS, proxies={}),
    )


def test_however_many_race_for_a_lane_no_more_are_in_it_than_it_has_places(
    doors: Doors, dynamodb: "DynamoDBClient", figures: Figures
) -> None:
    table, lane = Table(dynamodb, doors.stack.env["THREADS_TABLE"]), f"own:{uuid.uuid4().hex}"
    start, lock = threading.Barrier(RACERS), threading.Lock()
    inside: set[str] = set()
    ended: set[str] = set()
    most: list[int] = []

    def race(racer: int) -> None:
        dice = random.Random(racer)  # noqa: S311 - a schedule
        for number in range(8):
            lanes = DynamoLanes(table, places=3, is_over=lambda thread, _: thread in ended)  # like a separate process
            thread = f"racer-{racer}/{number}"
            if number == 0:
                start.wait()
            if not lanes.enter(lane, thread, "r"):
                continue
            with lock:
                inside.add(thread)
                most.append(len(inside))
            time.sleep(dice.uniform(0, 0.05))
            with lock:
                inside.remove(thread)
                ended.add(thread)

    with ThreadPoolExecutor(RACERS) as racers:
        list(racers.map(race, range(RACERS)))
    figures.tell(f"fairness: {RACERS} raced for 3 places: {len(ended)} times one was had, {max(most)} at once at most")
    assert max(most) == 3


def test_nor_does_it_wait_for_a_batch_file_of_thousands(doors: Doors, api: Provider, figures: Figures) -> None:
    """This comes last, because its end is not awaited: the emulator would take an hour."""
    batch = BatchFile(doors, api, f"lines-{uuid.uuid4().hex[:8]}", LINES)
    nobody_waits_for(batch, figures, ["message", "upload", "message"], patience=300)
