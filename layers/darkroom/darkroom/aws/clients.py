"""The functions' clients of AWS, each built on first use, once per environment, from one session."""

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

# Ten turns run at once, and each has a heartbeat that writes, too.
CONFIG = Config(
    max_pool_connections=25,
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent="darkroom",  # botocore would describe the machine again with each call
    parameter_validation=False,  # AWS validates anyway
)
# TLS already protects every byte. Checksums and signatures of bodies read and copy each of them once more.
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
    """The one session. Its descriptions of the services are loaded once and shared by all clients."""
    tls.share_with_botocore()
    return boto3.Session()


@cache
def s3() -> "S3Client":
    """The client for the buckets."""
    client = session().client("s3", config=S3_CONFIG)
    client.meta.events.register("before-call.s3.GetObject", _tell_checksum)
    return client


def _tell_checksum(params: dict[str, Any], **_: object) -> None:
    """Ask for the stored checksum. Asked by its own parameter, botocore would compute it again from all bytes."""
    params["headers"]["x-amz-checksum-mode"] = "ENABLED"


@cache
def sqs() -> "SQSClient":
    """The client for the queues."""
    return session().client("sqs", config=CONFIG)


@cache
def functions() -> "LambdaClient":
    """The client for Lambda: one function calls another for a picture."""
    return session().client("lambda", config=PICTURE_CONFIG)


@cache
def secrets_manager() -> "SecretsManagerClient":
    """The client for the image API's key."""
    return session().client("secretsmanager", config=CONFIG)


@cache
def table(name: str) -> Table:
    """The threads table."""
    client: DynamoDBClient = session().client("dynamodb", config=CONFIG)
    return Table(client, name)


@cache
def logger() -> Logger:
    """The functions' logger. Its first line has boto3's version, because the runtime brings boto3."""
    # For malformed headers of a server, urllib3 would log the whole address with its signature.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    made = Logger(json_serializer=escaping.as_json)
    made.info("started", boto3=boto3.__version__)
    return made
