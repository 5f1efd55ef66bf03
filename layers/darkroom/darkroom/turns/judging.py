"""Judges turns again: reads the spooled answers of a turn that ended without a picture. Nothing is called or paid.

The pictures become a turn of their own. Its request id follows from the old one: so order and fences hold, and repeated
requests become one turn. The module is imported when it is needed.
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
    """The reason why a turn cannot be judged again, in words that follow its number; None if it can."""
    if turn.error is None:
        return "has its pictures"
    if turn.error.code not in JUDGED:
        return f"ended as {turn.error.code}, and no answer of it can hold a picture"
    return None if turn.cost.paid_calls else f"ended as {turn.error.code}, and no call of it was paid"


def begun(asked: Request, claim: Claim, dependencies: CallDependencies) -> tuple[Request, PaidCall]:
    """The request with its old turn's words, parent and metadata, and the old calls. Raises Rejected."""
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
    """The calls of a request that has ended, read again under a new claim.

    `judged` is the old request's last claim; None if it is forgotten.
    """

    def __init__(self, claim: Claim, judged: Claim | None, instruction: str, dependencies: CallDependencies) -> None:
        super().__init__(claim, dependencies, instruction=instruction)
        self._judged = judged
        self.record = judged.asked if judged else None

    @property
    def state(self) -> State:
        """Always ANSWERED, because nothing is called."""
        return State.ANSWERED

    def reply(self) -> Reply:
        """The first reply with a picture. If none has one, raises Rejected with a reason from the first.

        An erasure does not begin while a claim is open. So its fence is checked when the claim is there.
        """
        self._dependencies.ledger.check_erasing(self.claim.thread_id)
        reasons = list[Rejected | Unavailable | Ambiguous]()
        for reply in self._replies():
            try:
                self.answer(reply)
            except (Rejected, Unavailable, Ambiguous) as reason:
                if isinstance(reason, Unavailable) and reason.cause == "aws":
                    raise  # a full disk of Darkroom's says nothing about the answer
                reasons.append(reason)
            else:
                return reply
        if not reasons:
            raise Rejected("no_image", "no raw answer of the turn is stored: none came, or 35 days are over")
        raise reasons[0] if isinstance(reasons[0], Rejected) else Rejected("no_image", _said(reasons[0]))

    def _replies(self) -> Iterator[Reply]:
        """The spooled replies. The one that ended the paying comes first."""
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
