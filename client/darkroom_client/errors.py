"""What goes wrong for whoever uses the client. Each says in a sentence what it is, and what the way out is.

Trouble            something that the person or the service that asks can put right
|- NotFound        there is no such conversation, turn, batch or file
|- Invalid         what was asked has a fault; nothing was sent
|- Failed          the request ended without a picture: its `code`, `message`, `hint` and `outcome`
|- TimedOut        the wait is over, and the request is not: it goes on by itself
`- Unreachable     the stack cannot be reached, or is not there
   |- Denied       the caller's credentials do not allow it; names the policy that does
   `- Gone         a bucket, queue or table is not there
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darkroom.domain.outcome import Failure, Outcome
    from darkroom_client.results import Waiting


class Trouble(Exception):
    """Something that the person at the keyboard can put right.

    `code` names it for programs, `message` says what it is, and `hint` how to put it right. Its text is both of them.
    """

    exit_code = 1
    code: str = "not_done"

    def __init__(self, message: str, hint: str | None = None) -> None:
        end = "" if message.endswith((".", "?")) else "."
        super().__init__(f"{message}{end} {hint}" if hint else message)
        self.message = message
        self.hint = hint


class NotFound(Trouble):
    """There is no such conversation, turn, batch or file."""

    code = "not_found"


class Invalid(Trouble):
    """What was asked has a fault, and nothing was sent."""

    exit_code = 2
    code = "wrong_use"


class Failed(Trouble):
    """The request has ended, and there is no picture. `outcome` is all that is known of it."""

    def __init__(self, error: "Failure", outcome: "Outcome") -> None:
        super().__init__(f"{error.code}: {error.message}", error.hint)
        self.code = error.code
        self.message = error.message
        self.outcome = outcome


class TimedOut(Trouble):
    """The request has not ended within the time. It goes on by itself, and a later wait may find it.

    `waiting` is what it waits for, None where nothing has taken it up yet.
    """

    exit_code = 4
    code = "timed_out"

    def __init__(self, message: str, waiting: "Waiting | None", hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.waiting = waiting


class Unreachable(Trouble):
    """The stack cannot be reached, or there is none."""

    exit_code = 3
    code = "unreachable"


class Denied(Unreachable):
    """The caller's credentials do not allow it."""

    code = "denied"


class Gone(Unreachable):
    """A part of the stack is not where its outputs say. They may be of a stack that was deleted and made anew."""

    code = "gone"
