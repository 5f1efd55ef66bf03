"""A thread: its turns so far, and the branch of them that a request answers.

However long it is, little of it is read: its newest turns, and those of the branch that are sent. What may lie further
back (`Past`) is kept beside a turn when that is committed, where whoever comes next would have to go back for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from darkroom.domain.outcome import Outcome, Source
from darkroom.errors import Rejected

SENT_TURNS = 20  # of a branch, the newest
PAGE_TURNS = 20  # that are read at a time


@dataclass(frozen=True, slots=True)
class Past:
    """What lies behind a turn: which turn was the newest that had succeeded, and its branch's first source; or what
    is left over of the failed ones.
    """

    succeeded: int = 0
    first_source: Source | None = None
    left_over: tuple[Source, ...] = ()


class Turns(Protocol):
    """Where the turns of a thread are kept."""

    def page(self, newest: int | None) -> Sequence[Outcome]:
        """`PAGE_TURNS` turns, or all that there are, from this one (or the thread's newest) down."""
        ...

    def past(self, turn: int) -> Past | None:
        """What was kept beside a turn. It is not there for every one."""
        ...


@dataclass(frozen=True, slots=True)
class Thread:
    """The turns of a thread, failed ones too, in order: all of them, or as many as `read` needs for one request."""

    turns: tuple[Outcome, ...] = ()
    kept: Mapping[int, Past] = field(default_factory=dict)

    @property
    def latest_turn(self) -> int:
        """The number of the newest turn, 0 where there is none."""
        return self.turns[-1].turn or 0 if self.turns else 0

    def branch(self, parent_turn: int | None) -> tuple[Outcome, ...]:
        """The newest `SENT_TURNS` of the succeeded turns that lead to the one that is answered, oldest first.

        The branch's first source goes along with the oldest of them, whichever turn it came with.
        `parent_turn` None answers the newest turn that succeeded, 0 answers nothing.
        Raises Rejected (`unknown_parent`) where that turn is missing or failed.
        """
        answered = self._newest_succeeded() if parent_turn is None else parent_turn
        branch = tuple(islice(self._way_back(answered), SENT_TURNS))[::-1]
        if not answered:
            return ()
        if not branch or branch[-1].status == "failed":
            raise self._unknown(answered)
        first = self._first_source(answered)
        if first and first != _first_source(branch):
            return (replace(branch[0], sources=[first, *branch[0].sources]), *branch[1:])
        return branch

    def has_source(self, answered: int | None) -> bool:
        """Whether somebody's picture lies behind a turn, as far as its branch was read."""
        return bool(answered and self._first_source(answered))

    def sources_left_over(self) -> tuple[Source, ...]:
        """The newest failed turn's sources, where no turn has succeeded: the next turn is about them still."""
        if self._newest_succeeded():
            return ()
        if past := self.kept.get(self.latest_turn):
            return past.left_over
        return next((tuple(turn.sources) for turn in reversed(self.turns) if turn.sources), ())

    def past_of(self, ended: Outcome) -> Past | None:
        """What has to be kept beside the turn that ends the thread now; None where reading a page will tell it."""
        if ended.status == "succeeded":
            return self._past_of_branch(ended)
        succeeded = self._newest_succeeded()
        if int(ended.turn or 0) - succeeded < PAGE_TURNS:
            return None
        return Past(succeeded, left_over=() if succeeded else tuple(ended.sources) or self.sources_left_over())

    def _past_of_branch(self, ended: Outcome) -> Past | None:
        """Nothing, too, where its branch was not read: a request that was brought back may find its thread moved on."""
        branch = tuple(self._way_back(ended.parent_turn))
        is_known = ended.parent_turn in self.kept or not (branch and branch[-1].parent_turn)
        if len(branch) < SENT_TURNS or not is_known:
            return None
        first = self._first_source(int(ended.parent_turn or 0))
        return Past(int(ended.turn or 0), first or next(iter(ended.sources), None))

    def _newest_succeeded(self) -> int:
        if past := self.kept.get(self.latest_turn):
            return past.succeeded
        return max((turn.turn or 0 for turn in self.turns if turn.status == "succeeded"), default=0)

    def _first_source(self, answered: int) -> Source | None:
        if past := self.kept.get(answered):
            return past.first_source
        return _first_source(tuple(self._way_back(answered))[::-1])

    def _way_back(self, number: int | None) -> Iterator[Outcome]:
        """From a turn back to the beginning of its branch, as far as it was read."""
        read = {turn.turn: turn for turn in self.turns}
        while number and (turn := read.get(number)):
            yield turn
            number = turn.parent_turn

    def _unknown(self, parent_turn: int) -> Rejected:
        failed = any(turn.turn == parent_turn for turn in self.turns)
        return Rejected(
            "unknown_parent",
            f"turn {parent_turn} of this thread {'failed' if failed else 'does not exist'}",
            hint="Name a turn that succeeded, 0 to start from nothing, or leave parent_turn out.",
            param="parent_turn",
        )


def read(turns: Turns, parent_turn: int | None) -> Thread:
    """The thread, as far as it is needed for a request that names this parent."""
    return _Reader(turns).thread(parent_turn)


class _Reader:
    """Reads the turns of one thread, each page once. Where nothing was kept it goes on back, page by page."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._read: dict[int, Outcome] = {}
        self._kept: dict[int, Past] = {}

    def thread(self, parent_turn: int | None) -> Thread:
        self._read_page(None)
        latest = max(self._read, default=0)
        newest_succeeded = self._newest_succeeded(latest)
        answered = newest_succeeded if parent_turn is None else parent_turn
        if answered <= latest:
            self._read_branch(answered)
        return Thread(tuple(turn for _, turn in sorted(self._read.items())), self._kept)

    def _newest_succeeded(self, latest: int) -> int:
        read = [number for number, turn in self._read.items() if turn.status == "succeeded"]
        if read:
            return max(read)
        if latest > len(self._read) and self._has_kept(latest):
            return self._kept[latest].succeeded
        return next((number for number in range(latest, 0, -1) if self._succeeded(number)), 0)

    def _read_branch(self, answered: int) -> None:
        number: int | None = answered
        length = 0
        while number and (turn := self._succeeded(number)):
            number, length = turn.parent_turn, length + 1
            if number and length == SENT_TURNS and self._has_kept(answered):
                return

    def _succeeded(self, number: int) -> Outcome | None:
        if number not in self._read:
            self._read_page(number)
        turn = self._read.get(number)
        return turn if turn and turn.status == "succeeded" else None

    def _read_page(self, newest: int | None) -> None:
        self._read |= {turn.turn or 0: turn for turn in self._turns.page(newest)}

    def _has_kept(self, turn: int) -> bool:
        if past := self._turns.past(turn):
            self._kept[turn] = past
        return turn in self._kept


def _first_source(branch: Sequence[Outcome]) -> Source | None:
    return next((turn.sources[0] for turn in branch if turn.sources), None)
