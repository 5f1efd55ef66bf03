"""A thread: its turns so far, and the branch of them that a request answers.

A long thread is read only in part: its newest turns, and the turns of the branch that are sent. A commit stores a
summary of the earlier turns (`Past`) beside the turn if the next reader would otherwise have to go back for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from darkroom.domain.outcome import Outcome, Source
from darkroom.errors import Rejected

SENT_TURNS = 20  # the newest turns of a branch
PAGE_TURNS = 20  # turns per read


@dataclass(frozen=True, slots=True)
class Past:
    """A summary of the turns up to a turn: the newest one that succeeded, and its branch's first source; or the
    sources that failed turns left over.
    """

    succeeded: int = 0
    first_source: Source | None = None
    left_over: tuple[Source, ...] = ()


class Turns(Protocol):
    """The store of a thread's turns."""

    def page(self, newest: int | None) -> Sequence[Outcome]:
        """Up to `PAGE_TURNS` turns, downwards from this one or from the thread's newest."""
        ...

    def past(self, turn: int) -> Past | None:
        """The summary stored beside a turn. Not every turn has one."""
        ...


@dataclass(frozen=True, slots=True)
class Thread:
    """The turns of a thread in order, failed ones too: all of them, or as many as `read` needs for one request."""

    turns: tuple[Outcome, ...] = ()
    kept: Mapping[int, Past] = field(default_factory=dict)

    @property
    def latest_turn(self) -> int:
        """The number of the newest turn, 0 if there is none."""
        return self.turns[-1].turn or 0 if self.turns else 0

    def branch(self, parent_turn: int | None) -> tuple[Outcome, ...]:
        """The newest `SENT_TURNS` succeeded turns that lead to the answered one, oldest first.

        The branch's first source is added to the oldest of them, whichever turn it came with.
        `parent_turn` None answers the newest turn that succeeded, 0 answers nothing.
        Raises Rejected (`unknown_parent`) if that turn does not exist or failed.
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
        """Whether a person's picture lies behind a turn, as far as its branch was read."""
        return bool(answered and self._first_source(answered))

    def sources_left_over(self) -> tuple[Source, ...]:
        """The newest failed turn's sources, if no turn has succeeded: the next turn is still about them."""
        if self._newest_succeeded():
            return ()
        if past := self.kept.get(self.latest_turn):
            return past.left_over
        return next((tuple(turn.sources) for turn in reversed(self.turns) if turn.sources), ())

    def past_of(self, ended: Outcome) -> Past | None:
        """The summary to store beside the turn that now ends the thread; None if one page of turns shows the same."""
        if ended.status == "succeeded":
            return self._past_of_branch(ended)
        succeeded = self._newest_succeeded()
        if int(ended.turn or 0) - succeeded < PAGE_TURNS:
            return None
        return Past(succeeded, left_over=() if succeeded else tuple(ended.sources) or self.sources_left_over())

    def _past_of_branch(self, ended: Outcome) -> Past | None:
        """The summary of a succeeded turn's branch. None, too, if the branch was not read: when a request is brought
        back, its thread may have moved on.
        """
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
        """The turns from this one back to the start of its branch, as far as they were read."""
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
    """Read the thread, as far as a request with this parent needs it."""
    return _Reader(turns).thread(parent_turn)


class _Reader:
    """Reads the turns of one thread, each page once. Without a summary it goes on back, page by page."""

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
