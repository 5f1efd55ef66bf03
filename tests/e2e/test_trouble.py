"""The image API in trouble, on the deployed stack: calls stop within seconds, and start again by themselves."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from darkroom.domain.timing import BREAKER_OPENS_AT
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually
from tests.figures import Figures

pytestmark = pytest.mark.slow

MAX_AT_FIRST = 10 + BREAKER_OPENS_AT  # a running batch, and the failures that open the breaker
REQUESTS = 20
STOPPED_AFTER_SECONDS = 5.0
SECONDS_A_PROBE = 5.0  # on average, at most this often
FLOWS_AGAIN_SECONDS = 60.0
ALL_FLOWS_SECONDS = 300.0


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    with provider("sk-first") as started:
        yield started


@pytest.fixture(scope="module")
def doors(bring_up: BringUp, api: Provider) -> Doors:
    return Doors(bring_up(image_api_url=api.url, image_api_key=api.key, parameters={"ImageApiTimeoutSeconds": "5"}))


def test_a_bad_key_stops_calls_within_seconds_and_a_good_one_starts_them_again(
    doors: Doors, api: Provider, figures: Figures
) -> None:
    live_through("bad key", "credentials", doors, api, figures, looked_at=10, kept_up=0)


@pytest.mark.torture
@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("bad key", "credentials"),
        ("empty account", "account"),
        ("unavailable", "unreachable"),
        ("throttled", "throttled"),
        ("gone", "unreachable"),
    ],
)
def test_a_long_trouble_ends_for_everybody_within_minutes(
    trouble: str, cause: str, doors: Doors, api: Provider, figures: Figures
) -> None:
    live_through(trouble, cause, doors, api, figures, looked_at=30, kept_up=45)


def live_through(
    trouble: str, cause: str, doors: Doors, api: Provider, figures: Figures, *, looked_at: float, kept_up: float
) -> None:
    """Send requests into the trouble, count calls for so many seconds, and let it last so many more."""
    run = f"{trouble.replace(' ', '-')}-{uuid.uuid4().hex[:8]}"
    marked = doors.stack.env["ON_REQUEST_FUNCTION"], int(time.time() * 1000)
    begin(trouble, api)
    for number in range(REQUESTS):
        doors.send(f"{run}/{number}", {"instruction": f"a cat {run}"})
    eventually(lambda: causes_logged(doors, *marked))
    time.sleep(STOPPED_AFTER_SECONDS)
    before = len(api.calls(run))
    time.sleep(looked_at)
    probes = len(api.calls(run)) - before
    time.sleep(kept_up)

    end(trouble, doors, api)
    well = time.time()
    first = eventually(lambda: next((c for c in api.calls(run) if c.mood == "fine"), None), FLOWS_AGAIN_SECONDS)
    results = eventually(lambda: all_results(doors, run), well + ALL_FLOWS_SECONDS - time.time())

    figures.tell(
        f"{trouble}: {before} calls in the first seconds, {probes} in the next {looked_at:.0f}; once it was over, "
        f"{first.began - well:.1f} s to the first picture's call, {time.time() - well:.1f} s to the last picture"
    )
    assert before <= MAX_AT_FIRST
    assert probes * SECONDS_A_PROBE <= looked_at
    assert [(result["status"], result["cost"]["paid_calls"]) for result in results] == [("succeeded", 1)] * REQUESTS
    assert cause in causes_logged(doors, *marked)


def begin(trouble: str, api: Provider) -> None:
    if trouble == "gone":
        api.go_away()
    elif trouble == "bad key":
        api.key = f"sk-{uuid.uuid4().hex}"
    else:
        api.mood = lambda words: Mood(trouble)  # noqa: ARG005 - every call meets it


def end(trouble: str, doors: Doors, api: Provider) -> None:
    if trouble == "gone":
        api.come_back()
    api.mood = lambda words: Mood(seconds=0.2)  # noqa: ARG005
    secret = doors.stack.env["IMAGE_API_KEY_SECRET_ARN"]
    doors.stack.aws.secrets.put_secret_value(SecretId=secret, SecretString=api.key)


def all_results(doors: Doors, run: str) -> list[dict[str, Any]] | None:
    """The results, once each request has one."""
    if len([key for key in doors.keys(f"threads/{run}/") if key.endswith("/result.json")]) < REQUESTS:
        return None
    return [result for number in range(REQUESTS) for result in doors.results(f"{run}/{number}")]


def causes_logged(doors: Doors, function: str, since: int) -> Counter[str]:
    """The count of each cause in the metric behind the alarms, since then (in milliseconds)."""
    pages = doors.stack.aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", startTime=since, filterPattern="ProviderBlocked"
    )
    lines = [event["message"] for page in pages for event in page["events"]]
    metrics = [json.loads(line) for line in lines if '"_aws"' in line and '"ProviderBlocked"' in line]
    return Counter(metric["cause"] for metric in metrics)
