"""Erases a thread.

It refuses while a request of the thread is open. It removes for good, and its receipt lists all that it removed, kept
because other threads have it too, or cannot reach. If it is interrupted, it can be run again. A request of the thread
that arrives once more is answered `forgotten`, and a new request begins a new thread.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.s3 import S3Objects
from darkroom_client.errors import Trouble
from darkroom_client.operating.erasing import others
from darkroom_client.operating.erasing.fence import Erasing, Fence
from darkroom_client.operating.erasing.objects import Version, Versions
from darkroom_client.operating.erasing.others import Others
from darkroom_client.operating.erasing.partition import Known, Partition
from darkroom_client.operating.erasing.receipt import Receipt
from darkroom_client.operating.erasing.results import Results, Written
from darkroom_client.operating.erasing.uploads import Uploads
from darkroom_client.stacks.stack import Stack

NAMED = 5  # things that keep a thread from being erased, of perhaps very many


class Found(NamedTuple):
    """All parts of a thread, at a moment at which the fence stands; `uploads` by their keys."""

    known: Known
    results: Results
    uploads: dict[str, list[Version]]
    others: Others


class Forget:
    """Erases one thread of one stack. `say` hears a line for each thing. `now` is AWS's clock, in seconds."""

    def __init__(
        self,
        stack: Stack,
        thread_id: str,
        say: Callable[[str], None],
        *,
        now: Callable[[], int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._table_name = stack.dynamodb, stack.outputs["ThreadsTable"]
        self._uploads_bucket, self._bucket = stack.outputs["UploadsBucket"], stack.outputs["ResultsBucket"]
        self._thread_id = thread_id
        self._say = say
        self._now = now or stack.now
        self._sleep = sleep
        self._receipt = receipt = Receipt(thread_id, say)
        self._table = table = Table(stack.dynamodb, self._table_name)
        objects, versions = S3Objects(stack.s3), Versions(stack.s3)
        self._fence = Fence(table, thread_id, self._now)
        self._partition = Partition(table, thread_id, self._now, receipt)
        self._uploads = Uploads(table, objects, versions, self._uploads_bucket, thread_id, receipt)
        self._written = Written(table, objects, versions, self._bucket, stack.outputs["SpoolBucket"], receipt)

    def looks(self) -> None:
        """Lists the parts of the thread, and changes nothing."""
        found = self._found(self._now())
        turns, results = len(found.known.turns), self._written.count_results(found.results)
        counted = f"{turns} turn{'s' * (turns != 1)}"
        self._say(f"erases  {counted} with their words, pictures and outcomes ({results} objects)")
        for key in found.uploads:
            if (self._uploads_bucket, key) not in found.others.users:
                self._say(f"erases  s3://{self._uploads_bucket}/{key}")
        for (bucket, key), user in sorted(found.others.users.items()):
            if bucket == self._uploads_bucket:
                self._say(f"keeps   s3://{bucket}/{key}: the thread {user} needs it too")

    def work(self) -> Receipt:
        """Erases the thread, and says the receipt. Raises Trouble where something of it is open."""
        erasing = self._fence.stands()
        while not self._pass(erasing):
            erasing = erasing._replace(has_begun=True)
        self._partition.release(self._partition.known())
        self._fence.lift()
        for line in self._receipt.sum():
            self._say(line)
        return self._receipt

    def _pass(self, erasing: Erasing) -> bool:
        """Erases what is there now. False where the thread got one more turn meanwhile, which made no call."""
        found = self._found(erasing.since)
        if not erasing.has_begun:
            self._check(found)
            self._fence.begin()
        if seconds := self._partition.bury(found.known):
            self._say(f"waits {seconds} s, as a worker that has read the thread may still publish an outcome of it")
            self._sleep(seconds)
        self._erase(found, erasing.since)
        return self._partition.remove(found.known)

    def _found(self, since: int) -> Found:
        known = self._partition.known()
        results = Results(self._thread_id, known.ended_ids)
        uploads = self._uploads.known(self._sources(known), since)
        pictures = {(self._uploads_bucket, key) for key in uploads} | known.results
        look = partial(others.look, self._client, self._table_name, self._thread_id)
        return Found(known, results, uploads, look(pictures, lambda uri: results.has(self._key(uri))))

    def _check(self, found: Found) -> None:
        """Raises Trouble, and takes the fence down, where something of the thread has not ended."""
        open_requests = [f"{entry['request_id']} is {_state(entry)}" for entry in found.known.open]
        left = list(dict.fromkeys([*open_requests, *self._uploads.open(), *found.others.open]))
        if not left:
            return
        self._fence.lift()
        named = "; ".join(left[:NAMED]) + (f"; and {len(left) - NAMED} more" if len(left) > NAMED else "")
        raise Trouble(
            f"Nothing was erased, for something of {self._thread_id} is open: {named}.",
            "Cancel it first (`darkroom cancel`), delete photos that wait, and run this again once it ended.",
        )

    def _erase(self, found: Found, since: int) -> None:
        """Erases all but the turns, which tell what else there is and go last."""
        for (bucket, key), user in sorted(found.others.users.items()):
            if bucket == self._uploads_bucket:
                self._receipt.left(f"s3://{bucket}/{key}", f"the thread {user} needs it too")
            else:
                self._receipt.left(f"what {user} made of s3://{bucket}/{key}", "that picture itself is erased")
        shared = {key for bucket, key in found.others.users if bucket == self._uploads_bucket}
        own = {key: versions for key, versions in found.uploads.items() if key not in shared}
        self._written.erase_results(found.results)
        self._written.erase_refusals(self._thread_id, own, since)
        self._written.erase_spool(found.results, found.known.pictures)
        others.blank(
            self._table, found.others.lines, self._thread_id, self._receipt, self._uploads_bucket, self._bucket
        )
        self._uploads.erase(own)
        self._uploads.forget({*found.uploads, *self._sources(found.known)}, self._now())

    def _sources(self, known: Known) -> set[str]:
        return {key for bucket, key in known.sources if bucket == self._uploads_bucket}

    def _key(self, uri: str) -> str:
        return uri.removeprefix(f"s3://{self._bucket}/")


def _state(entry: dict[str, object]) -> str:
    return f"waiting ({entry['cause']})" if "cause" in entry else "open"
