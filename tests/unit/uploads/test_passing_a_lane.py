"""The lanes of uploads' requests: which requests pass one, which lane, and how often a waiting one is looked at."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain import timing
from darkroom.domain.upload import Upload
from darkroom.turns import retry_policy
from darkroom.uploads.instruction_lookup import Instructions
from darkroom.uploads.pairing import Ask, Stem, Words, lane, photo
from local.stack.parameters import read_template
from tests.fakes.objects import MemoryObjects

TEMPLATE = read_template(Path(__file__).parents[3] / "template.yaml")
keys = st.text(st.sampled_from("ab/é. #"), min_size=1, max_size=12).map(lambda name: f"{name}.jpg")


def upload(key: str) -> Upload:
    return Upload("uploads", key, "etag", None, "0A", 5, 0.0)


def asked(words: str | None, found: Words | None) -> Ask:
    ask = photo(Stem(), upload("shop/cat.jpg"), words, found).ask
    assert ask
    return ask


@pytest.mark.parametrize(
    ("key", "top"),
    [
        ("cat.jpg", ""),
        ("shop/cat.jpg", "shop"),
        ("shop/new/shoes/cat.jpg", "shop"),
        ("threads/trip/rome/cat.jpg", "threads/trip/rome"),
        ("threads/cat.jpg", "threads"),
        ("/cat.jpg", ""),
    ],
)
def test_a_lane_of_own_words_is_as_wide_as_a_first_folder_or_a_thread(key: str, top: str) -> None:
    assert lane(upload(key), Ask("blue", ()), begins=True) == f"own:{top}"


@pytest.mark.parametrize(
    ("own", "found", "shared_in"),
    [
        ("night", None, None),
        (None, Words("night", text_at=1.0), None),
        (None, Words("night", shared_in="shop"), "shop"),
        (None, Words("night", shared_in=""), ""),
    ],
    ids=["metadata", "its text", "its folder's", "the root's or the operator's"],
)
def test_a_photo_in_the_words_of_its_folder_is_told_from_others(
    own: str | None, found: Words | None, shared_in: str | None
) -> None:
    assert asked(own, found).shared_in == shared_in


@pytest.mark.parametrize(
    ("text", "key", "shared_in"),
    [
        ("_instruction.txt", "shop/new/cat.jpg", ""),
        ("shop/_instruction.txt", "shop/new/cat.jpg", "shop"),
        ("shop/new/_instruction.txt", "shop/new/cat.jpg", "shop"),
        ("threads/_instruction.txt", "threads/trip/cat.jpg", "threads"),
        ("threads/trip/rome/_instruction.txt", "threads/trip/rome/cat.jpg", "threads/trip/rome"),
        (None, "shop/new/cat.jpg", ""),
    ],
)
def test_shared_words_are_where_they_lie_and_not_where_the_photo_is(text: str | None, key: str, shared_in: str) -> None:
    objects = MemoryObjects()
    if text:
        objects.put("uploads", text, b"on white")
    _, found, _ = Instructions(objects, "on white").of_photo(upload(key), {})
    assert found == Words("on white", shared_in=shared_in)


@given(key=keys)
def test_a_follow_up_in_its_own_words_passes_no_lane(key: str) -> None:
    assert lane(upload(key), Ask("blue", ()), begins=False) is None


@given(key=keys, begins=st.booleans())
def test_in_shared_words_every_request_passes_the_lane_of_where_they_lie(key: str, begins: bool) -> None:
    assert lane(upload(key), Ask("blue", (), shared_in="shop"), begins=begins) == "folder:shop"


@given(one=keys, other=keys)
def test_what_lies_in_one_folder_is_in_one_lane(one: str, other: str) -> None:
    inside = [upload(f"shop/{key}").top for key in (one, other)]
    assert inside == ["shop", "shop"]


@given(age=st.floats(-1e6, 1e8))
def test_the_older_the_slower_within_bounds(age: float) -> None:
    delay = retry_policy.lane_delay(age)
    assert timing.MIN_LANE_WAIT_SECONDS <= delay <= timing.MAX_LANE_WAIT_SECONDS
    assert delay <= retry_policy.lane_delay(age + 1)


@given(grace=st.integers(0, 43_200), first=st.floats(0, 60))
def test_what_waits_in_a_lane_for_as_long_as_it_may_is_no_dead_letter(grace: int, first: float) -> None:
    """SQS counts the deliveries, including those while it waited for its other half."""
    queue = TEMPLATE["Resources"]["UploadEventsQueue"]["Properties"]
    age, deliveries = grace + first, 2
    while age < timing.MAX_AGE_SECONDS:
        age += retry_policy.lane_delay(age)
        deliveries += 1
    assert deliveries < 0.8 * queue["RedrivePolicy"]["maxReceiveCount"]
    assert age < queue["MessageRetentionPeriod"] - 12 * 3600
