"""Where `on_upload` is put together, once per environment: it alone knows the concrete classes that it works with."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from darkroom import clients, message
from darkroom.arrivals import Arrivals, Taken
from darkroom.batch import Batch
from darkroom.batches import BatchEnded, Batches
from darkroom.inbox import Inbox, Outbox
from darkroom.intake import Intake
from darkroom.journal import BatchJournal, UploadJournal
from darkroom.lanes import DynamoLanes
from darkroom.ledger import DynamoLedger
from darkroom.memory import UploadMemory
from darkroom.objects import S3Objects
from darkroom.publication import Publication
from darkroom.register import DynamoRegister
from darkroom.settings import UploadSettings, upload_settings
from darkroom.tick import World


def upload_batch(event: Mapping[str, Any], remaining_ms: Callable[[], int]) -> Batch[list[Taken]] | Batch[BatchEnded]:
    """The batch of messages in an SQS event, S3's announcements or batch files, ready to be worked on."""
    settings, queue = upload_settings(os.environ), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    messages = [message.from_record(record) for record in event["Records"]]
    if settings.batches_queue_url.endswith(f"/{queue}"):
        inbox = Inbox(clients.sqs(), settings.batches_queue_url)
        return Batch(
            messages, _batches(settings), inbox, BatchJournal(clients.logger()),
            renew=_nothing, time_left=lambda: remaining_ms() / 1000,
        )  # fmt: skip
    inbox = Inbox(clients.sqs(), settings.upload_events_queue_url)
    return Batch(
        messages, Arrivals(_intake(settings)), inbox, UploadJournal(clients.logger()),
        renew=_nothing, time_left=lambda: remaining_ms() / 1000,
    )  # fmt: skip


def _nothing() -> None:
    """Uploads and batches have no claims to renew."""


@cache
def _intake(settings: UploadSettings) -> Intake:
    objects, table = S3Objects(clients.s3()), clients.table(settings.threads_table)
    return Intake(
        objects,
        UploadMemory(table),
        DynamoLanes(table, places=_places(settings), is_over=_outcomes(settings).is_over),
        Outbox(clients.sqs(), settings.requests_queue_url),
        Outbox(clients.sqs(), settings.batches_queue_url),
        Publication(objects, settings.results_bucket),
        buckets=(settings.uploads_bucket, settings.results_bucket),
        default_instruction=settings.default_instruction,
        grace=settings.pairing_grace_seconds,
    )


def _places(settings: UploadSettings) -> int:
    """How many requests of one source may be under way at once: half of the invocations are left to others."""
    return settings.maximum_concurrency // 2


@cache
def _outcomes(settings: UploadSettings) -> DynamoLedger:
    """To look at only: nothing is paid here."""
    return DynamoLedger(clients.table(settings.threads_table), daily_call_limit=0)


@cache
def _batches(settings: UploadSettings) -> Batches:
    objects, table = S3Objects(clients.s3()), clients.table(settings.threads_table)
    return Batches(
        World(
            objects=objects,
            register=DynamoRegister(table),
            outcomes=_outcomes(settings),
            requests=Outbox(clients.sqs(), settings.requests_queue_url),
            places=_places(settings),
            results_bucket=settings.results_bucket,
            buckets=(settings.uploads_bucket, settings.results_bucket),
        ),
        UploadMemory(table),
        Outbox(clients.sqs(), settings.batches_queue_url),
        Publication(objects, settings.results_bucket),
    )
