"""What takes a while: it goes on in the background, and a page shows its lines as they are said."""

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
    """`title` says what is done, `back` is where a person goes on. `trouble` is why it came to nothing."""

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
        """What its page shows."""
        names = ("title", "lines", "is_over", "trouble", "back")
        return {name: getattr(self, name) for name in names} | {"address": self.address}


class Jobs:
    """Those of this console. The same form is the same job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def once(self, form_id: str, title: str, back: str, work: Callable[[Say], None]) -> Job:
        """The job of a form, begun unless it was before."""
        with self._lock:
            if form_id in self._jobs:
                return self._jobs[form_id]
            job = self._jobs[form_id] = Job(form_id, title, back)
            if len(self._jobs) > MAX_KNOWN:
                self._jobs.popitem(last=False)
        threading.Thread(target=_run, args=(job, work), daemon=True, name=f"job {title}").start()
        return job

    def find(self, job_id: str) -> Job:
        """Raises Trouble where there is none."""
        if job_id not in self._jobs:
            raise Trouble("The console does not know this any more. It was done before it was started anew.")
        return self._jobs[job_id]


def _run(job: Job, work: Callable[[Say], None]) -> None:
    try:
        with translated(OPERATOR):
            work(job.lines.append)
    except Trouble as trouble:
        job.trouble = str(trouble)
    except Exception as error:  # a fault of ours: whoever waits at the job's page hears of it, and so does the terminal
        job.trouble = f"This went wrong ({type(error).__name__}). It may be done again."
        raise
    finally:
        job.is_over = True
