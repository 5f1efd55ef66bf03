"""The receipt of an erase: all that it removed, kept, and cannot reach."""

from collections import Counter
from collections.abc import Callable, Iterator

OUT_OF_REACH = (
    "messages and dead letters that are still in a queue: a request of theirs that has ended is answered `forgotten`",
    "the memory of uploads and ended requests: ids, hashes and entity tags, which expire after 35 days",
    "the marks of cancelled requests, which are hashes and a moment, and expire after 35 days",
    "copies in `doubtful/` of pictures that were repaired, in the spool bucket: they expire after 35 days",
    "words that its photos share with their folder, in `_instruction.txt`",
    "texts and .json files of another key that named the thread, in their metadata or in themselves",
    "refusals of messages whose body did not name the thread",
    "logs, which hold ids and no words; point-in-time backups of the table; what others have downloaded",
)


class Receipt:
    """Tells a line for each thing at once, and in the end the sum."""

    def __init__(self, thread_id: str, say: Callable[[str], None]) -> None:
        self._thread_id = thread_id
        self._say = say
        self._counts: Counter[str] = Counter()
        self._left: dict[str, None] = {}

    def erased(self, kind: str, name: str, count: int = 1) -> None:
        """Counts so many erased things of a kind, and says the name that they share."""
        if count:
            self._counts[kind] += count
            self._say(f"erased  {name}" + (f" ({count})" if count > 1 else ""))

    def left(self, name: str, why: str) -> None:
        """Notes a thing that stays, and says why."""
        line = f"{name}: {why}"
        if line not in self._left:
            self._left[line] = None
            self._say(f"kept    {line}")

    def document(self) -> dict[str, object]:
        """The receipt as `--json` tells it."""
        return {"erased": dict(self._counts), "kept": list(self._left), "out_of_reach": list(OUT_OF_REACH)}

    def sum(self) -> Iterator[str]:
        """The sum in lines: the counts, and all that is out of reach."""
        counted = ", ".join(f"{count} {kind}" for kind, count in self._counts.items())
        yield f"Erased of {self._thread_id}: {counted or 'nothing, for nothing was left of it'}."
        yield f"Kept: {len(self._left)}, each told above." if self._left else "Kept: nothing that belongs to it alone."
        yield "Out of reach:"
        yield from (f"- {each}" for each in OUT_OF_REACH)
