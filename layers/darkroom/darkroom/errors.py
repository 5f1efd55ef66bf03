"""The errors of Darkroom, sorted by their consequence and not by their cause.

DarkroomError
|- Rejected       the request is at fault, or was refused: it ends now, as a failed outcome
|- Unavailable    certainly nothing was done or charged: try later
|- Ambiguous      a call may have been done and charged, and its answer is lost
|- TooLarge       of an object: its reader turns it into one of the above
|- Undecodable    of a picture: the caller that named the picture turns it into one of the above
|- TooManyPixels  the same
|- Cancelled      the request may not call any more: it ends now
|- Outdated       the facts behind a decision have changed: decide again
`- Fault          none of these: a bug or a broken deployment. `MAX_STRIKES` of them end a request
   `- Unreadable  of an object: the caller that named the object turns it into one of the above
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
    "thought_signature",  # the provider refused the history; the next call sends it flattened
    "fetch",  # the picture's address did not answer
    "held",  # another worker holds this request
    "erasing",  # the earlier turns of its thread are being erased
    "time",  # this invocation has too little time left
    "aws",
]
PROVIDER_CAUSES: frozenset[Cause] = frozenset(
    ("unreachable", "throttled", "credentials", "account", "model", "configuration")
)
# A call failed because the provider is in trouble, or may be.
TROUBLE_CAUSES: frozenset[Cause] = PROVIDER_CAUSES | {"ambiguous"}
# Waits for these can last, so they are shown to people and can be cut short.
WAITING_CAUSES: frozenset[Cause] = TROUBLE_CAUSES | {"budget", "fetch", "erasing"}
# Waiting for these says nothing about the provider, and does not make the next wait longer.
UNCOUNTED_CAUSES: frozenset[Cause] = frozenset(("budget", "time", "thought_signature"))


NO_KEY_OF_ITS_OWN = (
    "It was uploaded with an encryption key that this stack may not use, or is locked or archived. Upload it again "
    "without one: no --sse-c, no --sse aws:kms, no encryption in your program's settings. The bucket encrypts by "
    "itself."
)
# The same upload again starts nothing; the same message with a new id does.
ASK_AGAIN = "Ask again with a new request_id; by upload, change the text a little and save it again."

MAX_FAULTS = 100  # listed one by one; a body with more is not a typing error
FIELD_CHARACTERS = 100


class DarkroomError(Exception):
    """Base class of every error that Darkroom's own code raises on purpose."""

    def reword(self, reworded: Callable[[str], str]) -> None:
        """Apply `reworded` to each text of the error that came from outside."""
        self.args = tuple(reworded(str(said)) for said in self.args)
        for name in ("message", "text", "provider_request_id"):
            if said := getattr(self, name, None):
                setattr(self, name, reworded(said))


class Rejected(DarkroomError):
    """Ends the request now. Its sender gets the reason.

    `charged` says that the provider may have been paid for the refusal. `trouble` is a trouble of the provider or the
    operator that the call has shown, where any other request would meet it too.
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
    """Safe to retry: nothing was done. `retry_after` is in seconds; None leaves it to the backoff.

    `is_doubtful`: there is no proof that nothing was done, so it is believed a few times only.
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
    """A person cancelled the request before its next call."""


class TooLarge(DarkroomError):
    """An object has more bytes than its reader takes. The reader turns it into an error for the sender."""


class Undecodable(DarkroomError):
    """The bytes are not a picture in a known format, or not a whole one."""


class TooManyPixels(DarkroomError):
    """A picture claims more pixels than Darkroom decodes, in total or in a row."""


class Outdated(DarkroomError):
    """Another worker changed the facts that a decision was based on: decide again."""


class Fault(DarkroomError):
    """A missing permission, a broken deployment or a bug: no request and no provider is at fault."""


class Unreadable(Fault):
    """S3 has the object and does not return it: it is encrypted with a key of its own, or archived."""


class FieldFault(NamedTuple):
    """One fault of a body's form: the field as a path (`images.0`), and a sentence with the remedy."""

    field: str
    message: str


def invalid(faults: Sequence[FieldFault], hint: str | None = None) -> Rejected:
    """Every fault of a body in one error, with the first one's field as its `param`. Long lists are cut."""
    named = [f"{fault.field[:FIELD_CHARACTERS]}: {fault.message}" for fault in faults[:MAX_FAULTS]]
    more = [f"and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
    param = faults[0].field[:FIELD_CHARACTERS]
    return Rejected("invalid_request", "; ".join(named + more), hint=hint, param=param)
