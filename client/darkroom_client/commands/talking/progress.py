"""Shows the wait for a request: a person at a terminal sees a moving line, others get a line for each cause."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from darkroom_client.commands import terminal
from darkroom_client.commands.common import Given
from darkroom_client.pending import PendingTurn
from darkroom_client.results import PAUSED

if TYPE_CHECKING:
    from darkroom_client.results import Waiting


NAME_CHARACTERS = 30
# Where somebody has to do something. Other causes pass by themselves.
WAYS_OUT = {
    "model": "The image API has no such model: check --model.",
    "budget": "The day's calls are used up. The operator can raise DailyCallLimit.",
    "credentials": "The image API refuses the key. The operator has to put a good key into the secret.",
    "account": "The account at the provider is empty. The operator has to pay in there.",
    PAUSED: "The stack is paused. The operator can let it go on: `darkroom resume`.",
    "configuration": "The server at ImageApiUrl is not the image API. The operator has to set that parameter.",
}


class ProgressLine:
    """It is there while something is waited for, and gone after that. Without a terminal, and for a program, it says
    each cause once, on standard error.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._began = time.monotonic()
        self._pending: PendingTurn | None = None
        self._told: tuple[Progress, TaskID] | None = None
        self._cause: str | None = None  # the last one that was printed; variations share theirs

    def left(self, timeout: float | None) -> float | None:
        """The rest of so many seconds, which all waits share."""
        return None if timeout is None else max(0.0, round(timeout - (time.monotonic() - self._began), 1))

    @contextmanager
    def about(self, pending: PendingTurn) -> Iterator[None]:
        """Says what this request waits for, while the block waits for it."""
        self._pending = pending
        try:
            with self._shown(pending):
                yield
        finally:
            self._pending = None

    @contextmanager
    def _shown(self, pending: PendingTurn) -> Iterator[None]:
        console = terminal.console(is_error=True)
        if self._given.as_json or not console.is_terminal:
            yield
            return
        words = TextColumn("{task.description}", markup=False, table_column=Column())  # it wraps: the way out is long
        with Progress(SpinnerColumn(), TimeElapsedColumn(), words, console=console, transient=True) as progress:
            self._told = progress, progress.add_task(_said(pending, None))
            try:
                yield
            finally:
                self._told = None

    def sleep(self, seconds: float) -> None:
        """Between two looks it says again what the request waits for."""
        if self._pending:
            self._tell(self._pending, self._pending.waiting())
        time.sleep(seconds)

    def _tell(self, pending: PendingTurn, waiting: "Waiting | None") -> None:
        if self._told:
            progress, task = self._told
            progress.update(task, description=_said(pending, waiting))
        elif waiting and waiting.cause and waiting.cause != self._cause:
            self._cause = waiting.cause
            shown = f"`darkroom show {shlex.quote(pending.thread_id)}` says how it stands."
            self._given.note(cause(waiting), shown)


def cause(waiting: "Waiting") -> str:
    """Why it waits, until when, and what has to be done about it."""
    since = f" since {terminal.clock(waiting.since)}" if waiting.since else ""
    until = f"; looks again at {terminal.clock(waiting.until)}" if waiting.until else ""
    way_out = WAYS_OUT.get(waiting.cause or "", "")
    return f"waits ({terminal.name(waiting.cause or '')}){since}{until}. {way_out}".rstrip()


def _said(pending: PendingTurn, waiting: "Waiting | None") -> str:
    name = terminal.words(pending.thread_id, NAME_CHARACTERS)
    if waiting is None:
        return f"{name}: sent"
    return f"{name}: {cause(waiting) if waiting.cause else 'under way'}"
