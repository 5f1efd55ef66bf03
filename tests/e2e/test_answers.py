"""An image API that answers in every form but the documented one: each picture is published, and paid once."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from local.image_api.answers import Answer
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Provider, provider
from tests.e2e.road import Doors, eventually
from tests.e2e.shapes import SHAPES, compressed
from tests.figures import Figures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    def write(words: str, picture: bytes) -> Answer:
        name, _, packing = words.partition(" | ")
        body, media_type = SHAPES[name](picture)
        return Answer(200, compressed(body), media_type, {"Content-Encoding": "gzip"}) if packing else Answer(
            200, body, media_type
        )  # fmt: skip

    with provider("sk-shapes") as started:
        started.write = write
        yield started


def test_every_form_of_answer_is_published_and_paid_once(bring_up: BringUp, api: Provider, figures: Figures) -> None:
    doors = Doors(bring_up(image_api_url=api.url, image_api_key=api.key))
    asked = [*SHAPES, *(f"{name} | gzip" for name in ("media", "named events"))]
    for number, words in enumerate(asked):
        doors.send(f"shapes/{number}", {"instruction": words, "request_id": "r"})
    ended = {
        words: eventually(lambda at=number: doors.outcome(f"shapes/{at}", 1)) for number, words in enumerate(asked)
    }

    calls = {words: [call for call in api.calls() if call.words == words] for words in asked}
    assert {words: len(made) for words, made in calls.items() if len(made) != 1} == {}
    failed = {
        words: json.dumps(outcome["error"]) for words, outcome in ended.items() if outcome["status"] != "succeeded"
    }
    assert failed == {}
    for words, outcome in ended.items():
        (picture,) = outcome["images"]
        assert picture["sha256"] == calls[words][0].picture, words
        assert hashlib.sha256(doors.read(picture["key"])).hexdigest() == picture["sha256"], words
    unusual = sum("unusual_answer" in [each["code"] for each in outcome["warnings"]] for outcome in ended.values())
    figures.tell(
        f"{len(asked)} forms of answers: all published, each paid once; {unusual} with the warning unusual_answer"
    )
