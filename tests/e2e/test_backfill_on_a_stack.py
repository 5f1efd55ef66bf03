"""A backfill on the deployed stack: whatever is killed, and however often it runs, each picture is paid once."""

import json
import uuid

import pytest

from tests.e2e import operating, workers
from tests.e2e.conftest import Stack
from tests.e2e.road import Road, eventually, photo

pytestmark = pytest.mark.slow

PICTURES = 30
TAKEN_UP_SECONDS = 480.0  # a worker that dies before it has begun leaves its messages hidden for six minutes


def backfill(stack: Stack, prefix: str, instruction: str) -> str:
    """Run `make backfill STACK=darkroom YES=1`. Return its output."""
    return "\n".join(operating.run(stack, "backfill", "--yes", "--", prefix, instruction))


def test_killed_in_the_middle_and_run_again_each_picture_is_paid_once(road: Road) -> None:
    folder = f"backfill-{uuid.uuid4().hex[:8]}"
    words = f'Make it "night",\n把景色换成夜色 for $5 {folder}'
    keys = [f"{folder}/{number:02} 茶.jpg" for number in range(PICTURES)]
    for key in keys:
        road.upload(key, photo())

    said = backfill(road.stack, f"{folder}/", words)
    assert f"At most {PICTURES} calls, 1.170 USD." in said
    eventually(lambda: road.keys(f"threads/{folder}/") or None)
    assert workers.kill(road.stack, "on-upload")
    backfill(road.stack, f"{folder}/", words)

    assert counted(road, said) == {"total": PICTURES, "succeeded": PICTURES, "failed": 0}
    assert [answer["result"].split("/")[4:6] for answer in answers(road, said)] == [
        key.removesuffix(".jpg").split("/") for key in keys
    ]
    assert paid(road, keys) == [[1]] * PICTURES

    again = backfill(road.stack, f"{folder}/", words)
    assert f"{PICTURES} have their outcome for these words" in again
    assert "No new call is needed." in again
    new = f"{folder}/new.jpg"
    road.upload(new, photo("tomato"))
    assert "At most 1 call, 0.039 USD." in backfill(road.stack, f"{folder}/", words)
    eventually(lambda: counted(road, said)["total"] == PICTURES + 1 or None, TAKEN_UP_SECONDS)
    assert paid(road, [*keys, new]) == [[1]] * (PICTURES + 1)
    assert len(road.calls(folder)) == PICTURES + 1


def where(said: str) -> str:
    """The key of the answer file, in the results bucket."""
    (uri,) = [word for word in said.split() if word.endswith(".jsonl.out")]
    return uri.split("/", 3)[3]


def counted(road: Road, said: str) -> dict[str, int]:
    manifest = where(said).removesuffix(".out") + ".manifest.json"
    return eventually(lambda: road.document(manifest), TAKEN_UP_SECONDS)


def answers(road: Road, said: str) -> list[dict[str, str]]:
    found = road.stack.aws.s3.get_object(Bucket=road.stack.env["RESULTS_BUCKET"], Key=where(said))
    return [json.loads(line) for line in found["Body"].read().splitlines()]


def paid(road: Road, keys: list[str]) -> list[list[int]]:
    """The paid calls of each picture's turns."""
    threads = [key.removesuffix(".jpg") for key in keys]
    return [[result["cost"]["paid_calls"] for result in road.results(thread)] for thread in threads]
