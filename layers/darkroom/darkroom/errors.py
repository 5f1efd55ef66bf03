"""What goes wrong, sorted by what happens next and not by what caused it.

DarkroomError
|- Rejected       the request's own fault, or a refusal: it ends now, as a failed outcome
|- Unavailable    certainly nothing was done or charged: try later
|- Ambiguous      a call may have been done and charged, and its answer is lost
|- TooLarge       of an object, until its reader has made it one of the above
|- Undecodable    of a picture, until whoever named it is told
|- TooManyPixels  the same
|- Cancelled      of a request that may not call any more: it ends now
|- Outdated       of a decision, until it is made again
`- Fault          none of these: a bug or a broken deployment. Five of them end a request
   `- Unreadable  of an object, until whoever named it is told
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Code = Literal[
    "invalid_request",
    "unsupported_file",
    "unsupported_image",
    "image_too_large",
    "image_not_found",
    "unreadable",
    "unknown_parent",
    "too_many_turns",
    "request_id_reused",
    "needs_instruction",
    "refused",
    "no_image",
    "provider_unavailable",
    "budget_exhausted",
    "outcome_unknown",
    "cancelled",
    "forgotten",
    "internal_error",
]

Cause = Literal[
    "unreachable",  # no connection, or the provider says that it is down
    "throttled",
    "credentials",  # the key is wrong, expired or not allowed here
    "account",  # the account is empty
    "model",  # the model is unknown or retired
    "configuration",  # the address is wrong: a redirect, a page that is no API
    "budget",  # DailyCallLimit
    "ambiguous",  # one more call is allowed, a little later
    "thought_signature",  # the history has to be sent flattened
    "fetch",  # the picture's address did not answer
    "held",  # another worker has this request in hand
    "erasing",  # what its thread was asked before is being erased
    "time",  # this invocation has too little time left
    "aws",
]
PROVIDER_CAUSES: frozenset[Cause] = frozenset(
    ("unreachable", "throttled", "credentials", "account", "model", "configuration")
)
# A call failed because the provider is in trouble, or may have.
TROUBLE_CAUSES: frozenset[Cause] = PROVIDER_CAUSES | {"ambiguous"}
# Waits for these are told, and can be cut short: they are not over in a moment.
WAITING_CAUSES: frozenset[Cause] = TROUBLE_CAUSES | {"budget", "fetch", "erasing"}
# Waiting for these says nothing about the provider, and does not make the next wait longer.
UNCOUNTED_CAUSES: frozenset[Cause] = frozenset(("budget", "time", "thought_signature"))


NO_KEY_OF_ITS_OWN = (
    "It was uploaded with an encryption key that this stack may not use, or is locked or archived. Upload it again "
    "without one: no --sse-c, no --sse aws:kms, no encryption in your program's settings. The bucket encrypts by "
    "itself."
)
# The very same upload starts nothing; the very same message with a new id does.
ASK_AGAIN = "Ask again with a new request_id; by upload, save the words again with one of them changed."

MAX_FAULTS = 100  # named one by one; a body with more is not a slip of the pen
FIELD_CHARACTERS = 100


class DarkroomError(Exception):
    """Whatever Darkroom's own code raises on purpose."""

    def reword(self, reworded: Callable[[str], str]) -> None:
        """Says what it says in other words, but for our own."""
        self.args = tuple(reworded(str(said)) for said in self.args)
        for name in ("message", "text", "provider_request_id"):
            if said := getattr(self, name, None):
                setattr(self, name, reworded(said))


class Rejected(DarkroomError):
    """The request ends now, and whoever sent it is told why.

    `charged` says that the provider may have been paid for saying no. `trouble` is the provider's or the operator's
    trouble that the call has shown, if it would be the same for any other request.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        hint: str | None = None,
        param: str | None = None,
        text: str | None = None,
        charged: bool = False,
        provider_request_id: str | None = None,
        trouble: Cause | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint
        self.param = param
        self.text = text
        self.charged = charged
        self.provider_request_id = provider_request_id
        self.trouble = trouble


class Unavailable(DarkroomError):
    """Safe to retry: nothing was done. `retry_after` is in seconds, None leaves it to the backoff.

    `is_doubtful`: nobody can prove that nothing was done, so that it is believed a few times only.
    """

    def __init__(
        self, cause: Cause, message: str, *, retry_after: float | None = None, is_doubtful: bool = False
    ) -> None:
        super().__init__(f"{cause}: {message}")
        self.is_doubtful = is_doubtful
        self.cause = cause
        self.message = message
        self.retry_after = retry_after


class Ambiguous(DarkroomError):
    """Not safe to retry: the call may have been paid."""


class Cancelled(DarkroomError):
    """A person has cancelled the request before it called, or before it called again."""


class TooLarge(DarkroomError):
    """An object has more bytes than its reader takes; the reader knows what that means to whom."""


class Undecodable(DarkroomError):
    """The bytes are no picture that we know, or not a whole one."""


class TooManyPixels(DarkroomError):
    """A picture claims more pixels than are looked at, in all or in a row."""


class Outdated(DarkroomError):
    """Somebody else changed what a decision was based on: decide again."""


class Fault(DarkroomError):
    """Nobody's fault but ours: a missing permission, a broken deployment, a bug."""


class Unreadable(Fault):
    """An object is there, and S3 does not hand it out: it has a key of its own, or a lock. Its reader knows whose."""


class FieldFault(NamedTuple):
    """One fault of a body's form: the field as a path (`images.0`), and a sentence with the remedy."""

    field: str
    message: str


def invalid(faults: Sequence[FieldFault], hint: str | None = None) -> Rejected:
    """Every fault of a body in one error, the first one's field as its `param`. What is endless is cut short."""
    named = [f"{fault.field[:FIELD_CHARACTERS]}: {fault.message}" for fault in faults[:MAX_FAULTS]]
    more = [f"and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
    param = faults[0].field[:FIELD_CHARACTERS]
    return Rejected("invalid_request", "; ".join(named + more), hint=hint, param=param)
