"""The clients of AWS that the functions share, each built on first use, once per environment, from one session."""

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from darkroom import tls
from darkroom.aws.dynamodb.table import Table
from darkroom.domain.timing import PICTURE_SECONDS
from darkroom.worker import escaping

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Ten turns at once, each with a heartbeat's writes beside its own.
CONFIG = Config(
    max_pool_connections=25,
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent="darkroom",  # botocore would describe the machine anew with each call
    parameter_validation=False,  # AWS does it too
)
# TLS sees that no byte changes on its way. Checksums and signatures of bodies read and copy each of them once more.
S3_CONFIG = CONFIG.merge(
    Config(
        s3={"payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
)
PICTURE_CONFIG = CONFIG.merge(
    Config(read_timeout=PICTURE_SECONDS, retries={"mode": "standard", "total_max_attempts": 1})
)


@cache
def session() -> boto3.Session:
    """The one session: what it has read of the services' descriptions serves all clients."""
    tls.share_with_botocore()
    return boto3.Session()


@cache
def s3() -> "S3Client":
    """The buckets."""
    client = session().client("s3", config=S3_CONFIG)
    client.meta.events.register("before-call.s3.GetObject", _tell_checksum)
    return client


def _tell_checksum(params: dict[str, Any], **_: object) -> None:
    """Asked by its parameter for the checksum that S3 keeps, botocore would work it out again from all the bytes."""
    params["headers"]["x-amz-checksum-mode"] = "ENABLED"


@cache
def sqs() -> "SQSClient":
    """The queues."""
    return session().client("sqs", config=CONFIG)


@cache
def functions() -> "LambdaClient":
    """The functions, of which one asks another for a picture."""
    return session().client("lambda", config=PICTURE_CONFIG)


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Where the image API's key is."""
    return session().client("secretsmanager", config=CONFIG)


@cache
def table(name: str) -> Table:
    """The threads table."""
    client: DynamoDBClient = session().client("dynamodb", config=CONFIG)
    return Table(client, name)


@cache
def logger() -> Logger:
    """Where the functions' lines go. The first one names boto3's version, for the runtime brings it."""
    # Where a server's headers are malformed it would log the whole address, and what is signed in it.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    made = Logger(json_serializer=escaping.as_json)
    made.info("started", boto3=boto3.__version__)
    return made
