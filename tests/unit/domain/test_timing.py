"""Numbers that depend on each other: each test names the numbers that may only change together."""

from pathlib import Path
from typing import Any

import pytest

from darkroom.domain import timing
from darkroom.domain.timing import (
    BACKOFF_JITTER_SHARE,
    BATCH_RENEWED_AFTER_RECEIVES,
    BATCH_RENEWED_AFTER_SECONDS,
    BEAT_SECONDS,
    BREAKER_KEPT_SECONDS,
    BREAKER_PAUSE_SECONDS,
    BUDGET_SECONDS,
    DAY_SECONDS,
    FIRST_BACKOFF_SECONDS,
    HELD_BACK_WAIT_SHARE,
    KEEPALIVE_IDLE_SECONDS,
    LANE_WAIT_SHARE,
    LEASE_SECONDS,
    LEDGER_KEPT_SECONDS,
    MAX_AGE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_BREAKER_PAUSE_SECONDS,
    MAX_BUDGET_WAIT_SECONDS,
    MAX_CALL_SECONDS,
    MAX_CHECKS,
    MAX_LANE_WAIT_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    MIN_BACKOFF_SHARE,
    MIN_LANE_WAIT_SECONDS,
    PICTURE_SECONDS,
    PROBE_CALL_SECONDS,
    PROBE_LEASE_SECONDS,
    PROBE_SECONDS,
    SAVE_SECONDS,
    SPOOL_PAUSES,
    UNHEARD_SECONDS,
    VISIBILITY_SECONDS,
)
from darkroom.turns.retry_policy import lane_delay
from local.stack.parameters import read_template

TEMPLATE = read_template(Path(__file__).parents[3] / "template.yaml")
PARAMETERS, RESOURCES = TEMPLATE["Parameters"], TEMPLATE["Resources"]
QUEUES = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue"]
WITHIN_SECONDS = 60  # after the provider's recovery, work flows again: the contract's promise 6
ALL_WITHIN_SECONDS = 300
MAX_RECEIVES = 1000  # the limit of SQS


def of(resource: str, name: str) -> Any:
    return RESOURCES[resource]["Properties"][name]


def max_receive_count(queue: str) -> int:
    return int(of(queue, "RedrivePolicy")["maxReceiveCount"])


def deliveries_in(seconds: float, *, jitter: float = 0.0) -> int:
    """The number of a request's deliveries while it backs off for so long. A jitter of 0 gives the most.

    It never calls, because other requests' failures hold it back. A request that calls is delivered less often.
    """
    deliveries, waited, backoff = 0, 0.0, FIRST_BACKOFF_SECONDS
    while waited < seconds:
        longest = min(MAX_BACKOFF_SECONDS, max(PROBE_SECONDS, waited * HELD_BACK_WAIT_SHARE))
        waited += min(backoff, longest) * (MIN_BACKOFF_SHARE + BACKOFF_JITTER_SHARE * jitter)
        deliveries, backoff = deliveries + 1, backoff * 2
    return deliveries


def test_a_request_gives_up_before_its_deliveries_are_used_up() -> None:
    """MAX_BACKOFF_SECONDS, MIN_BACKOFF_SHARE; GiveUpAfterSeconds and maxReceiveCount of RequestsQueue (template.yaml).

    A lower cap means more deliveries. A request without deliveries left is a dead letter without an outcome.
    """
    give_up, most = PARAMETERS["GiveUpAfterSeconds"]["MaxValue"], max_receive_count("RequestsQueue")
    needed = deliveries_in(give_up)
    assert needed < most, (
        f"back-off capped at MAX_BACKOFF_SECONDS={MAX_BACKOFF_SECONDS:.0f} needs {needed} deliveries in "
        f"GiveUpAfterSeconds={give_up} at most, and RequestsQueue's maxReceiveCount is {most}, which SQS lets grow to "
        f"{MAX_RECEIVES}. Keep the cap, or lower the maximum of GiveUpAfterSeconds"
    )


@pytest.mark.parametrize("queue", ["RequestsQueue", "UploadEventsQueue", "BatchesQueue"])
def test_sqs_takes_the_receives_that_a_queue_asks_for(queue: str) -> None:
    """maxReceiveCount: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    assert max_receive_count(queue) <= MAX_RECEIVES, f"maxReceiveCount of {queue} is over SQS's own {MAX_RECEIVES}"


def test_a_request_that_waits_for_the_daily_limit_too_gives_up_before_its_deliveries_are_used_up() -> None:
    """BUDGET_SECONDS, MAX_BUDGET_WAIT_SECONDS, MAX_BACKOFF_SECONDS; GiveUpAfterSeconds and maxReceiveCount.

    Over hundreds of waits the jitter is almost exactly its mean.
    """
    for_the_provider = deliveries_in(PARAMETERS["GiveUpAfterSeconds"]["MaxValue"], jitter=0.5)
    for_the_limit = BUDGET_SECONDS / MAX_BUDGET_WAIT_SECONDS
    assert for_the_provider + for_the_limit < max_receive_count("RequestsQueue"), (
        f"{for_the_provider} deliveries for the provider (MAX_BACKOFF_SECONDS, GiveUpAfterSeconds) and "
        f"{for_the_limit:.0f} for the limit (BUDGET_SECONDS, MAX_BUDGET_WAIT_SECONDS) are over maxReceiveCount"
    )


def test_a_batch_sends_itself_anew_before_its_deliveries_are_used_up() -> None:
    """BATCH_RENEWED_AFTER_RECEIVES; maxReceiveCount of BatchesQueue. Workers that die in between count, too."""
    assert max_receive_count("BatchesQueue") > BATCH_RENEWED_AFTER_RECEIVES + 100


def test_an_upload_that_waits_in_its_lane_does_not_use_up_its_deliveries() -> None:
    """MIN_LANE_WAIT_SECONDS, MAX_LANE_WAIT_SECONDS, LANE_WAIT_SHARE; maxReceiveCount of UploadEventsQueue."""
    age, deliveries = 0.0, 0
    while age < MAX_AGE_SECONDS:
        age, deliveries = age + lane_delay(age), deliveries + 1
    assert deliveries < max_receive_count("UploadEventsQueue")
    assert MIN_LANE_WAIT_SECONDS < MAX_LANE_WAIT_SECONDS
    assert 0 < LANE_WAIT_SHARE < 1


def test_a_heart_beats_several_times_before_a_lease_or_a_visibility_ends() -> None:
    """BEAT_SECONDS, LEASE_SECONDS, VISIBILITY_SECONDS."""
    assert BEAT_SECONDS * 3 < LEASE_SECONDS
    assert BEAT_SECONDS * 3 < VISIBILITY_SECONDS
    assert LEASE_SECONDS == VISIBILITY_SECONDS, "a message that comes back finds the lease of its dead owner at its end"


def test_work_flows_within_a_minute_of_the_providers_recovery() -> None:
    """PROBE_SECONDS, BREAKER_PAUSE_SECONDS, PROBE_CALL_SECONDS."""
    assert PROBE_SECONDS + BREAKER_PAUSE_SECONDS < WITHIN_SECONDS
    assert BREAKER_PAUSE_SECONDS < PROBE_CALL_SECONDS <= WITHIN_SECONDS


def test_the_copy_that_looks_after_the_provider_comes_several_times_before_its_lease_ends() -> None:
    """PROBE_SECONDS, PROBE_LEASE_SECONDS."""
    assert PROBE_SECONDS * 3 < PROBE_LEASE_SECONDS


def test_everything_flows_within_five_minutes_of_the_providers_recovery() -> None:
    """MAX_BACKOFF_SECONDS and its shares, MAX_RETRY_AFTER_SECONDS, MAX_BREAKER_PAUSE_SECONDS."""
    assert MAX_BACKOFF_SECONDS * (MIN_BACKOFF_SHARE + BACKOFF_JITTER_SHARE) < ALL_WITHIN_SECONDS
    assert MAX_RETRY_AFTER_SECONDS + 1 < ALL_WITHIN_SECONDS
    assert MAX_BREAKER_PAUSE_SECONDS <= ALL_WITHIN_SECONDS
    assert BREAKER_PAUSE_SECONDS <= MAX_BREAKER_PAUSE_SECONDS


def test_a_paid_answer_and_its_ledger_outlive_every_message() -> None:
    """LEDGER_KEPT_SECONDS; ExpirationInDays of SpoolBucket; MessageRetentionPeriod of the queues.

    A message may spend its whole life in its queue, and another among the dead letters.
    """
    longest = 2 * max(of(queue, "MessageRetentionPeriod") for queue in QUEUES)
    (rule,) = of("SpoolBucket", "LifecycleConfiguration")["Rules"]
    assert longest < LEDGER_KEPT_SECONDS
    assert rule["ExpirationInDays"] * DAY_SECONDS >= LEDGER_KEPT_SECONDS


def test_a_request_ends_before_its_message_is_deleted() -> None:
    """MAX_AGE_SECONDS, BUDGET_SECONDS, BATCH_RENEWED_AFTER_SECONDS; MessageRetentionPeriod of the queues."""
    shortest = min(of(queue, "MessageRetentionPeriod") for queue in QUEUES)
    assert BUDGET_SECONDS < MAX_AGE_SECONDS
    assert shortest > MAX_AGE_SECONDS + MAX_BUDGET_WAIT_SECONDS + MAX_BACKOFF_SECONDS
    assert shortest > BATCH_RENEWED_AFTER_SECONDS * 7


def test_a_breaker_is_remembered_for_longer_than_anything_waits_for_it() -> None:
    """BREAKER_KEPT_SECONDS; GiveUpAfterSeconds."""
    assert PARAMETERS["GiveUpAfterSeconds"]["MaxValue"] < BREAKER_KEPT_SECONDS


def test_the_longest_call_and_its_saving_fit_into_one_invocation() -> None:
    """MAX_CALL_SECONDS, SAVE_SECONDS, SPOOL_PAUSES; ImageApiTimeoutSeconds and OnRequestFunction's Timeout."""
    assert PARAMETERS["ImageApiTimeoutSeconds"]["MaxValue"] == MAX_CALL_SECONDS
    assert of("OnRequestFunction", "Timeout") >= MAX_CALL_SECONDS + SAVE_SECONDS
    assert sum(SPOOL_PAUSES) < SAVE_SECONDS


def test_a_function_ends_before_its_messages_come_back() -> None:
    """Timeout of the functions; VisibilityTimeout of their queues."""
    assert of("OnRequestFunction", "Timeout") <= of("RequestsQueue", "VisibilityTimeout")
    assert of("OnRequestFunction", "Timeout") <= of("ProbesQueue", "VisibilityTimeout")
    for queue in ("UploadEventsQueue", "BatchesQueue"):
        assert of("OnUploadFunction", "Timeout") * 6 <= of(queue, "VisibilityTimeout")


def test_a_text_waits_for_a_photos_event_that_two_deaths_have_held_back() -> None:
    """UNHEARD_SECONDS; VisibilityTimeout of UploadEventsQueue."""
    assert 2 * of("UploadEventsQueue", "VisibilityTimeout") < UNHEARD_SECONDS


def test_a_picture_may_take_its_time() -> None:
    """PICTURE_SECONDS, MAX_CHECKS, SAVE_SECONDS; Timeout of OnPictureFunction and of OnRequestFunction."""
    assert of("OnPictureFunction", "Timeout") < PICTURE_SECONDS
    assert of("OnRequestFunction", "Timeout") > 2 * PICTURE_SECONDS
    assert of("OnRequestFunction", "Timeout") > MAX_CHECKS * PICTURE_SECONDS + SAVE_SECONDS


def test_a_call_keeps_its_connection_alive() -> None:
    """KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS; a NAT gateway drops what is idle for 350 s."""
    assert KEEPALIVE_IDLE_SECONDS + 2 * timing.KEEPALIVE_INTERVAL_SECONDS < 350
