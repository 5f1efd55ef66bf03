"""A turn's item is readable by the release before this one, to which an operator may go back."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from darkroom.aws.dynamodb.turn_store import DynamoTurns, of_item
from darkroom.domain.outcome import Outcome
from tests.unit.samples import picture, turn

# The keys of an image that release 0.1.1 accepts; it fails on any other.
KEYS_BEFORE = {"bucket", "key", "media_type", "bytes", "width", "height", "sha256", "primary"}
MARKED = replace(
    picture(), provenance={"c2pa": False, "digital_source_type": "trainedAlgorithmicMedia", "mark": "written"}
)


def item_of(ended: Outcome) -> dict[str, Any]:
    table = SimpleNamespace(put=lambda *written: written[2])
    (written,) = DynamoTurns(cast(Any, table), "t").added(ended, None)
    return {**cast(dict[str, Any], written), "thread_id": ended.thread_id}


@pytest.mark.parametrize(
    "ended",
    [turn(1), turn(1, failed=True), turn(1, images=[MARKED]), turn(1, images=[picture(primary=False), MARKED])],
    ids=["unknown", "failed", "marked", "both"],
)
def test_an_item_has_what_an_image_says_of_its_making_beside_the_images(ended: Outcome) -> None:
    item = item_of(ended)
    assert all(image.keys() == KEYS_BEFORE for image in item["images"])
    assert of_item(item) == ended


def test_an_item_of_the_release_before_is_read() -> None:
    item = item_of(turn(1))
    del item["provenance"]
    assert of_item(item) == turn(1)
