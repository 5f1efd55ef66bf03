"""S3's event notifications: the uploads that they announce."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from darkroom.domain.upload import Upload
from darkroom.domain.validation import Faults, Shape, array, optional, record, text, value, whole
from darkroom.errors import Fault


def _moment(given: Any) -> datetime:
    """A time with a zone that UTC can express."""
    if not isinstance(given, str) or (moment := datetime.fromisoformat(given)).tzinfo is None:
        raise ValueError("must be a time with its zone")
    if not _FIRST <= moment < _LAST:
        raise ValueError("must be between 1970 and 9999")
    return moment


_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_TEXT = value(text(0))
_OBJECT = record(
    {
        "key": value(text(1)),
        "eTag": _TEXT,
        "versionId": optional(_TEXT),
        "sequencer": _TEXT,
        "size": value(whole(0)),
    },
    required=("key",),
    is_open=True,
)
_ENTITY = record(
    {"bucket": record({"name": _TEXT}, required=("name",), is_open=True), "object": _OBJECT},
    required=("bucket", "object"),
    is_open=True,
)
# The announcement of one object.
_RECORD = record({"eventTime": value(_moment), "s3": _ENTITY}, required=("eventTime", "s3"), is_open=True)
_NOTIFICATION = record({"Records": array(record({}, is_open=True))}, is_open=True)


def announced(body: str, *, heard_at: float = 0.0) -> list[Upload]:
    """The uploads in an S3 event notification; none for its test event. Raises Fault for any other message."""
    try:
        notification = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _no_notification("body") from error
    _read(_NOTIFICATION, notification)
    records = notification.get("Records", [])
    return [_upload(_read(_RECORD, record), heard_at) for record in records if _is_creation(record)]


def _read(shape: Shape, document: object) -> Any:
    faults: Faults = []
    taken = shape("", document, faults)
    if faults:
        raise _no_notification(faults[0].field)
    return taken


def _no_notification(field: str) -> Fault:
    return Fault(f"a message of the upload events' queue is not an S3 event notification: {field}")


def _is_creation(record: Mapping[str, Any]) -> bool:
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _upload(record: Mapping[str, Any], heard_at: float) -> Upload:
    """The upload in a record. S3 form-encodes the key."""
    described = record["s3"]["object"]
    return Upload(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(described["key"]),
        etag=described.get("eTag", "").strip('"'),
        version_id=described.get("versionId"),
        sequencer=described.get("sequencer", ""),
        size=described.get("size", 1),
        at=record["eventTime"].timestamp(),
        heard_at=heard_at,
    )


def notification(upload: Upload) -> str:
    """A message that announces an upload in S3's format, as `announced` reads it."""
    described = {
        "key": quote_plus(upload.key),
        "eTag": upload.etag,
        "sequencer": upload.sequencer,
        "size": upload.size,
        **({"versionId": upload.version_id} if upload.version_id else {}),
    }
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": datetime.fromtimestamp(upload.at, UTC).isoformat(),
        "s3": {"bucket": {"name": upload.bucket}, "object": described},
    }
    return json.dumps({"Records": [record]})
