"""A thread: its turns so far, and the branch of them that a request answers."""

from dataclasses import dataclass

from darkroom.errors import Rejected
from darkroom.outcome import Outcome, Source


@dataclass(frozen=True, slots=True)
class Thread:
    """Every turn of a thread, failed ones too, in order."""

    turns: tuple[Outcome, ...] = ()

    @property
    def latest_turn(self) -> int:
        """The number of the newest turn, 0 where there is none."""
        return self.turns[-1].turn or 0 if self.turns else 0

    def branch(self, parent_turn: int | None) -> tuple[Outcome, ...]:
        """The succeeded turns that lead to the one that is answered, oldest first.

        `parent_turn` None answers the newest turn that succeeded, 0 answers nothing.
        Raises Rejected (`unknown_parent`) where that turn is missing or failed.
        """
        succeeded = {turn.turn: turn for turn in self.turns if turn.status == "succeeded"}
        if parent_turn is None:
            parent_turn = max((number for number in succeeded if number), default=0)
        if parent_turn and parent_turn not in succeeded:
            raise self._unknown(parent_turn)
        branch = []
        while parent_turn:
            turn = succeeded[parent_turn]
            branch.append(turn)
            parent_turn = turn.parent_turn
        return tuple(reversed(branch))

    def sources_left_over(self) -> tuple[Source, ...]:
        """The newest failed turn's sources, where no turn has succeeded: the next turn is about them still."""
        if not self.turns or any(turn.status == "succeeded" for turn in self.turns):
            return ()
        return next((tuple(turn.sources) for turn in reversed(self.turns) if turn.sources), ())

    def _unknown(self, parent_turn: int) -> Rejected:
        failed = any(turn.turn == parent_turn for turn in self.turns)
        return Rejected(
            "unknown_parent",
            f"turn {parent_turn} of this thread {'failed' if failed else 'does not exist'}",
            hint="Name a turn that succeeded, 0 to start from nothing, or leave parent_turn out.",
            param="parent_turn",
        )
