"""The wiring of `on_upload`, done once per environment. Only this module knows its concrete classes."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from darkroom.aws import clients
from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.lanes import DynamoLanes
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.aws.s3 import S3Objects
from darkroom.aws.sqs import SqsQueue, SqsSender
from darkroom.aws.upload_events import SqsUploadEvents
from darkroom.batches.handler import BatchEnded, BatchHandler
from darkroom.batches.step import BatchDependencies
from darkroom.bootstrap.settings import UploadSettings, read
from darkroom.domain import message
from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.domain.request_schema import RequestRules
from darkroom.providers.dialect_table import DIALECTS
from darkroom.turns.publisher import Publisher
from darkroom.uploads.handler import UploadHandler
from darkroom.uploads.intake import Intake, IntakeDependencies, IntakePolicy, Taken
from darkroom.worker.message_batch import MessageBatch
from darkroom.worker.telemetry import BatchTelemetry, UploadTelemetry


def upload_batch(
    event: Mapping[str, Any], remaining_ms: Callable[[], int]
) -> MessageBatch[list[Taken]] | MessageBatch[BatchEnded]:
    """The batch of messages in an SQS event: announcements of S3, or batch files."""
    settings, name = read(UploadSettings, os.environ), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    messages = [message.from_record(record) for record in event["Records"]]
    if settings.batches_queue_url.endswith(f"/{name}"):
        queue = SqsQueue(clients.sqs(), settings.batches_queue_url)
        return MessageBatch(
            messages, _batches(settings), queue, BatchTelemetry(clients.logger()),
            renew=_nothing, time_left=lambda: remaining_ms() / 1000,
        )  # fmt: skip
    queue = SqsQueue(clients.sqs(), settings.upload_events_queue_url)
    return MessageBatch(
        messages, UploadHandler(_intake(settings)), queue, UploadTelemetry(clients.logger()),
        renew=_nothing, time_left=lambda: remaining_ms() / 1000,
    )  # fmt: skip


def _nothing() -> None:
    """Do nothing: uploads and batches have no claims to renew."""


@cache
def _intake(settings: UploadSettings) -> Intake:
    objects, table = S3Objects(clients.s3()), clients.table(settings.threads_table)
    return Intake(
        IntakePolicy(
            rules=_rules(settings),
            default_instruction=settings.default_instruction,
            grace=settings.pairing_grace_seconds,
        ),
        IntakeDependencies(
            objects=objects,
            state=DynamoUploadState(table),
            lanes=DynamoLanes(table, places=_places(settings), is_over=DynamoRequestStatus(table).is_over),
            requests=SqsSender(clients.sqs(), settings.requests_queue_url),
            batches=SqsSender(clients.sqs(), settings.batches_queue_url),
            events=SqsUploadEvents(clients.sqs(), settings.upload_events_queue_url),
            publisher=Publisher(objects, settings.results_bucket, Refusals(table).note),
        ),
    )


def _rules(settings: UploadSettings) -> RequestRules:
    buckets, options = (settings.uploads_bucket, settings.results_bucket), DIALECTS[DEFAULT_DIALECT].options
    return RequestRules(buckets, options, settings.keep_folders_apart)


def _places(settings: UploadSettings) -> int:
    """The number of one source's requests that may run at once. The other half of the invocations is for others."""
    return settings.maximum_concurrency // 2


@cache
def _batches(settings: UploadSettings) -> BatchHandler:
    objects, table = S3Objects(clients.s3()), clients.table(settings.threads_table)
    return BatchHandler(
        BatchDependencies(
            objects=objects,
            state=DynamoBatchState(table),
            outcomes=DynamoRequestStatus(table),
            requests=SqsSender(clients.sqs(), settings.requests_queue_url),
            places=_places(settings),
            results_bucket=settings.results_bucket,
            rules=_rules(settings),
        ),
        DynamoUploadState(table),
        SqsSender(clients.sqs(), settings.batches_queue_url),
        Publisher(objects, settings.results_bucket, Refusals(table).note),
    )
