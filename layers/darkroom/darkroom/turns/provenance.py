"""The origin of a results object, as its S3 metadata, for a person who finds the object."""

import hashlib
import re
from urllib.parse import quote, unquote_to_bytes

from darkroom.domain.outcome import Source, Uploaded
from darkroom.domain.request_schema import ImageRef

# With a thread's id (256 bytes, each up to three characters) and a request's (128) within S3's 2 KB.
SOURCE_CHARACTERS = 1000
_HASH_CHARACTERS = 17


def metadata(thread_id: str | None, request_id: str | None, *places: Source | ImageRef | Uploaded) -> dict[str, str]:
    """The known origin, percent-encoded: the first of the places as an `s3://` URI, thread and request."""
    known = {
        "source": _uri(places[0]) if places else None,
        "thread": _encoded(thread_id) if thread_id else None,
        "request": _encoded(request_id) if request_id else None,
    }
    return {name: value for name, value in known.items() if value}


def _uri(place: Source | ImageRef | Uploaded) -> str:
    """The place as a URI. One that is too long ends in `~` and 16 hex digits of the key's SHA-256."""
    whole = _encoded(f"s3://{place.bucket}/{place.key}")
    if len(whole) <= SOURCE_CHARACTERS:
        return whole
    cut = re.sub("%.?$", "", whole[: SOURCE_CHARACTERS - _HASH_CHARACTERS])
    letters = unquote_to_bytes(cut).decode(errors="ignore")
    return f"{_encoded(letters)}~{hashlib.sha256(place.key.encode()).hexdigest()[:16]}"


def _encoded(text: str) -> str:
    return quote(text, safe="/:")
