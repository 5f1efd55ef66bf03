"""The places of the turns' pictures. Each turn is read once, because an ended turn never changes."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from darkroom.domain import outcome
from darkroom.domain.outcome import Outcome, Picture, Source
from darkroom_client.console.media import sniff
from darkroom_client.errors import Trouble
from darkroom_client.index import Summary
from darkroom_client.results import Image
from darkroom_client.stacks.aws_errors import READER, translated
from darkroom_client.stacks.stack import Stack

MAX_KNOWN = 5000  # turns in memory
AT_A_TIME = 8  # turns that are read in parallel
NEWEST = 12  # turns that are searched for a picture, if the newest turn has none
MAX_BYTES = 100_000_000
CHUNK_BYTES = 1 << 18


class Shown(NamedTuple):
    """The newest picture of a thread. `number` is its place among the pictures of its turn, from 1."""

    turn: int
    number: int
    picture: Picture


class Stored(NamedTuple):
    """A picture in a bucket. `identity` changes with its bytes. With `etag` None any version matches."""

    bucket: str
    key: str
    identity: str
    etag: str | None = None


class Opened(NamedTuple):
    """An object's bytes in chunks. `media_type` is None if a browser must not show it."""

    media_type: str | None
    length: int
    chunks: Iterator[bytes]


class Pictures:
    """The pictures of one stack. Thread-safe."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = Lock()
        self._turns: OrderedDict[tuple[str, int], Outcome] = OrderedDict()
        self._newest: dict[str, tuple[int, Shown | None]] = {}

    def turn(self, thread_id: str, number: int) -> Outcome | None:
        """The turn, or None. Raises Trouble."""
        known = self._turns.get((thread_id, number))
        if known is None:
            with translated(READER):
                item = self._table().item(thread_id, f"TURN#{number:05d}")
            known = self._remember(item) if item else None
        return known

    def remember(self, turns: Iterable[Outcome]) -> None:
        """Keeps turns that were read elsewhere."""
        with self._lock:
            for each in turns:
                self._turns[str(each.thread_id), each.turn or 0] = each
            while len(self._turns) > MAX_KNOWN:
                self._turns.popitem(last=False)

    def forget(self, thread_id: str) -> list[Stored]:
        """Removes an erased thread from memory. Returns those of its pictures that were in memory."""
        with self._lock:
            gone = [key for key in self._turns if key[0] == thread_id]
            turns = [self._turns.pop(key) for key in gone]
            self._newest.pop(thread_id, None)
        made = [stored(picture) for turn in turns for picture in turn.images]
        return made + [given(source) for turn in turns for source in turn.sources]

    def newest(self, threads: Sequence[Summary]) -> dict[str, Shown]:
        """The newest picture of each of these threads that has one. Raises Trouble."""
        unknown = [each for each in threads if self._newest.get(each.thread_id, (-1,))[0] != each.latest_turn]
        with ThreadPoolExecutor(AT_A_TIME) as workers:
            for each, found in zip(unknown, workers.map(self._look, unknown), strict=True):
                self._newest[each.thread_id] = each.latest_turn, found
        found_of = {each.thread_id: self._newest[each.thread_id][1] for each in threads}
        return {thread_id: found for thread_id, found in found_of.items() if found}

    def read(self, at: Stored) -> bytes:
        """All bytes of a picture, for a thumbnail. Raises Trouble."""
        opened = self.opened(at)
        if opened.length > MAX_BYTES:
            raise Trouble(f"{at.key} is larger than {MAX_BYTES // 1_000_000} MB.")
        with translated(READER):
            return b"".join(opened.chunks)

    def opened(self, at: Stored) -> Opened:
        """The object, with the media type that its first bytes show. Raises Trouble, also if it has changed since."""
        condition: Any = {"IfMatch": at.etag} if at.etag else {}
        with translated(READER):
            try:
                answer = self._stack.s3.get_object(Bucket=at.bucket, Key=at.key, **condition)
            except ClientError as error:
                if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                    raise Trouble("Another picture has replaced this one.") from error
                raise
            chunks = answer["Body"].iter_chunks(CHUNK_BYTES)
            first = next(chunks, b"")
        return Opened(sniff.media_type(first[: sniff.HEAD_BYTES]), answer["ContentLength"], _again(first, chunks))

    def download(self, at: Picture) -> str:
        """An address of S3 for saving the picture. It is valid for a minute."""
        return Image(at, self._stack.s3).url(expires=60)

    def _look(self, thread: Summary) -> Shown | None:
        """The picture of the newest turn, or else of the newest earlier turn that has one."""
        newest = self.turn(thread.thread_id, thread.latest_turn) if thread.latest_turn else None
        if newest is None or newest.images:
            return _shown(newest) if newest else None
        with translated(READER):
            items = self._table().last(thread.thread_id, "TURN#", "TURN#~", NEWEST)
        return next((_shown(turn) for turn in map(outcome.from_document, items) if turn.images), None)

    def _remember(self, item: dict[str, Any]) -> Outcome:
        turn = outcome.from_document(item)
        self.remember([turn])
        return turn

    def _table(self) -> Any:
        from darkroom.aws.dynamodb.table import Table

        return Table(self._stack.dynamodb, self._stack.outputs["ThreadsTable"])


def stored(picture: Picture) -> Stored:
    """The place of a picture that a turn made."""
    return Stored(picture.bucket, picture.key, picture.sha256)


def given(source: Source) -> Stored:
    """The place of a picture that came with a request. A later object of the same key does not match."""
    return Stored(source.bucket, source.key, source.sha256, source.etag)


def _shown(turn: Outcome) -> Shown:
    """The turn's primary picture, or else its last one."""
    number = next((place for place, each in enumerate(turn.images, 1) if each.primary), len(turn.images))
    return Shown(turn.turn or 0, number, turn.images[number - 1])


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
