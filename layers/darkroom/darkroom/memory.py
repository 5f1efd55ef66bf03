"""What is remembered of uploads: one item a stem, one a photo that waits, in a partition beside the thread's own."""

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom import items
from darkroom.aws import code_of, translated
from darkroom.errors import DarkroomError, Unavailable
from darkroom.pairing import Ask, Pair, Seen, Stem, Waiting
from darkroom.request import MOST_IMAGES, ImageRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITIONS = "/uploads/"  # no thread's id begins with a slash


class Outdated(DarkroomError):
    """Somebody else changed what a decision was based on: decide again."""


class UploadMemory:
    """The memory of uploads, in the threads table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def stem(self, thread: str, name: str) -> Stem:
        """What is remembered of a stem; a blank one if nothing is."""
        item = self._item(PARTITIONS + thread, _stem_sk(name))
        if not item:
            return Stem()
        return Stem(
            version=item["version"],
            generation=item.get("generation", 0),
            pair=Pair(**item["pair"]) if item.get("pair") else None,
            seen={extension: Seen(**seen) for extension, seen in item.get("seen", {}).items()},
            outbox=item.get("outbox"),
        )

    def waiting(self, thread: str) -> list[Waiting]:
        """The thread's photos without words, as many as one request may have."""
        with translated():
            found = self._client.query(
                TableName=self._table,
                KeyConditionExpression="thread_id = :thread AND begins_with(sk, :waiting)",
                ExpressionAttributeValues=items.to_item({":thread": PARTITIONS + thread, ":waiting": "WAITING#"}),
                ConsistentRead=True,
                Limit=MOST_IMAGES,
            )
        documents = [items.from_item(item) for item in found["Items"]]
        return [Waiting(item["stem"], ImageRef(**item["image"]), item["etag"], item["at"]) for item in documents]

    def is_known(self, thread: str) -> bool:
        """Whether the thread exists: it has a turn, or a request of an upload is on its way to one."""
        return bool(self._item(PARTITIONS + thread, "ASKED") or self._item(thread, "THREAD"))

    def decide(self, thread: str, name: str, stem: Stem, ask: Ask | None, waits: Waiting | None) -> Stem:
        """Remembers a decision, all of it or nothing. Raises Outdated."""
        known = replace(stem, version=stem.version + 1)
        writes = [self._put_stem(thread, name, known)]
        if ask:
            writes.append({"Put": self._put(PARTITIONS + thread, "ASKED", {})})
            writes.append({"Delete": self._key(thread, _waiting_sk(name))})
            for photo in ask.taken:
                if photo.stem != name:
                    writes += self._take(thread, photo, known)
        if waits:
            writes.append({"Put": self._put(PARTITIONS + thread, _waiting_sk(name), asdict(waits))})
        self._transact(writes)
        return known

    def sent(self, thread: str, name: str, stem: Stem) -> None:
        """The request in the stem's outbox is in the queue."""
        with translated():
            try:
                self._client.update_item(
                    **self._key(thread, _stem_sk(name)),
                    UpdateExpression="REMOVE outbox",
                    ConditionExpression="outbox = :outbox",
                    ExpressionAttributeValues=items.to_item({":outbox": stem.outbox}),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def _take(self, thread: str, photo: Waiting, stem: Stem) -> list[dict[str, Any]]:
        """Another stem's photo goes along: it waits no longer, and has these words from now on."""
        pair = {"etag": photo.etag, "words": stem.pair.words if stem.pair else ""}
        return [
            {"Delete": self._key(thread, _waiting_sk(photo.stem)) | {"ConditionExpression": "attribute_exists(sk)"}},
            {
                "Update": self._key(thread, _stem_sk(photo.stem))
                | {
                    "UpdateExpression": "SET pair = :pair ADD version :one",
                    "ExpressionAttributeValues": items.to_item({":pair": pair, ":one": 1}),
                }
            },
        ]

    def _put_stem(self, thread: str, name: str, stem: Stem) -> dict[str, Any]:
        document = {field: value for field, value in asdict(stem).items() if value is not None}
        put = self._put(PARTITIONS + thread, _stem_sk(name), document)
        if stem.version == 1:
            return {"Put": put | {"ConditionExpression": "attribute_not_exists(sk)"}}
        return {
            "Put": put
            | {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": items.to_item({":before": stem.version - 1}),
            }
        }

    def _put(self, partition: str, sk: str, document: dict[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": items.to_item({"thread_id": partition, "sk": sk, **document}),
        }

    def _key(self, thread: str, sk: str) -> dict[str, Any]:
        return {"TableName": self._table, "Key": items.key(PARTITIONS + thread, sk)}

    def _item(self, partition: str, sk: str) -> dict[str, Any]:
        with translated():
            found = self._client.get_item(TableName=self._table, Key=items.key(partition, sk), ConsistentRead=True)
        return items.from_item(found.get("Item", {}))

    def _transact(self, writes: list[dict[str, Any]]) -> None:
        with translated():
            try:
                self._client.transact_write_items(TransactItems=writes)  # type: ignore[arg-type]
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise Outdated from error
                raise Unavailable("aws", f"transaction cancelled: {sorted(map(str, reasons))}") from error


def _stem_sk(name: str) -> str:
    return "STEM#" + _digest(name)


def _waiting_sk(name: str) -> str:
    return "WAITING#" + _digest(name)


def _digest(name: str) -> str:
    """Of any name, however long: a sort key has 1,024 bytes at most."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
