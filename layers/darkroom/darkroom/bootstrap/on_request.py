"""The wiring of `on_request`, done once per environment. Only this module knows its concrete classes."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws import clients
from darkroom.aws.dynamodb.breaker import DynamoBreaker
from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.errors import translate_aws_errors
from darkroom.aws.image_function import LambdaNormalizer
from darkroom.aws.s3 import S3Objects
from darkroom.aws.sqs import SqsQueue, SqsSender
from darkroom.bootstrap.settings import RequestSettings, read
from darkroom.domain import message
from darkroom.domain.outcome import Outcome
from darkroom.domain.request_schema import RequestRules
from darkroom.domain.timing import KEY_SECONDS
from darkroom.errors import Fault, Unavailable
from darkroom.pictures.renditions import Renditions
from darkroom.providers.client import ImageApi
from darkroom.providers.dialect import Dialect, DialectSettings
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.download import Fetcher
from darkroom.turns.call_plan import Defaults
from darkroom.turns.handler import TurnDependencies, TurnHandler, TurnPolicy
from darkroom.turns.paid_call import CallDependencies
from darkroom.turns.ports import Scout, Waker
from darkroom.turns.publisher import Publisher
from darkroom.turns.spool import Spool
from darkroom.worker.message_batch import MessageBatch
from darkroom.worker.telemetry import RequestTelemetry


def request_batch(event: Mapping[str, Any], remaining_ms: Callable[[], int]) -> MessageBatch[Outcome]:
    """The batch of messages in an SQS event, from the queue of requests or of probes."""
    settings, queue = _settings(), event["Records"][0]["eventSourceARN"].rpartition(":")[2]
    are_probes = settings.probes_queue_url.endswith(f"/{queue}")
    return MessageBatch(
        [message.from_record(record, is_probe=are_probes) for record in event["Records"]],
        _turns(),
        SqsQueue(clients.sqs(), settings.probes_queue_url if are_probes else settings.requests_queue_url),
        RequestTelemetry(clients.logger()),
        renew=_ledger().renew,
        time_left=lambda: remaining_ms() / 1000,
    )


@cache
def _settings() -> RequestSettings:
    return read(RequestSettings, os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider(boto3_client=clients.secrets_manager())


@cache
def _ledger() -> DynamoLedger:
    settings = _settings()
    return DynamoLedger(clients.table(settings.threads_table), daily_call_limit=settings.daily_call_limit)


@cache
def _turns() -> TurnHandler:
    settings = _settings()
    table = clients.table(settings.threads_table)
    objects, dialect = S3Objects(clients.s3()), DIALECTS[settings.image_api_dialect]
    normalizer = LambdaNormalizer(clients.functions, settings.picture_function)
    return TurnHandler(
        TurnPolicy(
            rules=RequestRules((settings.uploads_bucket, settings.results_bucket), dialect.options),
            defaults=Defaults(settings.image_model or dialect.model, dialect),
            max_context_images=settings.max_context_images,
            max_turns=settings.max_turns_per_thread,
            give_up_after=settings.give_up_after_seconds,
            api_timeout=settings.image_api_timeout_seconds,
            price=settings.price_per_image,
            max_request_bytes=settings.max_request_megabytes * 1_000_000,
        ),
        TurnDependencies(
            calls=_calls(objects, dialect),
            publisher=Publisher(
                objects, settings.results_bucket, Refusals(table).note, is_marking=settings.mark_results
            ),
            renditions=Renditions(objects, normalizer, settings.spool_bucket),
            fetcher=Fetcher(settings.image_api_url or dialect.url),
            dead_letters=SqsSender(clients.sqs(), settings.requests_dead_letter_queue_url),
            probes=SqsSender(clients.sqs(), settings.probes_queue_url),
            scout=_scout,
            waker=_waker,
        ),
    )


# The imports below are local: only a request that waits needs them, and a cold start should not pay for them.


@cache
def _scout() -> Scout:
    from darkroom.aws.dynamodb.scout import DynamoScout

    return DynamoScout(clients.table(_settings().threads_table))


@cache
def _waker() -> Waker:
    from darkroom.aws.waker import SqsWaker

    settings = _settings()
    return SqsWaker(clients.table(settings.threads_table), clients.sqs(), settings.requests_queue_url)


def _calls(objects: S3Objects, dialect: Dialect) -> CallDependencies:
    settings = _settings()
    return CallDependencies(
        ledger=_ledger(),
        spool=Spool(objects, settings.spool_bucket, DIALECTS),
        breaker=DynamoBreaker(clients.table(settings.threads_table)),
        api=ImageApi(
            settings.image_api_url or dialect.url,
            _api_key,
            dialect,
            DialectSettings(settings.response_format, settings.request_style),
            timeout=settings.image_api_timeout_seconds,
        ),
        max_paid_calls=settings.max_paid_calls,
    )


def _api_key(is_stale: bool) -> str:
    """The image API's key. An empty or unreadable key is the operator's trouble, so requests wait."""
    secret = _settings().image_api_key_secret_arn
    try:
        key = str(_secrets().get(secret, max_age=KEY_SECONDS, force_fetch=is_stale) or "").strip()
    except GetParameterError as error:
        raise _unreadable(error) from error
    if not key or not key.isascii() or not key.isprintable():
        raise Unavailable("credentials", "the image API's key is not set")
    return key


def _unreadable(error: GetParameterError) -> Unavailable:
    """The trouble behind powertools' only error: an outage of AWS is not the provider's trouble."""
    cause = error.__context__
    if isinstance(cause, BotoCoreError | ClientError):
        with suppress(Fault), translate_aws_errors():
            raise cause
    return Unavailable("credentials", "the image API's key cannot be read")
