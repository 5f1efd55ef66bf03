"""Logs and metrics for the operator: one structured line and one metric for each event. They never contain an
instruction, a picture or a message of the provider, which may quote the instruction.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.base import SingleMetric

from darkroom.domain import request
from darkroom.domain.message import Message
from darkroom.domain.outcome import Outcome
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import PROVIDER_CAUSES, DarkroomError, Fault, Unavailable

if TYPE_CHECKING:
    from darkroom.batches.handler import BatchEnded
    from darkroom.uploads.intake import Taken


class _Telemetry:
    """The telemetry of functions that handle messages. `waits` is the log event for a message that has to wait."""

    waits: ClassVar[str]

    def __init__(self, logger: Logger, *, clock: Callable[[], float] = time.time) -> None:
        self._logger = logger
        self._clock = clock

    def broke(self, message: Message, error: Exception) -> None:
        """Log and count an attempt that raised an unexpected error."""
        self._logger.error("attempt broke", extra={**self._named(message), **_described(error)})
        _count("AttemptsBroken")

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        """Log a message that waits for its other parts, for its turn or for AWS."""
        waiting = {"cause": trouble.cause, "seconds": _seconds(trouble)}
        self._logger.info(self.waits, extra={**self._named(message), **waiting})

    def _waited(self, message: Message) -> None:
        """Measure a waiting message's age. SQS reports no age for a message that was received three times or more."""
        _write("WaitedSeconds", max(0.0, self._clock() - message.sent_at), MetricUnit.Seconds)

    def _named(self, message: Message) -> dict[str, object]:
        """The fields that identify a log line."""
        return {"message_id": message.message_id}

    def noted(self, error: DarkroomError) -> None:
        """Log that a heartbeat or a deletion failed."""
        self._logger.warning("went on without", extra=_described(error))


class RequestTelemetry(_Telemetry):
    """The telemetry of `on_request`."""

    waits = "request waits"

    def ended(self, message: Message, ended: Outcome) -> None:
        """Log and count a request that has its outcome."""
        self._logger.info(
            "request ended",
            message_id=message.message_id,
            probe=message.is_probe,
            thread_id=ended.thread_id,
            turn=ended.turn,
            request_id=ended.request_id,
            status=ended.status,
            code=ended.error.code if ended.error else None,
            mode=ended.mode,
            paid_calls=ended.cost.paid_calls,
            api_seconds=ended.timing.api_seconds,
            attempts=ended.attempts,
            provider_request_id=ended.provider_request_id,
        )
        _count("RequestsEnded", code=ended.error.code if ended.error else "succeeded")

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        """Log and count a request that waits, possibly for the provider."""
        blocked = trouble.cause in PROVIDER_CAUSES
        write = self._logger.warning if blocked else self._logger.info
        waiting = {"cause": trouble.cause, "seconds": _seconds(trouble), "receive_count": message.receive_count}
        write(self.waits, extra={**self._named(message), **waiting})
        _count("ProviderBlocked" if blocked else "RequestsDeferred", cause=trouble.cause)
        self._waited(message)

    def _named(self, message: Message) -> dict[str, object]:
        """The fields that identify a log line. `probe` marks the copy of a waiting request."""
        asked = request.recognise(message.body)
        return {
            "message_id": message.message_id,
            "thread_id": asked.thread_id or message.group,
            "request_id": asked.request_id or message.message_id,
            "probe": message.is_probe,
        }


class UploadTelemetry(_Telemetry):
    """The telemetry of `on_upload`."""

    waits = "upload waits"

    def deferred(self, message: Message, trouble: Unavailable) -> None:
        """Log an upload that waits for its other parts, for its lane or for AWS."""
        super().deferred(message, trouble)
        self._waited(message)

    def broke(self, message: Message, error: Exception) -> None:
        """Log and count an unexpected error. `key` is the upload's, or the first of several."""
        key = None
        with suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
            key = unquote_plus(json.loads(message.body)["Records"][0]["s3"]["object"]["key"])
        named = {**self._named(message), "key": key}
        self._logger.error("attempt broke", extra={**named, **_described(error)})
        _count("AttemptsBroken")

    def ended(self, message: Message, ended: "Sequence[Taken]") -> None:
        """Log and count the result of each upload that the message announced."""
        for taken in ended:
            told = {"key": taken.key, "became": taken.result, "because": taken.because}
            self._logger.info("upload taken", extra={**self._named(message), **told})
            _count("UploadsTaken", became=taken.result)


class BatchTelemetry(_Telemetry):
    """The telemetry of `on_upload` for batches."""

    waits = "batch waits"

    def ended(self, message: Message, ended: "BatchEnded") -> None:
        """Log and count a batch that is finished, rejected, or passed on to its next message."""
        self._logger.info(
            "batch ended",
            message_id=message.message_id,
            key=ended.key,
            became=ended.result,
            total=ended.total,
            succeeded=ended.succeeded,
            failed=ended.failed,
        )
        _count("BatchesEnded", became=ended.result)


class PictureTelemetry:
    """The telemetry of `on_picture`."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def ended(self, ref: ImageRef, result: str) -> None:
        """Log and count a picture that was normalized or failed."""
        self._logger.info("picture ended", bucket=ref.bucket, key=ref.key, became=result)
        _count("PicturesEnded", became=result)

    def broke(self, ref: ImageRef, error: Exception) -> None:
        """Log an unexpected error while normalizing. Lambda counts such errors itself."""
        self._logger.error("picture broke", extra={"bucket": ref.bucket, "key": ref.key, **_described(error)})


def _seconds(trouble: Unavailable) -> float | None:
    """The wait in seconds, rounded for people."""
    return None if trouble.retry_after is None else round(trouble.retry_after, 1)


def _described(error: BaseException) -> dict[str, object]:
    """An error without other people's words."""
    return {
        "error": type(error).__name__,
        "said": str(error) if _is_in_our_words(error) else None,
        "where": traceback.format_tb(error.__traceback__)[-4:],
    }


def _is_in_our_words(error: BaseException) -> bool:
    """Whether the text is our own. Foreign errors may quote anything; refusals and trouble quote the provider."""
    return isinstance(error, Fault) or (isinstance(error, Unavailable) and error.cause in ("aws", "held"))


def _count(name: str, **dimensions: str) -> None:
    _write(name, 1, MetricUnit.Count, **dimensions)


def _write(name: str, value: float, unit: MetricUnit, **dimensions: str) -> None:
    """Write the metric. Its namespace is the stack's; powertools adds the service as a dimension."""
    metric = SingleMetric(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Darkroom"))
    metric.add_metric(name=name, unit=unit, value=value)
    for dimension, text in dimensions.items():
        metric.add_dimension(name=dimension, value=text)
    sys.stdout.write(json.dumps(metric.serialize_metric_set()) + "\n")
