"""Ports that several rooms share. Whatever goes wrong behind a port is one of `errors`."""

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
    """Another owner has the request in hand, for so many seconds at most."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reused:
    """The request's id stands for another request already."""


class Forgotten:
    """The request has ended, and its thread was erased. No dataclass: making one costs each cold start."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes; the entity tag without quotes."""

    data: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Fetched:
    """A large object: its bytes, and their SHA-256."""

    data: Blob
    etag: str
    sha256: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Listed(NamedTuple):
    """The first keys of a folder, in their order; `is_cut` where there are more."""

    keys: Sequence[str]
    is_cut: bool


class ObjectStore(Protocol):
    """S3, as far as it is used here. Whatever reads raises Unreadable where the object is there and locked."""

    def read(self, ref: ImageRef, *, most_bytes: int | None = None) -> Stored | None:
        """The object, or None where there is none. Raises TooLarge over `most_bytes`."""
        ...

    def metadata(self, ref: ImageRef) -> Mapping[str, str] | None:
        """The object's own metadata, or None where there is no object."""
        ...

    def fetch(
        self, ref: ImageRef, *, most_bytes: int | None = None, known: Mapping[str, str] | None = None
    ) -> Fetched | None:
        """The object of any size, or None where there is none. Raises TooLarge over `most_bytes`.

        Its SHA-256 is worked out only where neither the store has kept it nor `known` has it, by entity tags.
        """
        ...

    def write_once(
        self, bucket: str, key: str, data: Blob, media_type: str, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Writes the object if there is none; False where one is there already, which is left as it is.

        What has its hash is seen to be stored as it was hashed, and its SHA-256 is kept beside it.
        """
        ...

    def listed(self, bucket: str, folder: str, most: int) -> Listed:
        """So many keys at most that lie in a folder, and not below it; the root's is "", any other ends in a slash.

        One that ends in a dot is the start of names.
        """
        ...

    def part(self, ref: ImageRef, offset: int) -> bytes | None:
        """Some of the object's bytes from an offset on, none at its end; None where there is no object."""
        ...

    def write(
        self, bucket: str, key: str, data: IO[bytes], media_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Writes the object, over what is there."""
        ...

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Deletes the objects, up to a thousand; what is not there is none. An older version stays a version."""
        ...


class PictureNormalizer(Protocol):
    """Makes pictures that may not go as they are into what may. To do so twice does no harm."""

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        """Keeps the rendition of the picture, where `renditions` says.

        Raises Undecodable or TooManyPixels, Unavailable (`aws`), or Fault where the picture broke the normalizer.
        """
        ...

    def check(self, ref: ImageRef) -> bool:
        """Decodes the picture, and keeps nothing: whether it is one colour all over. Raises what `normalize` does."""
        ...


class QueueSender(Protocol):
    """A queue that a request's message is put into."""

    def send(self, body: str, thread_id: str, request_id: str, *, deduplication_id: str | None = None) -> str:
        """Sends once, and returns the message's id. What is sent under an id of its own is sent in any case."""
        ...
