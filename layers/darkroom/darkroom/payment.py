"""The one answer that a request pays for: found in the spool, or asked for, and spooled before it is looked at.

A call is marked in the ledger just before its first byte leaves. What dies before the mark cost nothing; what
dies after it, with nothing in the spool, may have been paid.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from darkroom import naming, replies
from darkroom.context import Question
from darkroom.errors import ASK_AGAIN, PROVIDER_CAUSES, TROUBLE_CAUSES, Ambiguous, Fault, Rejected, Unavailable
from darkroom.ports import Breaker, Claim, ImageApi, Ledger, ObjectStore
from darkroom.premise import Inquiry, Premise
from darkroom.replies import Answer
from darkroom.reply import Reply
from darkroom.request import ImageRef

KEPT_HEADERS = ("content-type", "date", "retry-after", "x-oneapi-request-id", "x-request-id")
NEVER_SENT = Reply(503, {}, b"", 0.0)  # what is spooled of a call that never left us: judged as free
SPOOL_PAUSES = (0.5, 1, 2, 4, 8, 0)  # an answer that cannot be kept is paid again
OCTETS = "application/octet-stream"
HEADER_CHARACTERS = 200  # of ASCII each: S3 takes 2 KB of metadata in all


@dataclass(frozen=True, slots=True)
class Till:
    """What payments are made with. `spool_bucket` keeps the raw replies."""

    ledger: Ledger
    objects: ObjectStore
    breaker: Breaker
    api: ImageApi
    spool_bucket: str
    max_paid_calls: int
    sleep: Callable[[float], None] = time.sleep


class Payment:
    """Steps 3 to 6 of the protocol, for one claim: mark, call, spool, settle.

    `claim` is it as it now stands, `asked` what a call was made with or was about to be. `is_last` says that
    the request has waited enough for the provider: it is called once more, before anybody gives up.
    """

    def __init__(self, claim: Claim, till: Till, *, is_last: bool = False) -> None:
        self.claim = claim
        self.asked = claim.asked
        self._till = till
        self._is_last = is_last
        self._heard: dict[int, Reply] = {}  # what this process has spooled itself
        self._judged: Answer | None = None

    def reply(
        self, plan: Callable[[], Premise], inquire: Callable[[Premise], Inquiry], check_time: Callable[[], None]
    ) -> Reply:
        """The spooled reply that ended the paying.

        `plan` is called only if a call has to be made, `inquire` only if one may go out; `check_time` raises
        Unavailable where too little time is left for one. Raises Unavailable where the call was free or where
        another has to follow later, Rejected (`outcome_unknown`) where no further call may be made.
        """
        if self.claim.open_call:
            self._settle_what_was_left(self.claim.open_call)
        while not self.claim.answered_by:
            if self.claim.ambiguous and self._came_late():
                continue
            if self.claim.ambiguous >= self._till.max_paid_calls:
                raise _outcome_unknown(self.claim)
            self._call(plan(), inquire, check_time)
        reply = self._heard.get(self.claim.answered_by) or self._spooled(self.claim.answered_by)
        if reply is None:
            raise Fault("the answer has left the spool")
        return reply

    def judged(self, reply: Reply) -> Answer:
        """The answer in the reply that ended the paying. Raises Rejected where it is none."""
        return self._judged or replies.judge(reply)

    def _settle_what_was_left(self, call: int) -> None:
        """A refusal that a dead worker left in the spool may be old: it is not what a request is given up for."""
        try:
            self._settle(self._spooled(call))
        except Unavailable as trouble:
            if not self._is_last or trouble.cause not in PROVIDER_CAUSES:
                raise

    def _came_late(self) -> bool:
        """Whether an owner that had lost its lease has spooled, after all, what was given up as lost."""
        for call in range(1, self.claim.calls + 1):
            reply = self._spooled(call)
            if reply is not None and (charged := _is_charged(reply)) is not None:
                self.claim = self._till.ledger.settle_late(self.claim, call, charged=charged)
                return True
        return False

    def _call(self, plan: Premise, inquire: Callable[[Premise], Inquiry], check_time: Callable[[], None]) -> None:
        """One call, if the breaker lets it through, which is told how the provider did.

        It is asked before any picture is read: those that are held back come again and again.
        """
        check_time()  # before the place of a probe is taken
        breaker, model, lost_before = self._till.breaker, plan.model, self.claim.ambiguous
        known_trouble = breaker.admit(model, is_last=self._is_last)
        if known_trouble == "credentials":
            self._till.api.distrust_key()
        try:
            self._exchange(inquire(plan), check_time)
        except Unavailable as trouble:
            if trouble.cause in TROUBLE_CAUSES:
                breaker.failed(model, trouble, is_first=self.claim.refused_since is None)
            raise
        if self.claim.ambiguous > lost_before:
            breaker.failed(model, Unavailable("ambiguous", "the last call's answer is lost"), is_first=False)
        else:  # where the history has to be flattened, too
            breaker.succeeded(model, known_trouble)

    def _exchange(self, inquiry: Inquiry, check_time: Callable[[], None]) -> None:
        self.asked = inquiry.asked
        context = inquiry.context.flattened() if self.claim.flatten else inquiry.context
        prepared = self._till.api.prepare(Question(context, inquiry.asked.model, inquiry.asked.options))
        check_time()  # a key may take its time
        self.claim = self._till.ledger.mark(self.claim, inquiry.asked)
        try:
            reply = self._till.api.ask(prepared)
        except Unavailable as unsent:
            self._spool(NEVER_SENT)
            self._settle_free(unsent)
        except Ambiguous as lost:
            self._settle_ambiguous(lost)
        else:
            self._spool(reply)
            self._settle(reply)

    def _settle(self, reply: Reply | None) -> None:
        """The open call's consequence, by its reply; None is an answer that never reached the spool."""
        try:
            if reply is None:
                raise Ambiguous("the process died while the call was under way")
            self._judged = replies.judge(reply)
        except Unavailable as trouble:
            self._settle_free(trouble)
        except Ambiguous as lost:
            self._settle_ambiguous(lost)
        except Rejected as rejection:
            self.claim = self._till.ledger.settle_answered(self.claim, charged=rejection.charged)
        else:
            self.claim = self._till.ledger.settle_answered(self.claim, charged=True)

    def _settle_free(self, trouble: Unavailable) -> None:
        """Where the history has to be flattened, that is done at once, and once."""
        if trouble.cause == "credentials":
            self._till.api.distrust_key()
        may_flatten = trouble.cause == "thought_signature" and not self.claim.flatten
        self.claim = self._till.ledger.settle_free(self.claim, flatten=may_flatten)
        if trouble.cause == "thought_signature" and not may_flatten:
            raise Rejected("invalid_request", trouble.message, hint="This model takes no conversation: name another.")
        if not may_flatten:
            raise trouble

    def _settle_ambiguous(self, lost: Ambiguous) -> None:
        """Where one more call is left, it is made a little later: what broke this one is likely still there."""
        self.claim = self._till.ledger.settle_ambiguous(self.claim)
        if self.claim.ambiguous < self._till.max_paid_calls:
            raise Unavailable("ambiguous", str(lost)) from lost

    def _spool(self, reply: Reply) -> None:
        named = {name: reply.headers[name] for name in KEPT_HEADERS if name in reply.headers}
        headers = {name: value[:HEADER_CHARACTERS] for name, value in named.items() if value.isascii()}
        head = {"status": str(reply.status), "seconds": str(reply.seconds), "headers": json.dumps(headers)}
        key = naming.spool_key(self.claim.thread_id, self.claim.request_id, self.claim.calls)
        for pause in SPOOL_PAUSES:
            try:
                is_kept = self._till.objects.write_once(self._till.spool_bucket, key, reply.body, OCTETS, head)
            except Unavailable:
                if not pause:
                    raise
                self._till.sleep(pause)
            else:
                if is_kept:
                    self._heard[self.claim.calls] = replace(reply, headers=headers)
                return

    def _spooled(self, call: int) -> Reply | None:
        key = naming.spool_key(self.claim.thread_id, self.claim.request_id, call)
        stored = self._till.objects.fetch(ImageRef(self._till.spool_bucket, key))
        if stored is None:
            return None
        head = stored.metadata
        return Reply(int(head["status"]), json.loads(head["headers"]), stored.data, float(head["seconds"]))


def _is_charged(reply: Reply) -> bool | None:
    """Whether the reply that ends a request was paid; None where it does not end one."""
    try:
        replies.judge(reply)
    except Rejected as rejection:
        return rejection.charged
    except (Unavailable, Ambiguous):
        return None
    return True


def _outcome_unknown(claim: Claim) -> Rejected:
    counted = "a call was" if claim.ambiguous == 1 else f"{claim.ambiguous} calls were"
    return Rejected(
        "outcome_unknown",
        f"{counted} sent to the image API, and no answer came back",
        hint=f"They may have been charged. If you still want the picture: {ASK_AGAIN}",
    )
