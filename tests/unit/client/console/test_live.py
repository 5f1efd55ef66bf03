"""A stream notifies a page of changes of its document, and of errors."""

import asyncio
import json
from typing import Any

from darkroom_client.console.live import BEAT_SECONDS, TROUBLE_SECONDS, changes, digest
from darkroom_client.errors import Trouble


def heard(*documents: Any, known: str = "", pause: float = 2.0) -> tuple[list[str], list[float]]:
    """The events of a stream while these documents follow each other, and the seconds before each look."""
    left, slept, said = list(documents), list[float](), list[str]()

    def read() -> dict[str, Any]:
        found = left.pop(0)
        if isinstance(found, Trouble):
            raise found
        return {"threads": found}

    async def is_gone() -> bool:
        return not left

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def listen() -> None:
        said.extend([each async for each in changes(read, is_gone, known, pause, sleep)])

    asyncio.run(listen())
    return said, slept


def events(said: list[str]) -> list[str]:
    return [each.partition("\n")[0] for each in said if each.startswith("event: ")]


def test_the_first_look_changes_nothing_and_a_later_one_tells_what_does() -> None:
    said, slept = heard([1], [1], [1, 2], [1, 2])
    assert events(said) == ["event: state", "event: changed"]
    assert slept == [2.0] * 4


def test_what_has_changed_before_there_was_a_stream_is_told_at_the_first_look() -> None:
    shown, other = digest({"threads": [1]}), digest({"threads": [1, 2]})
    assert events(heard([1, 2], [1, 2], known=shown)[0]) == ["event: state", "event: changed"]
    assert events(heard([1, 2], [1, 2], known=other)[0]) == ["event: state"]


def test_trouble_is_told_once_and_looked_at_less_often() -> None:
    said, slept = heard([1], Trouble("AWS cannot be reached:\nno"), Trouble("AWS cannot be reached:\nno"), [2])
    assert events(said) == ["event: state", "event: state", "event: state", "event: changed"]
    told = [json.loads(each.partition("data: ")[2]) for each in said if each.startswith("event: state")]
    assert told == ["live", "AWS cannot be reached:\nno", "live"]
    assert slept == [2.0, TROUBLE_SECONDS, TROUBLE_SECONDS, 2.0]


def test_a_line_is_a_line_whatever_was_said() -> None:
    said, _ = heard(Trouble("a\n\nevent: changed\ndata: 1"))
    assert [each.count("\n\n") for each in said] == [1, 1]


def test_a_silent_stream_beats() -> None:
    said, _ = heard([1], [1], [1], pause=BEAT_SECONDS)
    assert sum(each.startswith(":") for each in said) == 3
