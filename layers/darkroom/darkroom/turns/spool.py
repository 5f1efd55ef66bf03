"""The spool: raw replies of the image API, each kept before it is read."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from darkroom.domain import keys
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.ports import ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.timing import SPOOL_PAUSES
from darkroom.errors import Fault, Unavailable
from darkroom.providers.dialect import Dialect
from darkroom.providers.reply import Reply

NEVER_SENT = Reply(503, {}, b"", 0.0)  # spooled for a call that was never sent: interpreted as free
OCTETS = "application/octet-stream"
MAX_DELETED = 1000  # objects at once, S3's own limit
HEADER_CHARACTERS = 200  # of ASCII each: S3 takes 2 KB of metadata in all


class Spool:
    """Keeps replies in `bucket`, one object for each call. Its metadata holds the reply's head and its dialect."""

    def __init__(
        self,
        objects: ObjectStore,
        bucket: str,
        dialects: Mapping[str, Dialect],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.objects = objects
        self._bucket = bucket
        self.dialects = dialects
        self._sleep = sleep

    def dialect(self, reply: Reply) -> Dialect:
        """The dialect that the reply's call was made in. Raises Fault if this release does not know it."""
        if dialect := self.dialects.get(reply.dialect):
            return dialect
        raise Fault(f"the reply is in the dialect {reply.dialect!r}, which this release does not know")

    def keep(self, thread_id: str, request_id: str, call: int, reply: Reply) -> Reply | None:
        """Write the reply once, and return it as it is kept; None if another reply to this call is there."""
        named = {name: reply.headers[name] for name in self.dialect(reply).kept_headers if name in reply.headers}
        headers = {name: value[:HEADER_CHARACTERS] for name, value in named.items() if value.isascii()}
        head = {
            "status": str(reply.status),
            "seconds": str(reply.seconds),
            "headers": json.dumps(headers),
            "dialect": reply.dialect,
        }
        is_kept = self._write(keys.spool_key(thread_id, request_id, call), reply, head)
        return replace(reply, headers=headers) if is_kept else None

    def read(self, thread_id: str, request_id: str, call: int) -> Reply | None:
        """The reply to a call; None if there is none. A reply that names no dialect has DEFAULT_DIALECT."""
        stored = self.objects.fetch(ImageRef(self._bucket, keys.spool_key(thread_id, request_id, call)))
        if stored is None:
            return None
        head = stored.metadata
        headers, dialect = json.loads(head["headers"]), head.get("dialect", DEFAULT_DIALECT)
        return Reply(int(head["status"]), headers, stored.data, float(head["seconds"]), dialect)

    def forget(self, thread_id: str, request_id: str, calls: int) -> None:
        """Delete the replies to a request's calls. `calls` is their number."""
        for first in range(1, calls + 1, MAX_DELETED):
            numbers = range(first, min(first + MAX_DELETED, calls + 1))
            self.objects.delete(self._bucket, [keys.spool_key(thread_id, request_id, call) for call in numbers])

    def _write(self, key: str, reply: Reply, head: Mapping[str, str]) -> bool:
        for pause in SPOOL_PAUSES:
            try:
                return self.objects.write_once(self._bucket, key, reply.body, OCTETS, head)
            except Unavailable:
                if not pause:
                    raise
                self._sleep(pause)
        raise AssertionError("the last pause is 0")
