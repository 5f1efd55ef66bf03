"""Where `on_request` is put together, once per environment: it alone knows the concrete classes that it works with."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from darkroom import clients, message
from darkroom.answer import Answering, Terms
from darkroom.aws import translated
from darkroom.batch import Batch
from darkroom.breaker import DynamoBreaker
from darkroom.developer import LambdaDeveloper
from darkroom.errors import Fault, Unavailable
from darkroom.fetch import Fetcher
from darkroom.image_api import ImageApi
from darkroom.inbox import Inbox, Outbox
from darkroom.journal import RequestJournal
from darkroom.ledger import DynamoLedger
from darkroom.objects import S3Objects
from darkroom.outcome import Outcome
from darkroom.payment import Till
from darkroom.publication import Publication
from darkroom.renditions import Renditions
from darkroom.settings import RequestSettings, request_settings

KEY_SECONDS = 300  # how long the API key is believed


def request_batch(event: Mapping[str, Any], remaining_ms: Callable[[], int]) -> Batch[Outcome]:
    """The batch of messages in an SQS event, of the requests' queue or the probes', ready to be worked on."""
    settings, queue = _settings(), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    are_probes = settings.probes_queue_url.endswith(f"/{queue}")
    return Batch(
        [message.from_record(record, is_probe=are_probes) for record in event["Records"]],
        _answering(),
        Inbox(clients.sqs(), settings.probes_queue_url if are_probes else settings.requests_queue_url),
        RequestJournal(clients.logger()),
        renew=_ledger().renew,
        time_left=lambda: remaining_ms() / 1000,
    )


@cache
def _settings() -> RequestSettings:
    return request_settings(os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider(boto3_client=clients.secrets_manager())


@cache
def _ledger() -> DynamoLedger:
    settings = _settings()
    return DynamoLedger(clients.table(settings.threads_table), daily_call_limit=settings.daily_call_limit)


@cache
def _answering() -> Answering:
    settings = _settings()
    objects = S3Objects(clients.s3())
    return Answering(
        Terms(
            buckets=(settings.uploads_bucket, settings.results_bucket),
            model=settings.image_model,
            max_context_images=settings.max_context_images,
            max_turns=settings.max_turns_per_thread,
            give_up_after=settings.give_up_after_seconds,
            api_timeout=settings.image_api_timeout_seconds,
            price=settings.price_per_image,
            max_request_bytes=settings.max_request_megabytes * 1_000_000,
        ),
        Till(
            ledger=_ledger(),
            objects=objects,
            breaker=DynamoBreaker(clients.table(settings.threads_table)),
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
        Renditions(objects, LambdaDeveloper(clients.functions, settings.picture_function), settings.spool_bucket),
        Fetcher(settings.image_api_url),
        Outbox(clients.sqs(), settings.requests_dead_letter_queue_url),
        Outbox(clients.sqs(), settings.probes_queue_url),
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
