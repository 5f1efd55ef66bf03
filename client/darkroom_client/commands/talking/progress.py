"""The line that says, on a terminal, what is waited for and for how long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from darkroom_client.commands import terminal
from darkroom_client.pending import PendingTurn

if TYPE_CHECKING:
    from darkroom_client.results import Waiting


NAME_CHARACTERS = 30


class ProgressLine:
    """It is there while something is waited for, and gone after that. Where there is no terminal there is none."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told: tuple[Progress, TaskID, PendingTurn] | None = None

    def left(self, timeout: float | None) -> float | None:
        """What is left of so many seconds for all that is waited for."""
        return None if timeout is None else max(0.0, round(timeout - (time.monotonic() - self._began), 1))

    @contextmanager
    def about(self, pending: PendingTurn) -> Iterator[None]:
        """Shows the line while the block waits for this request."""
        console = terminal.console(is_error=True)
        if not console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=console, transient=True) as progress:
            self._told = progress, progress.add_task(_said(pending, None)), pending
            try:
                yield
            finally:
                self._told = None

    def sleep(self, seconds: float) -> None:
        """Between two looks it says anew what the request waits for."""
        if self._told:
            progress, task, pending = self._told
            progress.update(task, description=_said(pending, pending.waiting()))
        time.sleep(seconds)


def _said(pending: PendingTurn, waiting: "Waiting | None") -> str:
    name = terminal.words(pending.thread_id, NAME_CHARACTERS)
    if waiting is None:
        return f"{name}: sent"
    if waiting.cause is None:
        return f"{name}: under way"
    until = f", looks again at {terminal.clock(waiting.until)}" if waiting.until else ""
    return f"{name}: waits ({terminal.name(waiting.cause)}){until}"
