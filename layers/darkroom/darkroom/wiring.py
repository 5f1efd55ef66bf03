"""Where everything is put together: the one place that knows concrete classes. Built once per environment."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from darkroom import message, tls
from darkroom.answer import Answering, Terms
from darkroom.arrivals import Arrivals, Taken
from darkroom.aws import translated
from darkroom.batch import Batch
from darkroom.batches import BatchEnded, Batches
from darkroom.breaker import DynamoBreaker
from darkroom.errors import Fault, Unavailable
from darkroom.fetch import Fetcher
from darkroom.image_api import ImageApi
from darkroom.inbox import Inbox, Outbox
from darkroom.intake import Intake
from darkroom.journal import BatchJournal, RequestJournal, UploadJournal
from darkroom.lanes import DynamoLanes
from darkroom.ledger import DynamoLedger
from darkroom.memory import UploadMemory
from darkroom.objects import S3Objects
from darkroom.outcome import Outcome
from darkroom.payment import Till
from darkroom.publication import Publication
from darkroom.register import DynamoRegister
from darkroom.settings import RequestSettings, UploadSettings, request_settings, upload_settings
from darkroom.table import Table
from darkroom.tick import World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

KEY_SECONDS = 300  # how long the API key is believed
# Ten turns at once, each with a heartbeat's writes beside its own.
CONFIG = Config(
    max_pool_connections=25,
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
)


def request_batch(event: Mapping[str, Any], remaining_ms: Callable[[], int]) -> Batch[Outcome]:
    """The batch of messages in an SQS event, of the requests' queue or the probes', ready to be worked on."""
    settings, queue = _settings(), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    are_probes = settings.probes_queue_url.endswith(f"/{queue}")
    return Batch(
        [message.from_record(record, is_probe=are_probes) for record in event["Records"]],
        _answering(),
        Inbox(_sqs(), settings.probes_queue_url if are_probes else settings.requests_queue_url),
        RequestJournal(_logger()),
        renew=_ledger().renew,
        time_left=lambda: remaining_ms() / 1000,
    )


def upload_batch(event: Mapping[str, Any], remaining_ms: Callable[[], int]) -> Batch[list[Taken]] | Batch[BatchEnded]:
    """The batch of messages in an SQS event, S3's announcements or batch files, ready to be worked on."""
    settings, queue = upload_settings(os.environ), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    messages = [message.from_record(record) for record in event["Records"]]
    if settings.batches_queue_url.endswith(f"/{queue}"):
        inbox = Inbox(_sqs(), settings.batches_queue_url)
        return Batch(
            messages, _batches(settings), inbox, BatchJournal(_logger()),
            renew=_nothing, time_left=lambda: remaining_ms() / 1000,
        )  # fmt: skip
    inbox = Inbox(_sqs(), settings.upload_events_queue_url)
    return Batch(
        messages, Arrivals(_intake(settings)), inbox, UploadJournal(_logger()),
        renew=_nothing, time_left=lambda: remaining_ms() / 1000,
    )  # fmt: skip


def _nothing() -> None:
    """Uploads and batches have no claims to renew."""


@cache
def _intake(settings: UploadSettings) -> Intake:
    objects, table = S3Objects(_s3()), _table(settings.threads_table)
    return Intake(
        objects,
        UploadMemory(table),
        DynamoLanes(table, places=_places(settings), is_over=_outcomes(settings).is_over),
        Outbox(_sqs(), settings.requests_queue_url),
        Outbox(_sqs(), settings.batches_queue_url),
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
    return DynamoLedger(_table(settings.threads_table), daily_call_limit=0)


@cache
def _batches(settings: UploadSettings) -> Batches:
    objects, table = S3Objects(_s3()), _table(settings.threads_table)
    return Batches(
        World(
            objects=objects,
            register=DynamoRegister(table),
            outcomes=_outcomes(settings),
            requests=Outbox(_sqs(), settings.requests_queue_url),
            places=_places(settings),
            results_bucket=settings.results_bucket,
            buckets=(settings.uploads_bucket, settings.results_bucket),
        ),
        UploadMemory(table),
        Outbox(_sqs(), settings.batches_queue_url),
        Publication(objects, settings.results_bucket),
    )


@cache
def _settings() -> RequestSettings:
    return request_settings(os.environ)


@cache
def _logger() -> Logger:
    # Where a server's headers are malformed it would log the whole address, and what is signed in it.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return Logger()


@cache
def _session() -> boto3.Session:
    tls.share_with_botocore()
    return boto3.Session()


@cache
def _s3() -> "S3Client":
    return _session().client("s3", config=CONFIG)


@cache
def _table(name: str) -> Table:
    client: DynamoDBClient = _session().client("dynamodb", config=CONFIG)
    return Table(client, name)


@cache
def _sqs() -> "SQSClient":
    return _session().client("sqs", config=CONFIG)


@cache
def _secrets() -> SecretsProvider:
    client: SecretsManagerClient = _session().client("secretsmanager", config=CONFIG)
    return SecretsProvider(boto3_client=client)


@cache
def _ledger() -> DynamoLedger:
    settings = _settings()
    return DynamoLedger(_table(settings.threads_table), daily_call_limit=settings.daily_call_limit)


@cache
def _answering() -> Answering:
    settings = _settings()
    objects = S3Objects(_s3())
    return Answering(
        Terms(
            buckets=(settings.uploads_bucket, settings.results_bucket),
            model=settings.image_model,
            max_context_images=settings.max_context_images,
            max_turns=settings.max_turns_per_thread,
            give_up_after=settings.give_up_after_seconds,
            api_timeout=settings.image_api_timeout_seconds,
            price=settings.price_per_image,
        ),
        Till(
            ledger=_ledger(),
            objects=objects,
            breaker=DynamoBreaker(_table(settings.threads_table)),
            api=ImageApi(
                settings.image_api_url,
                _api_key,
                response_format=settings.response_format,
                style=settings.request_style,
                timeout=settings.image_api_timeout_seconds,
            ),
            spool_bucket=settings.spool_bucket,
            max_paid_calls=settings.max_paid_calls,
        ),
        Publication(objects, settings.results_bucket),
        Fetcher(settings.image_api_url),
        Outbox(_sqs(), settings.requests_dead_letter_queue_url),
        Outbox(_sqs(), settings.probes_queue_url),
    )


def _api_key(is_stale: bool) -> str:
    """The image API's key. One that is empty or may not be read is the operator's trouble: requests wait."""
    secret = _settings().image_api_key_secret_arn
    try:
        key = str(_secrets().get(secret, max_age=KEY_SECONDS, force_fetch=is_stale) or "").strip()
    except GetParameterError as error:
        raise _unreadable(error) from error
    if not key or not key.isascii() or not key.isprintable():
        raise Unavailable("credentials", "the image API's key is not set")
    return key


def _unreadable(error: GetParameterError) -> Unavailable:
    """Powertools has one error for all; but an AWS that passes is no trouble of the provider's."""
    cause = error.__context__
    if isinstance(cause, BotoCoreError | ClientError):
        with suppress(Fault), translated():
            raise cause
    return Unavailable("credentials", "the image API's key cannot be read")
