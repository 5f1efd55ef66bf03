"""The objects that the stack wrote for a thread: results, refusals, and the spool's copies of calls and pictures."""

import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import unquote

from darkroom.aws.dynamodb.listing import REFUSED
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.s3 import S3Objects
from darkroom.domain import keys, upload
from darkroom.domain.request_schema import ImageRef
from darkroom_client.operating.erasing.objects import Version, Versions
from darkroom_client.operating.erasing.receipt import Receipt

_OF_MESSAGES, _OF_UPLOADS = "rejected/messages/", "rejected/uploads/"


class Results:
    """The keys of what was written for those requests of a thread that have ended."""

    def __init__(self, thread_id: str, request_ids: Collection[str]) -> None:
        self._thread_id = thread_id
        self._request_ids = request_ids
        self._hashes = {keys.sha256(each)[:8] for each in request_ids}
        self._folder = re.compile(rf"{re.escape(self.prefix)}[0-9]{{5,}}-([0-9a-f]{{8}})/")

    @property
    def prefix(self) -> str:
        """Threads whose names go on with a slash lie below it too."""
        return f"threads/{self._thread_id}/"

    def has(self, key: str) -> bool:
        """Whether an object is a result of theirs. A request has the same hash under whatever number."""
        found = self._folder.match(key)
        return found is not None and found[1] in self._hashes

    def spool_prefixes(self, pictures: Collection[str]) -> Iterator[tuple[str, str]]:
        """Kinds of objects in the spool, and what the keys of theirs begin with."""
        for request_id in sorted(self._request_ids):
            yield "raw answers", keys.spool_key(self._thread_id, request_id, 0).removesuffix("0")
        for sha256 in sorted(pictures):
            yield "renditions", keys.rendition_key(sha256, 0).removesuffix("0")
            yield "doubtful pictures", keys.doubtful_key(sha256)


class Written:
    """The objects that a stack has written, in its buckets `results` and `spool`."""

    def __init__(
        self, table: Table, objects: S3Objects, versions: Versions, results: str, spool: str, receipt: Receipt
    ) -> None:
        self._table = table
        self._objects = objects
        self._versions = versions
        self._results = results
        self._spool = spool
        self._receipt = receipt

    def count_results(self, found: Results) -> int:
        """How many objects the results are."""
        return len({each.key for each in self._versions.below(self._results, found.prefix) if found.has(each.key)})

    def erase_results(self, found: Results) -> None:
        """Erases pictures and `result.json` files, those too that a request published before it got another number."""
        below = self._versions.below(self._results, found.prefix)
        for key, versions in _by_key(each for each in below if found.has(each.key)):
            self._erase(self._results, "versions of results", key, versions)

    def erase_refusals(self, thread_id: str, uploads: Collection[str], since: int) -> None:
        """Erases what took no turn and was told before an erase began, of its messages and of its uploads."""
        shortened = {keys.shortened(key) for key in uploads}
        for prefix in (_OF_MESSAGES, _OF_UPLOADS):
            told = (each for each in self._versions.below(self._results, prefix) if each.modified <= since)
            for key, versions in _by_key(told):
                is_its_own = self._was_sent_in if prefix == _OF_MESSAGES else _was_uploaded_for
                if is_its_own(key, thread_id) or _of_upload(key) in shortened:
                    self._table.write(self._table.delete(REFUSED, key))  # first: the object tells whose it is
                    self._erase(self._results, "versions of refusals", key, versions)

    def erase_spool(self, found: Results, pictures: Collection[str]) -> None:
        """Erases raw answers; and renditions, which are made again where another thread has the same picture."""
        for kind, prefix in found.spool_prefixes(pictures):
            self._erase(self._spool, kind, prefix, self._versions.below(self._spool, prefix))

    def _was_sent_in(self, key: str, thread_id: str) -> bool:
        metadata = self._objects.metadata(ImageRef(self._results, key)) or {}
        return unquote(metadata.get("thread", "")) == thread_id

    def _erase(self, bucket: str, kind: str, name: str, versions: Iterable[Version]) -> None:
        self._receipt.erased(kind, f"s3://{bucket}/{name}", self._versions.erase(bucket, versions))


def _was_uploaded_for(key: str, thread_id: str) -> bool:
    told = upload.of_key("", _of_upload(key))
    return told.thread == thread_id and told.kind != "batch"


def _of_upload(key: str) -> str:
    """The key of the upload, which may be shortened, that a refusal is about."""
    return key.removeprefix(_OF_UPLOADS).rsplit("/", 2)[0]


def _by_key(found: Iterable[Version]) -> Iterable[tuple[str, list[Version]]]:
    versions: dict[str, list[Version]] = {}
    for version in found:
        versions.setdefault(version.key, []).append(version)
    return versions.items()
