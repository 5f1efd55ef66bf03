"""Long actions. Each runs in the background, and a page shows its lines as they appear."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from darkroom_client.console.addresses import part
from darkroom_client.errors import Trouble
from darkroom_client.stacks.aws_errors import OPERATOR, translated

MAX_KNOWN = 200
Say = Callable[[str], None]


@dataclass
class Job:
    """A long action. `back` is the address of the page that follows; `trouble` is the message of its failure."""

    id: str
    title: str
    back: str
    lines: list[str] = field(default_factory=list)
    is_over: bool = False
    trouble: str | None = None

    @property
    def address(self) -> str:
        return f"/jobs/{part(self.id)}"

    def document(self) -> dict[str, Any]:
        """The document of the job's page."""
        names = ("title", "lines", "is_over", "trouble", "back")
        return {name: getattr(self, name) for name in names} | {"address": self.address}


class Jobs:
    """The jobs of this console, one for each form."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def once(self, form_id: str, title: str, back: str, work: Callable[[Say], None]) -> Job:
        """The job of a form. It starts once."""
        with self._lock:
            if form_id in self._jobs:
                return self._jobs[form_id]
            job = self._jobs[form_id] = Job(form_id, title, back)
            if len(self._jobs) > MAX_KNOWN:
                self._jobs.popitem(last=False)
        threading.Thread(target=_run, args=(job, work), daemon=True, name=f"job {title}").start()
        return job

    def find(self, job_id: str) -> Job:
        """The job of this id. Raises Trouble if there is none."""
        if job_id not in self._jobs:
            raise Trouble("The console has forgotten this action, or was restarted since.")
        return self._jobs[job_id]


def _run(job: Job, work: Callable[[Say], None]) -> None:
    try:
        with translated(OPERATOR):
            work(job.lines.append)
    except Trouble as trouble:
        job.trouble = str(trouble)
    except Exception as error:  # a bug: the job's page shows it, and the terminal has the traceback
        job.trouble = f"This went wrong ({type(error).__name__}). Try again."
        raise
    finally:
        job.is_over = True
