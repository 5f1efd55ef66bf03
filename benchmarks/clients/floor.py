"""The floor: the bytes that Darkroom moves, and no logic. From socket to disk to socket, under one TLS context.

The small requests have the sizes of Darkroom's own, and nobody built or signed them.
"""

import http.client
import os
import ssl
import tempfile
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

import pybase64

CHUNK_BYTES = 3 << 16  # whole groups of base64
TLS = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
QUOTE = b'"'


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
    plan = event["floor"]
    half = len(plan["small"]) // 2
    _small(plan, plan["small"][:half])
    pictures = _read(plan)
    spool = _ask(plan, pictures)
    _write(plan, spool)
    _small(plan, plan["small"][half:])
    return {"batchItemFailures": []}


def _connection(url: str) -> http.client.HTTPSConnection:
    address = urlsplit(url)
    return http.client.HTTPSConnection(str(address.hostname), address.port, context=TLS, blocksize=CHUNK_BYTES)


def _small(plan: dict[str, Any], exchanges: list[list[int]]) -> None:
    connection = _connection(plan["small_url"])
    for sent, received in exchanges:
        connection.request("POST", "/", b" " * sent, {"X-Amz-Target": f"floor.{received}"})
        connection.getresponse().read()
    connection.close()


def _read(plan: dict[str, Any]) -> list[IO[bytes]]:
    connection = _connection(plan["s3_url"])
    kept = []
    for path in plan["pictures"]:
        connection.request("GET", path)
        kept.append(_kept(connection.getresponse()))
    connection.close()
    return kept


def _kept(response: http.client.HTTPResponse) -> IO[bytes]:
    target = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as its last reader
    while chunk := response.read(CHUNK_BYTES):
        target.write(chunk)
    target.seek(0)
    return target


def _ask(plan: dict[str, Any], pictures: list[IO[bytes]]) -> IO[bytes]:
    """The call; its raw answer, on disk."""
    around = [part.encode() for part in plan["around"]]
    length = sum(map(len, around)) + sum((_size(picture) + 2) // 3 * 4 for picture in pictures)
    connection = _connection(plan["api_url"])
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
    """The raw answer, and the picture in it."""
    connection = _connection(plan["s3_url"])
    _put(connection, plan["spool_path"], spool, _size(spool))
    spool.seek(0)
    start, end = _bounds(spool)
    with tempfile.TemporaryFile() as picture:
        spool.seek(start)
        for position in range(start, end, CHUNK_BYTES * 4):
            picture.write(pybase64.b64decode(spool.read(min(CHUNK_BYTES * 4, end - position)), validate=True))
        size = picture.tell()
        picture.seek(0)
        _put(connection, plan["picture_path"], picture, size)
    connection.request("PUT", plan["result_path"], b" " * plan["result_bytes"])
    connection.getresponse().read()
    connection.close()


def _bounds(spool: IO[bytes]) -> tuple[int, int]:
    """Where the base64 begins and ends: at its start there is all else, or nearly."""
    head = spool.read(CHUNK_BYTES)
    start = head.index(b'"b64_json": "') + 13
    end = _size(spool)
    spool.seek(max(start, end - CHUNK_BYTES))
    tail = spool.read()
    return start, end - len(tail) + tail.index(QUOTE)


def _put(connection: http.client.HTTPSConnection, path: str, data: IO[bytes], size: int) -> None:
    connection.request("PUT", path, data, {"Content-Length": str(size)})
    connection.getresponse().read()


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size
