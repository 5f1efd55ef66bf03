"""Load by the hundred: requests on many threads, some sent again, drawn from a seed."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tests.e2e.road import Doors, photo

PHOTO_SHARE = 0.15  # of the messages: those with a photo
WORDS = ("a castle by the sea", "把景色换成夜色下雪的场景", "mirror it", "more light, please", "再来一张，换成秋天")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `mark` is in its words and is its id; `times` are seconds, the first one and the repetitions."""

    thread: str
    mark: str
    words: str
    times: tuple[float, ...]
    photo: str | None = None  # the key of its photo
    key: str | None = None  # of the upload that makes the request, if it is no message

    @property
    def instruction(self) -> str:
        return f"{self.words} {self.mark}"

    def ask(self, doors: Doors) -> None:
        if self.key is None:
            uris = [f"s3://{doors.stack.env['UPLOADS_BUCKET']}/{self.photo}"] if self.photo else []
            body = {"thread_id": self.thread, "request_id": self.mark, "instruction": self.instruction, "images": uris}
            doors.send(self.thread, body)
        elif self.key == self.photo:
            doors.upload(self.key, photo(), instruction=self.instruction)
        else:
            doors.upload(self.key, self.instruction)


def planned(
    dice: random.Random, *, messages: int, threads: int, uploads: int, folders: int, seconds: float
) -> list[Asked]:
    """Messages on some threads, and uploads into folders that are threads. The folders' photos come first."""
    first = [_first_upload(f"mappe/文件夹 {number:02}") for number in range(folders)]
    photos = [str(asked.photo) for asked in first]
    asked = [*_uploads(dice, uploads - folders, first, seconds), *_messages(dice, messages, threads, photos, seconds)]
    return first + _asked_again(dice, asked, seconds)


def _first_upload(thread: str) -> Asked:
    key = f"threads/{thread}/photo.jpg"
    mark = f"f-{thread[-2:]}"
    return Asked(thread, mark, "make it snow", (0.0,), photo=key, key=key)


def _uploads(dice: random.Random, count: int, folders: list[Asked], seconds: float) -> Iterator[Asked]:
    for number in range(count):
        thread, mark = folders[number % len(folders)].thread, f"u-{number:04}"
        at = dice.uniform(0.1, 0.9) * seconds
        yield Asked(thread, mark, dice.choice(WORDS), (at,), key=f"threads/{thread}/{mark}.txt")


def _messages(dice: random.Random, count: int, threads: int, photos: list[str], seconds: float) -> Iterator[Asked]:
    """Half of the threads have names that cannot be message groups. Marks count up in the order of sending."""
    names = [f"load/{number:02}" if number % 2 else f"负荷 {number:02}" for number in range(threads)]
    times = sorted(dice.uniform(0.05, 0.9) * seconds for _ in range(count))
    for number, at in enumerate(times):
        key = dice.choice(photos) if dice.random() < PHOTO_SHARE else None
        yield Asked(dice.choice(names), f"m-{number:04}", dice.choice(WORDS), (at,), photo=key)


def _asked_again(dice: random.Random, asked: Iterable[Asked], seconds: float) -> list[Asked]:
    """Send one in ten once more, at once or much later."""
    listed = list(asked)
    again = set(dice.sample(range(len(listed)), len(listed) // 10))
    return [
        replace(one, times=(*one.times, dice.uniform(one.times[0], seconds))) if position in again else one
        for position, one in enumerate(listed)
    ]
