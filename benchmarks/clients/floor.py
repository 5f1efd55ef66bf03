"""The floor: the bytes that Darkroom moves, through the same SDK, without logic. From socket to disk to socket, with
one TLS context. The small calls have the sizes of Darkroom's own.
"""

import http.client
import os
import ssl
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import pybase64

from darkroom.aws import clients
from darkroom.streaming.blob import CHUNK_BYTES

TLS = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
QUOTE = b'"'
TABLE: Any = clients.session().client("dynamodb", config=clients.CONFIG)
QUEUE: Any = clients.sqs()
TARGETS: deque[str] = deque()  # of the next small calls: they tell the server how long its answer should be
for client in (TABLE, QUEUE):
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"X-Amz-Target": TARGETS.popleft()})
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
    plan = event["floor"]
    half = len(plan["small"]) // 2
    _small(plan["small"][:half])
    pictures = _read(plan["pictures"])
    spool = _ask(plan, pictures)
    _write(plan, spool)
    place = _place(plan["spool_path"])
    clients.s3().delete_objects(Bucket=place["Bucket"], Delete={"Objects": [{"Key": place["Key"]}], "Quiet": True})
    _small(plan["small"][half:])
    return {"batchItemFailures": []}


def _small(exchanges: list[tuple[str, int, int]]) -> None:
    """Make the small calls with the SDK: the service, so many bytes sent and received."""
    for service, sent, received in exchanges:
        TARGETS.append(f"floor.{received}")
        if service == "sqs":
            QUEUE.list_queues(QueueNamePrefix=" " * sent)
        else:
            TABLE.get_item(TableName="t", Key={"k": {"S": " " * sent}})


def _read(paths: list[str]) -> list[IO[bytes]]:
    return [_kept(clients.s3().get_object(**_place(path))["Body"]) for path in paths]


def _place(path: str) -> dict[str, Any]:
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return {"Bucket": bucket, "Key": key}


def _kept(response: Any) -> IO[bytes]:
    target = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as its last reader
    while chunk := response.read(CHUNK_BYTES):
        target.write(chunk)
    target.seek(0)
    return target


def _ask(plan: dict[str, Any], pictures: list[IO[bytes]]) -> IO[bytes]:
    """Make the call. Return its raw answer, on disk."""
    around = [part.encode() for part in plan["around"]]
    length = sum(map(len, around)) + sum((_size(picture) + 2) // 3 * 4 for picture in pictures)
    address = urlsplit(plan["api_url"])
    connection = http.client.HTTPSConnection(str(address.hostname), address.port, context=TLS, blocksize=CHUNK_BYTES)
    body = _body(around, pictures)
    connection.request("POST", "/v1/images/generations", body, {"Content-Length": str(length)})
    spool = _kept(connection.getresponse())
    connection.close()
    return spool


def _body(around: list[bytes], pictures: list[IO[bytes]]) -> Iterator[bytes]:
    for before, picture in zip(around, pictures, strict=False):
        yield before
        while chunk := picture.read(CHUNK_BYTES):
            yield pybase64.b64encode(chunk)
    yield around[-1]


def _write(plan: dict[str, Any], spool: IO[bytes]) -> None:
    """Write the raw answer, and the picture in it."""
    _put(plan["spool_path"], spool)
    spool.seek(0)
    start, end = _bounds(spool)
    with tempfile.TemporaryFile() as picture:
        spool.seek(start)
        for position in range(start, end, CHUNK_BYTES * 4):
            picture.write(pybase64.b64decode(spool.read(min(CHUNK_BYTES * 4, end - position)), validate=True))
        picture.seek(0)
        _put(plan["picture_path"], picture)
    _put(plan["result_path"], b" " * plan["result_bytes"])


def _bounds(spool: IO[bytes]) -> tuple[int, int]:
    """The start and the end of the base64. Nearly everything else comes before it."""
    head = spool.read(CHUNK_BYTES)
    start = head.index(b'"b64_json": "') + 13
    end = _size(spool)
    spool.seek(max(start, end - CHUNK_BYTES))
    tail = spool.read()
    return start, end - len(tail) + tail.index(QUOTE)


def _put(path: str, data: IO[bytes] | bytes) -> None:
    clients.s3().put_object(**_place(path), Body=data)


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size
