"""An image API that answers in every form except the documented one: each picture is published, and paid once."""

from collections import Counter
from collections.abc import Iterator

import pytest

from local.image_api.answers import Answer
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Provider, provider
from tests.e2e.road import Doors, made_for
from tests.e2e.shapes import SHAPES, compressed
from tests.figures import Figures

pytestmark = pytest.mark.slow

ASKED = "please answer in the form of "  # words that no log line contains by chance


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    def write(words: str, picture: bytes) -> Answer:
        name, _, packing = words.removeprefix(ASKED).partition(" | ")
        body, media_type = SHAPES[name](picture)
        if packing == "gzip":
            return Answer(200, compressed(body), media_type, {"Content-Encoding": "gzip"})
        if packing:
            return Answer(200, body, media_type, {f"X-Trace-{number}": "a" * 1000 for number in range(200)})
        return Answer(200, body, media_type)

    with provider("sk-shapes") as started:
        started.write = write
        yield started


def test_every_form_of_answer_is_published_and_paid_once(bring_up: BringUp, api: Provider, figures: Figures) -> None:
    doors = Doors(bring_up(image_api_url=api.url, image_api_key=api.key))
    asked = [ASKED + name for name in (*SHAPES, "media | gzip", "named events | gzip", "media | headers")]
    for number, words in enumerate(asked):
        doors.send(f"shapes/{number}", {"instruction": words})
    ended = {words: doors.turn(f"shapes/{number}", 1) for number, words in enumerate(asked)}

    assert {words: outcome["error"] for words, outcome in ended.items() if outcome["error"]} == {}
    made = Counter((call.words, call.picture) for call in api.calls())
    assert made == Counter((words, made_for(doors.stack, outcome["images"][0])) for words, outcome in ended.items())
    assert {words for words, outcome in ended.items() if len(outcome["images"]) != 1} == set()
    unusual = sum("unusual_answer" in str(outcome["warnings"]) for outcome in ended.values())
    figures.tell(f"{len(asked)} forms of answers, all published, each paid once; {unusual} as an unusual answer")
