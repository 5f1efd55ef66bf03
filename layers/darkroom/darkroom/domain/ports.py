"""Ports that several rooms share. Every failure behind a port is one of `errors`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple, Protocol

from darkroom.domain.outcome import Outcome
from darkroom.domain.request_schema import ImageRef
from darkroom.streaming.blob import Blob


@dataclass(frozen=True, slots=True)
class Done:
    """The request has ended, with this outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """Another owner holds the request, for at most so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reused:
    """The request's id already belongs to another request."""


class Forgotten:
    """The request has ended, and its thread was erased. Not a dataclass: building one costs each cold start."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes. The entity tag is without quotes."""

    data: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Fetched:
    """A large object: its bytes and their SHA-256."""

    data: Blob
    etag: str
    sha256: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Listed(NamedTuple):
    """The first keys of a folder, in order. `is_cut` says that there are more."""

    keys: Sequence[str]
    is_cut: bool


class ObjectStore(Protocol):
    """The parts of S3 that are used here. Each read raises Unreadable if the object exists and cannot be read."""

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        """The object, or None if it does not exist. Raises TooLarge over `most_bytes`."""
        ...

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        """The object's user metadata, or None if the object does not exist."""
        ...

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        """The object of any size, or None if it does not exist. Raises TooLarge over `most_bytes`.

        Its SHA-256 is computed only if neither the store nor `known` (by entity tag) has it.
        """
        ...

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Write the object if its key is free. Return False, and change nothing, if the key is taken.

        For data with a known hash, S3 checks the stored bytes against the SHA-256, which is kept beside them.
        """
        ...

    def listed(self, bucket: str, folder: str, most: int) -> Listed:
        """At most so many keys directly in a folder. The root is ""; any other folder ends in a slash.

        A `folder` that ends in a dot is a prefix of names.
        """
        ...

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        """Bytes of the object from an offset on, empty at its end. None if the object does not exist."""
        ...

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write the object, replacing an existing one."""
        ...

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete up to a thousand objects; missing ones are fine. Older versions stay."""
        ...


class PictureNormalizer(Protocol):
    """Converts pictures that may not be sent as they are. Converting one twice is harmless."""

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        """Store the picture's rendition under its `rendition_key`.

        Raises Undecodable or TooManyPixels, Unavailable (`aws`), or Fault where the picture broke the normalizer.
        """
        ...

    def check(self, ref: ImageRef) -> bool:
        """Decode the picture and store nothing. Return whether it has a single colour. Raises like `normalize`."""
        ...


class QueueSender(Protocol):
    """A queue for the messages of requests."""

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """Send once, and return the message's id. SQS drops no message with its own `deduplication_id`."""
        ...
