"""Everything that is stored: the table's items, and the objects of the buckets."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.contract.interface.shapes import Item, Shape, document_shape, item_paths, item_shape, masked

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Attributes whose values follow from the request alone. A release compares its own values with stored ones.
EXACT = {
    "cause", "content", "custom_id", "etag", "fingerprint", "generation", "holder", "home", "lane", "outbox", "state",
    "stem", "thread", "words",
}  # fmt: skip
VERSIONED = "versioned/"  # Objects below it are announced with a version id, which differs between two runs.
_DOCUMENTS = re.compile(r"(threads|rejected/\w+|batches|backfill)/.*?(/result\.json|\.manifest\.json|\.out|\.jsonl)")


def item_kinds(items: Iterable[Item]) -> dict[str, Shape]:
    """The attributes of each kind of item."""
    kinds: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        kinds[_kind(item)].append(item)
    return {kind: item_shape(found) for kind, found in kinds.items()}


def _kind(item: Item) -> str:
    """The shape of both keys: `… TURN#…`, `/uploads/… STEM#…`."""
    partition, (name, number, _) = item["thread_id"]["S"], item["sk"]["S"].partition("#")
    sort_key = f"{name}{number and '#…'}"
    if not partition.startswith("/"):
        return f"… {sort_key}"
    _, room, *rest = partition.split("/")
    return f"/{room}/… {sort_key}" if rest else f"/{room} …"


def items_exactly(items: Iterable[Item]) -> dict[str, dict[str, set[str]]]:
    """The keys of all items, each with the values that follow from the request."""
    found: dict[str, dict[str, set[str]]] = {}
    for item in items:
        key = f"{item['thread_id']['S']} {masked(item['sk']['S'])}"
        values = found.setdefault(key, {})
        for path, kind, value in item_paths(item):
            if path.rpartition("/")[2] in EXACT and kind in "SN" and VERSIONED not in key:
                values.setdefault(path, set()).add(value)
    return found


def objects(s3: "S3Client", bucket: str, prefix: str = "") -> dict[str, str]:
    """The keys of all objects, each with its content type and its metadata."""
    return {masked(key): _head(s3, bucket, key) for key in _keys(s3, bucket, prefix)}


def _head(s3: "S3Client", bucket: str, key: str) -> str:
    head = s3.head_object(Bucket=bucket, Key=key)
    metadata = [f"{name}={_fixed(value)}" for name, value in sorted(head["Metadata"].items())]
    return "; ".join([head["ContentType"], *metadata])


def _fixed(value: str) -> str:
    """A value of metadata without the parts that differ between two runs. Of JSON, the names stay."""
    if value.startswith("{"):
        return ", ".join(sorted(json.loads(value)))
    return re.sub(r"^\d+\.\d+(e-\d+)?$", "<seconds>", value)


def documents(s3: "S3Client") -> dict[str, Shape]:
    """The fields of all JSON in the buckets, by the place and the ending of its key."""
    kinds: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for bucket in ("uploads", "results"):
        for key in _keys(s3, bucket):
            if kind := _DOCUMENTS.fullmatch(key):
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
                kinds[f"{kind[1]}/…{kind[2]}"] += _parsed(body, kind[2])
    return {kind: document_shape(found) for kind, found in kinds.items()}


def _parsed(body: str, ending: str) -> list[Any]:
    whole = ending.endswith(".json")
    return [json.loads(text) for text in ([body] if whole else body.splitlines())]


def _keys(s3: "S3Client", bucket: str, prefix: str = "") -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            yield found["Key"]
