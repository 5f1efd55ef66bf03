"""The one answer that a request pays for, from the spool or from a call. Each reply is spooled before it is read.

The ledger marks a call just before its first byte leaves. An attempt that dies before the mark costs nothing. One
that dies after the mark, without a reply in the spool, may have been paid.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from darkroom.domain import keys
from darkroom.domain.timing import MAX_BREAKER_PAUSE_SECONDS, MAX_DOUBTFUL_CALLS
from darkroom.errors import (
    ASK_AGAIN,
    PROVIDER_CAUSES,
    TROUBLE_CAUSES,
    Ambiguous,
    Cause,
    DarkroomError,
    Fault,
    Rejected,
    Unavailable,
)
from darkroom.providers.dialect import Answer, ApiRequest, PreparedCall
from darkroom.providers.reply import Reply
from darkroom.turns.call_plan import PlannedCall
from darkroom.turns.ports import Breaker, Claim, ImageApi, Ledger
from darkroom.turns.spool import NEVER_SENT, Spool


class State(Enum):
    """A request's position on the way to its one answer. Each state names the next step."""

    LEFT_OPEN = auto()  # a worker died in a call: settle it by its reply in the spool
    LOST = auto()  # the answers of calls are lost: look for a late one
    SPENT = auto()  # as many calls are lost as may be paid: no further call is made
    READY = auto()  # a call may be made
    ANSWERED = auto()  # a call was answered: nothing more is paid


class CallDependencies(NamedTuple):
    """The collaborators of a PaidCall."""

    ledger: Ledger
    spool: Spool
    breaker: Breaker
    api: ImageApi
    max_paid_calls: int


class PaidCall:
    """Steps 3 to 6 of the protocol, for one claim: mark, call, spool, settle.

    `claim` is the claim in its current state. `record` is the record of the call that was made or prepared.
    `interpreted` is the answer, once it is read. `is_last` says that the request has waited for the provider as long as
    it may: it is called once more before it is given up. Errors may quote `instruction`.
    """

    def __init__(
        self, claim: Claim, dependencies: CallDependencies, *, is_last: bool = False, instruction: str = ""
    ) -> None:
        self.claim = claim
        self._instruction = instruction
        self.record = claim.asked
        self._dependencies = dependencies
        self._is_last = is_last
        self._is_probe = True  # until the breaker says otherwise
        self._has_looked = False  # for late answers, since the last call
        self._spooled_here: dict[int, Reply] = {}
        self.interpreted: Answer | None = None
        self._shown_trouble: Cause | None = None  # shown by an answer that ends only this request

    @property
    def state(self) -> State:
        """The next step."""
        claim = self.claim
        if claim.open_call:
            return State.LEFT_OPEN
        if claim.answered_by:
            return State.ANSWERED
        if claim.ambiguous and not self._has_looked:
            return State.LOST
        return State.SPENT if claim.ambiguous >= self._dependencies.max_paid_calls else State.READY

    def settle_left_open(self) -> None:
        """Settle the call that a dead worker left open. Raises Unavailable if it was free or is lost.

        A refusal in the spool may be old, so the request is not given up for it.
        """
        try:
            self._settle(self._spooled(self.claim.open_call or 0))
        except Unavailable as trouble:
            if not self._is_last or trouble.cause not in PROVIDER_CAUSES:
                raise

    def look_for_late_answer(self) -> None:
        """Settle a call that counts as lost, if a worker has spooled its answer after losing the lease."""
        self._has_looked = True
        for call in range(1, self.claim.calls + 1):
            reply = self._spooled(call)
            if reply is not None and (charged := self._is_charged(reply)) is not None:
                self.claim = self._dependencies.ledger.settle_late(self.claim, call, charged=charged)
                return

    @contextmanager
    def admitted(self, model: str) -> Iterator[None]:
        """Run a call if the breaker admits it, and report the provider's success or trouble to the breaker.

        The breaker decides before any picture is read, because requests that are held back come again and again.
        """
        breaker, lost_before = self._dependencies.breaker, self.claim.ambiguous
        request = keys.sha256(f"{self.claim.thread_id}/{self.claim.request_id}")
        known_trouble, self._is_probe = breaker.admit(
            model, request, is_last=self._is_last, is_new=not self.claim.calls
        )
        if known_trouble == "credentials":
            self._dependencies.api.distrust_key()
        try:
            yield
        except Unavailable as trouble:
            if trouble.cause in TROUBLE_CAUSES:
                breaker.failed(model, request, trouble, is_first=self.claim.refused_since is None)
            raise
        if self._shown_trouble:
            shown = Unavailable(self._shown_trouble, "as its answer shows", retry_after=MAX_BREAKER_PAUSE_SECONDS)
            breaker.failed(model, request, shown, is_first=True)
        elif self.claim.ambiguous > lost_before:
            breaker.failed(model, request, Unavailable("ambiguous", "the call's answer is lost"), is_first=False)
        else:  # also if the history has to be flattened
            breaker.succeeded(model, known_trouble)

    def prepare(self, planned: PlannedCall) -> PreparedCall:
        """Do everything that can fail before the call is marked."""
        self.record = record = planned.record
        context = planned.context.flattened() if self.claim.flatten else planned.context
        return self._dependencies.api.prepare(ApiRequest(context, record.model, record.options))

    def send(self, planned: PlannedCall, prepared: PreparedCall) -> None:
        """Mark, call, spool, settle. Raises Unavailable if the call was free, or if another follows later."""
        self._has_looked = False
        self.claim = self._dependencies.ledger.mark(self.claim, planned.record)
        try:
            reply = self._dependencies.api.ask(prepared)
        except Unavailable as unsent:
            self._spool(NEVER_SENT)
            self._settle_free(unsent)
        except Ambiguous as lost:
            self._settle_ambiguous(lost)
        else:
            self._spool(reply)
            self._settle(reply)

    def outcome_unknown(self) -> Rejected:
        """The error of a request whose answers are all lost."""
        lost = self.claim.ambiguous
        counted = "a call was" if lost == 1 else f"{lost} calls were"
        return Rejected(
            "outcome_unknown",
            f"{counted} sent to the image API, and no answer came back",
            hint=f"They may have been charged. If you still want the picture: {ASK_AGAIN}",
        )

    def reply(self) -> Reply:
        """The spooled reply that ended the paying."""
        call = self.claim.answered_by or 0
        reply = self._spooled_here.get(call) or self._spooled(call)
        if reply is None:
            self._dependencies.ledger.prove(self.claim)  # another worker may have ended the request, and deleted it
            raise Fault("the answer has left the spool")
        return reply

    def answer(self, reply: Reply) -> Answer:
        """The answer in the reply that ended the paying. Raises Rejected if it holds none."""
        self.interpreted = self.interpreted or self._interpret(reply)
        return self.interpreted

    @property
    def otherwise(self) -> Rejected | None:
        """The request's error if its answer's pictures cannot be fetched; None if the answer gives none."""
        return self.interpreted.otherwise if self.interpreted else None

    def _settle(self, reply: Reply | None) -> None:
        """Settle the open call by its reply; None stands for a reply that never reached the spool."""
        try:
            if reply is None:
                raise Ambiguous("the process died while the call was under way")
            self.interpreted = self._interpret(reply)
        except Unavailable as trouble:
            if trouble.cause == "aws":
                raise  # a full disk of Darkroom's says nothing about the answer, which stays in the spool
            if self._is_beyond_doubt(trouble):
                self._settle_free(trouble)
            else:
                self._settle_ambiguous(Ambiguous(trouble.message))
        except Ambiguous as lost:
            self._settle_ambiguous(lost)
        except Rejected as rejection:
            self._shown_trouble = rejection.trouble
            self.claim = self._dependencies.ledger.settle_answered(self.claim, charged=rejection.charged)
        else:
            self.claim = self._dependencies.ledger.settle_answered(self.claim, charged=True)

    def _is_beyond_doubt(self, trouble: Unavailable) -> bool:
        """Whether the call counts as free. Doubtful calls do up to MAX_DOUBTFUL_CALLS; probes always do."""
        return not trouble.is_doubtful or self._is_probe or self.claim.doubtful_alone < MAX_DOUBTFUL_CALLS

    def _settle_free(self, trouble: Unavailable) -> None:
        """Settle a free call. If the history has to be flattened, the next call follows at once, but only once."""
        if trouble.cause == "credentials":
            self._dependencies.api.distrust_key()
        may_flatten = trouble.cause == "thought_signature" and not self.claim.flatten
        self.claim = self._dependencies.ledger.settle_free(
            self.claim,
            flatten=may_flatten,
            doubtful=int(trouble.is_doubtful),
            alone=int(trouble.is_doubtful and not self._is_probe),
        )
        if trouble.cause == "thought_signature" and not may_flatten:
            raise Rejected("invalid_request", trouble.message, hint="This model takes no conversation: name another.")
        if not may_flatten:
            raise trouble

    def _settle_ambiguous(self, lost: Ambiguous) -> None:
        """Settle a lost call. If one more is left, it is made a little later, because the cause probably persists."""
        self.claim = self._dependencies.ledger.settle_ambiguous(self.claim)
        if self.claim.ambiguous < self._dependencies.max_paid_calls:
            raise Unavailable("ambiguous", str(lost)) from lost

    def _spool(self, reply: Reply) -> None:
        claim = self.claim
        if kept := self._dependencies.spool.keep(claim.thread_id, claim.request_id, claim.calls, reply):
            self._spooled_here[claim.calls] = kept

    def _spooled(self, call: int) -> Reply | None:
        kept = self._dependencies.spool.read(self.claim.thread_id, self.claim.request_id, call)
        return replace(kept, without_key=self._dependencies.api.without_key) if kept else None

    def _interpret(self, reply: Reply) -> Answer:
        """The answer in a reply. Raises as the dialect does.

        The key is removed from the words once more, because an answer may hold it in pieces that only its reader joins.
        """
        dialect = self._dependencies.spool.dialect(reply)
        try:
            answer = dialect.interpret(replace(reply, asked=self._instruction))
        except DarkroomError as error:
            error.reword(reply.without_key)
            if isinstance(error, Unavailable) and self.record and self.record.model in dialect.retired:
                raise _retired(self.record.model, error, reply) from error
            raise
        if answer.otherwise:
            answer.otherwise.reword(reply.without_key)
        return answer._replace(text=reply.without_key(answer.text)) if answer.text else answer

    def _is_charged(self, reply: Reply) -> bool | None:
        """Whether the reply was paid, if it ends the request; None if it does not end it."""
        try:
            self._interpret(reply)
        except Rejected as rejection:
            return rejection.charged
        except (Unavailable, Ambiguous) as trouble:
            if isinstance(trouble, Unavailable) and trouble.cause == "aws":
                raise
            return None
        return True


def _retired(model: str, trouble: Unavailable, reply: Reply) -> Unavailable:
    """The trouble of a retired model, if the reply fits one: relays answer 404 or 503 for it."""
    if trouble.cause != "model" and reply.status not in (404, 503):
        return trouble
    message = f"the model is retired; set ImageModel ({model}: {trouble.message})"
    return Unavailable("model", message, retry_after=trouble.retry_after, is_doubtful=trouble.is_doubtful)
