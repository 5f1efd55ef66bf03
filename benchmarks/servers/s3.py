"""S3: objects in memory, written once or over, read whole or in parts."""

import base64
import hashlib
import html
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from benchmarks.servers.front import IDLE_SECONDS, Front, Request, Response

PARTS = {"Accept-Ranges": "bytes"}
CHECKSUM = "x-amz-checksum-sha256"


@dataclass(frozen=True)
class Object:
    """An object. `headers` are sent to its reader besides its length."""

    data: bytes
    headers: dict[str, str]

    @cached_property
    def sha256(self) -> str:
        """The hash, computed on demand, and not while a client is measured."""
        return hashlib.sha256(self.data).hexdigest()


class S3(Front):
    """An S3 server. A bucket is the first segment of an object's path."""

    def __init__(self, certificate: Path | None, idle_seconds: float = IDLE_SECONDS) -> None:
        self._objects: dict[str, Object] = {}
        super().__init__(certificate, idle_seconds)

    def put(self, path: str, data: bytes, media_type: str, *, with_checksum: bool) -> str:
        """Put an object at `/bucket/key` directly, with or without its SHA-256. Return its entity tag."""
        kept = _object(data, {"Content-Type": media_type, **({CHECKSUM: _checksum(data)} if with_checksum else {})})
        self._objects[path] = kept
        return kept.headers["ETag"].strip('"')

    def written(self, prefix: str) -> dict[str, str]:
        """The SHA-256 of each object below `/bucket/prefix`."""
        return {path: kept.sha256 for path, kept in self._objects.items() if path.startswith(prefix)}

    def read(self, path: str) -> bytes:
        """Read the object's bytes directly."""
        return self._objects[path].data

    def held(self, prefix: str) -> int:
        """The number of bytes below the prefix."""
        return sum(len(kept.data) for path, kept in self._objects.items() if path.startswith(prefix))

    def path_of(self, sha256: str) -> str:
        """The path of a picture with these bytes."""
        return next(path for path, kept in self._objects.items() if kept.sha256 == sha256)

    def forget(self, *prefixes: str) -> None:
        """Remove the objects below these prefixes."""
        self._objects = {path: kept for path, kept in self._objects.items() if not path.startswith(prefixes)}

    def answer(self, request: Request) -> tuple[str, Response]:
        """See `Front`."""
        path = unquote(request.path)
        if request.method == "PUT":
            return "s3:PutObject", self._put(path, request)
        if request.method == "POST":
            return "s3:DeleteObjects", self._delete(path, request)
        operation = "s3:HeadObject" if request.method == "HEAD" else "s3:GetObject"
        found = self._objects.get(path)
        if found is None:
            return operation, _error(404, "NoSuchKey")
        return operation, _read(found, request.headers)

    def _delete(self, bucket: str, request: Request) -> Response:
        for key in re.findall(r"<Key>([^<]+)</Key>", request.body.read().decode()):
            self._objects.pop(f"{bucket}/{html.unescape(key)}", None)
        return Response(200, b"<DeleteResult/>", {"Content-Type": "application/xml"})

    def _put(self, path: str, request: Request) -> Response:
        data = request.body.read()
        if request.headers.get("If-None-Match") == "*" and path in self._objects:
            return _error(412, "PreconditionFailed")
        kept = {
            name: value
            for name, value in request.headers.items()
            if name.lower().startswith("x-amz-meta-") or name.lower() in ("content-type", CHECKSUM)
        }
        if (told := request.headers.get(CHECKSUM)) and told != _checksum(data):
            return _error(400, "BadDigest")
        self._objects[path] = _object(data, kept)
        return Response(200, headers={"ETag": self._objects[path].headers["ETag"]})


def _object(data: bytes, headers: dict[str, str]) -> Object:
    tag = uuid.uuid4().hex  # tells a client only that the object is another one
    return Object(data, {**headers, "ETag": f'"{tag}"', "Last-Modified": formatdate(usegmt=True), **PARTS})


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _read(found: Object, asked: Mapping[str, str]) -> Response:
    bounds = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("Range", ""))
    if not bounds and asked.get("x-amz-checksum-mode") == "ENABLED":
        return Response(200, found.data, found.headers)
    told = {name: value for name, value in found.headers.items() if name.lower() != CHECKSUM}
    if not bounds:
        return Response(200, found.data, told)
    total = len(found.data)
    first, last = int(bounds[1]), min(int(bounds[2] or total), total - 1)
    if first >= total:
        return _error(416, "InvalidRange")
    return Response(206, found.data[first : last + 1], {**told, "Content-Range": f"bytes {first}-{last}/{total}"})


def _error(status: int, code: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Response(status, text.encode(), {"Content-Type": "application/xml"})
