"""A thread is read in pages. Reading all of it gives the same, and takes more reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.domain.outcome import Outcome
from darkroom.domain.thread import PAGE_TURNS, SENT_TURNS, Past, Thread, read
from darkroom.errors import Rejected
from tests.unit.samples import source, turn


@dataclass
class Kept:
    """The turns of a thread, and the number of turns that were read."""

    turns: list[Outcome] = field(default_factory=list)
    pasts: dict[int, Past] = field(default_factory=dict)
    pages: int = 0
    looked: int = 0

    def page(self, newest: int | None) -> Sequence[Outcome]:
        self.pages += 1
        return self.turns[:newest][::-1][:PAGE_TURNS]

    def past(self, turn: int) -> Past | None:
        self.looked += 1
        return self.pasts.get(turn)

    def add(self, ended: Outcome, past: Past | None) -> None:
        self.turns.append(ended)
        if past:
            self.pasts[len(self.turns)] = past


@dataclass(frozen=True)
class Run:
    """Turns in a row. The first of them, or each after a failed one, answers the succeeded turn so many back."""

    length: int
    back: int | None
    failed: bool
    with_source: bool
    keeps: bool  # the summaries; earlier versions kept none


runs = st.lists(
    st.builds(
        Run,
        length=st.integers(1, 30),
        back=st.none() | st.integers(0, 60),
        failed=st.booleans(),
        with_source=st.booleans(),
        keeps=st.just(value=True),
    ),
    max_size=6,
)
runs_of_any_version = st.lists(
    st.builds(Run, st.integers(1, 30), st.none() | st.integers(0, 60), st.booleans(), st.booleans(), st.booleans()),
    max_size=6,
)


def grown(course: Sequence[Run]) -> Kept:
    """A thread made by such runs. Each turn is read for and added as `answer` does, and checked in between."""
    kept = Kept()
    for run in course:
        for number in range(run.length):
            parent = _parent(kept, run.back) if run.back is not None and (run.failed or not number) else None
            thread = read(kept, parent)
            branch = thread.branch(parent)
            assert view(thread, parent) == view(Thread(tuple(kept.turns)), parent)
            ended = turn(
                len(kept.turns) + 1,
                parent=branch[-1].turn if branch else None,
                sources=[source(f"{len(kept.turns)}.jpg")] if run.with_source and not number else [],
                failed=run.failed,
            )
            kept.add(ended, thread.past_of(ended) if run.keeps else None)
    return kept


def _parent(kept: Kept, back: int) -> int:
    """The succeeded turn that is so many turns back; 0 if there is none."""
    succeeded = [each.turn or 0 for each in kept.turns if each.status == "succeeded"]
    return succeeded[max(0, len(succeeded) - 1 - back)] if succeeded else 0


def view(thread: Thread, parent: int | None) -> object:
    """Everything that a request sees of a thread."""
    try:
        branch: object = thread.branch(parent)
    except Rejected as rejection:
        branch = rejection.message
    return thread.latest_turn, branch, thread.sources_left_over() if parent is None else ()


@given(course=runs_of_any_version)
@settings(max_examples=50, deadline=None)
def test_whatever_is_kept_a_reader_sees_what_one_of_all_turns_sees(course: Sequence[Run]) -> None:
    kept = grown(course)
    whole = Thread(tuple(kept.turns))
    for parent in (None, *range(len(kept.turns) + 3)):
        assert view(read(kept, parent), parent) == view(whole, parent)


@given(course=runs)
@settings(max_examples=50, deadline=None)
def test_no_more_is_read_than_a_branch_may_need(course: Sequence[Run]) -> None:
    kept = grown(course)
    for parent in (None, *range(len(kept.turns) + 3)):
        kept.pages = kept.looked = 0
        read(kept, parent)
        assert kept.pages <= 1 + SENT_TURNS, "each page has at least one turn of the branch"
        assert kept.looked <= 2


def straight(length: int, *, failed: bool = False) -> Kept:
    """A thread in which each turn answers the one before. The first has a source."""
    return grown([Run(1, None, failed, True, True), Run(length - 1, None, failed, False, True)])


def test_a_thread_without_branches_is_read_in_one_page() -> None:
    for length, looked in ((3, 0), (SENT_TURNS, 0), (150, 1), (1000, 1)):
        kept = straight(length)
        kept.pages = kept.looked = 0
        branch = read(kept, None).branch(None)
        assert (kept.pages, kept.looked) == (1, looked)
        assert [each.turn for each in branch] == list(range(max(1, length - SENT_TURNS + 1), length + 1))
        assert branch[0].sources == [source("0.jpg")]


def test_short_threads_keep_nothing_beside_their_turns() -> None:
    assert straight(SENT_TURNS).pasts == {}
    assert straight(PAGE_TURNS - 1, failed=True).pasts == {}


def test_a_picture_that_nobody_has_answered_is_remembered_behind_any_number_of_failures() -> None:
    kept = straight(100, failed=True)
    kept.pages = 0
    assert read(kept, None).sources_left_over() == (source("0.jpg"),)
    assert kept.pages == 1


def test_a_turn_whose_branch_was_not_read_keeps_nothing() -> None:
    """This happens to a request that was brought back after its thread had moved on."""
    kept = straight(60)
    thread = read(kept, None)
    assert thread.past_of(turn(61, parent=60)) is not None
    assert thread.past_of(turn(61, parent=30)) is None
