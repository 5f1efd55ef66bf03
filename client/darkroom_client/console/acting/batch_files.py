"""Batch files from a form. Each line is checked, and the file waits for a yes before it is uploaded."""

import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom_client.console.acting.forms import Form, written
from darkroom_client.errors import Invalid, Trouble
from darkroom_client.operating.batches import local_batch
from darkroom_client.operating.batches.local_batch import LocalBatch

if TYPE_CHECKING:
    from darkroom_client.stacks.stack import Stack

MAX_WAITING = 5  # a small number, because a file may have many megabytes
MAX_FAULTS = 10  # faults that are listed


class BatchFiles:
    """The files that wait for a yes, by the id of their form."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, LocalBatch] = OrderedDict()

    def look(self, stack: "Stack", form: Form) -> str:
        """Checks the file of a form, and keeps it. Returns the form's id. Raises Invalid if a line has a fault."""
        if len(form.files) != 1:
            raise Invalid("Choose one file, a .jsonl or a .csv")
        with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
            path = written(form.files[0], Path(folder))
            named = "/".join(filter(None, (form.text("folder").strip("/"), path.name)))
            found = local_batch.read(path, named, stack, form.number("max_calls"))
        if found.faults:
            told = [f"line {each.line}: {each.message}" if each.line else each.message for each in found.faults]
            more = f" And {len(told) - MAX_FAULTS} more." if len(told) > MAX_FAULTS else ""
            raise Invalid(f"Nothing was uploaded. {'; '.join(told[:MAX_FAULTS])}", more.strip())
        with self._lock:
            self._waiting[form.id] = found
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popitem(last=False)
        return form.id

    def find(self, form_id: str) -> LocalBatch:
        """The file of a form. Raises Trouble if it does not wait any more."""
        found = self._waiting.get(form_id)
        if found is None:
            raise Trouble("The console has forgotten this file.", "Choose it again.")
        return found
