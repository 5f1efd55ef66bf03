"""Judging again: the spooled answers of a turn that ended without a picture, read anew. Nothing is called or paid.

The pictures become a turn of their own, under an id that follows from the old request's: so order and fences hold, and
however often it is asked for, it is one turn. It is imported where it is asked for.
"""

from collections.abc import Iterator
from dataclasses import replace

from darkroom.domain.keys import sha256
from darkroom.domain.outcome import Outcome
from darkroom.domain.request import Request
from darkroom.errors import Ambiguous, Code, FieldFault, Rejected, Unavailable, invalid
from darkroom.providers.reply import Reply
from darkroom.turns.paid_call import CallDependencies, PaidCall, State
from darkroom.turns.ports import Claim

JUDGED: frozenset[Code] = frozenset(("no_image", "refused", "outcome_unknown"))
WAY_OUT = "Name a turn that was paid and ended as no_image, refused or outcome_unknown. Nothing was started or paid."


def request_id(of: str) -> str:
    """The id under which a request's turn is judged again."""
    return f"repair-{sha256(of)[:32]}"


def why_not(turn: Outcome) -> str | None:
    """Why there is nothing to judge again in a turn, in words that follow its number."""
    if turn.error is None:
        return "has its pictures"
    if turn.error.code not in JUDGED:
        return f"ended as {turn.error.code}, and no answer of it can hold a picture"
    return None if turn.cost.paid_calls else f"ended as {turn.error.code}, and no call of it was paid"


def begun(asked: Request, claim: Claim, dependencies: CallDependencies) -> tuple[Request, PaidCall]:
    """The request with all that its old turn was asked, and the old calls. Raises Rejected (`invalid_request`)."""
    found = dependencies.ledger.ended(asked.thread_id, asked.repairs or 0)
    if found is None:
        raise _invalid("repairs", f"turn {asked.repairs} of this thread does not exist")
    old, known = found
    if why := why_not(old):
        raise _invalid("repairs", f"turn {old.turn} {why}")
    if asked.request_id != (own := request_id(str(old.request_id))):
        raise _invalid("request_id", f"must be {own!r} to judge turn {old.turn} again, so that it becomes one turn")
    whole = replace(
        asked,
        instruction=old.instruction or "",
        parent_turn=old.parent_turn or 0,
        metadata=old.metadata,
    )
    return whole, JudgedCall(claim, known, whole.instruction, dependencies)


class JudgedCall(PaidCall):
    """The calls of a request that has ended, as `judged` was left by it, in the hands of the claim that reads them
    again; None where they are forgotten.
    """

    def __init__(self, claim: Claim, judged: Claim | None, instruction: str, dependencies: CallDependencies) -> None:
        super().__init__(claim, dependencies, instruction=instruction)
        self._judged = judged
        self.record = judged.asked if judged else None

    @property
    def state(self) -> State:
        """Nothing is called."""
        return State.ANSWERED

    def reply(self) -> Reply:
        """The first reply in which there is a picture. Raises Rejected, for the reason of the first that has none.

        Whoever erases the thread refuses to where a claim is open. So the fence is looked for once the claim is there.
        """
        self._dependencies.ledger.check_erasing(self.claim.thread_id)
        reasons = list[Rejected | Unavailable | Ambiguous]()
        for reply in self._replies():
            try:
                self.answer(reply)
            except (Rejected, Unavailable, Ambiguous) as reason:
                if isinstance(reason, Unavailable) and reason.cause == "aws":
                    raise  # a full disk of ours says nothing of the answer
                reasons.append(reason)
            else:
                return reply
        if not reasons:
            raise Rejected("no_image", "no raw answer of it is there: none came, or 35 days are over")
        raise reasons[0] if isinstance(reasons[0], Rejected) else Rejected("no_image", _said(reasons[0]))

    def _replies(self) -> Iterator[Reply]:
        """What the spool has, the answer that ended the paying first."""
        if self._judged is None:
            return
        others = [call for call in range(1, self._judged.calls + 1) if call != self._judged.answered_by]
        for call in [self._judged.answered_by, *others] if self._judged.answered_by else others:
            kept = self._dependencies.spool.read(self._judged.thread_id, self._judged.request_id, call)
            if kept:
                yield replace(kept, without_key=self._dependencies.api.without_key)


def _said(reason: Unavailable | Ambiguous) -> str:
    return reason.message if isinstance(reason, Unavailable) else str(reason)


def _invalid(field: str, said: str) -> Rejected:
    return invalid([FieldFault(field, said)], WAY_OUT)
