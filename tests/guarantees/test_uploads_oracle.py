"""For any uploads, announced in any order, the requests are those that the contract describes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.uploads import beside, intake, pairing
from darkroom.uploads.intake import Intake
from darkroom.uploads.partners import Partners
from tests.guarantees.uploads.course import SCENES, STEP, Course, Scene, Step

COURSES: dict[str, Any] = {
    "scene": st.sampled_from(SCENES),
    "default_instruction": st.sampled_from(["", "", "", "brighter"]),
    # By default hypothesis draws short ones.
    "steps": st.one_of(st.lists(STEP, max_size=10), st.lists(STEP, min_size=20, max_size=30)),
}


def compare(scene: Scene, default_instruction: str, steps: list[Step]) -> None:
    course = Course(scene, default_instruction)
    for step in steps:
        course.take(step)
    course.come_to_rest()
    course.check()


@settings(max_examples=500)
@given(**COURSES)
def test_the_requests_are_those_that_the_contract_asks_for(
    scene: Scene, default_instruction: str, steps: list[Step]
) -> None:
    compare(scene, default_instruction, steps)


@pytest.mark.torture
def test_the_requests_are_those_that_the_contract_asks_for_in_many_courses(seed: int) -> None:
    seeded(seed)(settings(max_examples=30_000, derandomize=False)(given(**COURSES)(compare)))()


def step(what: str, which: int = 0, content: bytes = b"1", **more: Any) -> Step:
    """A step whose upload is announced at once, one second after the step before it."""
    plain = {"words": "blue", "own": None, "named": None, "is_announced": True, "is_copy": False, "seconds": 1.0}
    return Step(what, which, content, **{**plain, **more})


def test_a_text_that_left_another_spelling_for_its_own_photo_is_not_asked_again() -> None:
    """It waits for the upper-case photo, whose file is empty yet, when the photo of its very name takes it along."""
    compare(
        next(scene for scene in SCENES if list(scene.photos) == ["shop/A.JPG", "shop/a.png"]),
        "",
        [step("put_photo", content=b""), step("put_text"), step("put_photo", 1), step("put_photo", 1, own="red")],
    )


Sabotage = Callable[[pytest.MonkeyPatch], None]


def what_is_late_is_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pairing, "is_late", lambda *_: False)


def what_is_announced_twice_is_taken_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pairing, "_is_settled", lambda *_: False)


def a_photo_that_was_taken_along_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pairing, "taken_along", lambda stem, *_: stem)


def what_waits_waits_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DynamoUploadState, "_taken", lambda *_: [])


def a_deleted_photo_waits_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Partners, "_still_waits", lambda *_: True)


def another_spelling_is_another_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(beside, "text_of", lambda *_: None)
    patch.setattr(beside, "with_its_photo", lambda text, _: text)


def what_was_joined_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DynamoUploadState, "join", lambda *_: None)


def a_text_beside_other_photos_is_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(beside, "without_text", lambda *_: None)


def a_text_of_what_is_no_photo_is_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(beside, "no_photo_of", lambda *_: None)


def a_result_that_was_copied_back_is_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intake, "MADE_HERE", "no such name")


def each_format_of_a_photo_is_paid_apart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(beside, "has_other_format", lambda *_: False)


def formats_that_wait_are_left_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Partners, "formats", lambda *_: [])


def a_folders_words_start_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Intake, "_take_up", lambda *_: None)


@pytest.mark.parametrize(
    "sabotage",
    [
        what_is_late_is_taken,
        what_is_announced_twice_is_taken_twice,
        a_photo_that_was_taken_along_is_forgotten,
        what_waits_waits_for_ever,
        a_deleted_photo_waits_too,
        another_spelling_is_another_name,
        what_was_joined_is_forgotten,
        a_text_beside_other_photos_is_paid,
        a_text_of_what_is_no_photo_is_paid,
        a_result_that_was_copied_back_is_paid,
        each_format_of_a_photo_is_paid_apart,
        formats_that_wait_are_left_behind,
        a_folders_words_start_nothing,
    ],
)
def test_without_a_safeguard_they_are_not(monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        settings(max_examples=2000, phases=[Phase.generate], report_multiple_bugs=False)(given(**COURSES)(compare))()
