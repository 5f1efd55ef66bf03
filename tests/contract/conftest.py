"""moto as the second opinion: the template's resources, created through the services, and the functions on them."""

import functools
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from moto import mock_aws

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table, Write
from darkroom_client.room import Darkroom
from local.image_api import StandInServer, running
from local.stack.aws import CREDENTIALS
from local.stack.parameters import read_template
from tests.contract import localstack
from tests.contract.studio import NOON, Studio
from tests.fakes.stack import deployed
from tests.invocation import forget_what_was_built

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
EVENTS = Path(__file__).parents[2] / "events"
# Each session of boto3 reads the descriptions of AWS's services, megabytes of JSON. Those of the tests share a reader.
_READER = functools.cache(botocore.session.create_loader)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(botocore.session, "create_loader", _READER)
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def localstack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with localstack.running(tmp_path_factory.mktemp("localstack")) as url:
        yield url


@pytest.fixture
def on_localstack(monkeypatch: pytest.MonkeyPatch, localstack_url: str) -> Iterator[None]:
    """New clients go to LocalStack, the third opinion. A test leaves nothing in it."""
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": localstack_url}.items():
        monkeypatch.setenv(name, value)
    forget_what_was_built()
    yield
    forget_what_was_built()
    localstack.emptied()


@pytest.fixture
def dynamodb(aws: None) -> "DynamoDBClient":
    return boto3.client("dynamodb")


@pytest.fixture
def s3(aws: None) -> "S3Client":
    return boto3.client("s3")


@pytest.fixture
def sqs(aws: None) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def functions(aws: None) -> "LambdaClient":
    return boto3.client("lambda")


@pytest.fixture
def threads_table(dynamodb: "DynamoDBClient", template: dict[str, Any]) -> str:
    """The table of the template, with its own keys."""
    properties = template["Resources"]["ThreadsTable"]["Properties"]
    dynamodb.create_table(
        TableName="threads",
        KeySchema=properties["KeySchema"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
        BillingMode=properties["BillingMode"],
    )
    return "threads"


class _Echoing(Table):
    def updated(self, write: Write) -> dict[str, Any]:
        super().updated(write)
        return super().updated(write)

    def write(self, write: Write) -> None:
        super().write(write)
        super().write(write)

    def transact(self, *writes: Write) -> None:
        super().transact(*writes)
        super().transact(*writes)


@pytest.fixture
def echoing_table(dynamodb: "DynamoDBClient", threads_table: str) -> Table:
    """A table whose writes all reach DynamoDB twice, as if an answer was lost and botocore tried again."""
    return _Echoing(dynamodb, threads_table)


@pytest.fixture
def buckets(s3: "S3Client") -> tuple[str, str, str]:
    return made_buckets(s3)


def made_buckets(s3: "S3Client") -> tuple[str, str, str]:
    """Uploads (versioned, as in the template), results and spool."""
    names = ("uploads", "results", "spool")
    for name in names:
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    return names


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.fixture
def image_api() -> Iterator[StandInServer]:
    with running(StandInServer()) as server:
        yield server


@pytest.fixture
def results(
    monkeypatch: pytest.MonkeyPatch, buckets: tuple[str, str, str], threads_table: str, image_api: StandInServer
) -> "Iterator[Results]":
    """The functions' environment, and their output."""
    uploads, bucket, spool = buckets
    sqs, secrets = boto3.client("sqs"), boto3.client("secretsmanager")
    fifo: Mapping[QueueAttributeNameType, str] = {"FifoQueue": "true"}
    environment = {
        "UPLOADS_BUCKET": uploads,
        "RESULTS_BUCKET": bucket,
        "SPOOL_BUCKET": spool,
        "THREADS_TABLE": threads_table,
        "REQUESTS_QUEUE_URL": sqs.create_queue(QueueName="requests.fifo", Attributes=fifo)["QueueUrl"],
        "REQUESTS_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"],
        "PROBES_QUEUE_URL": sqs.create_queue(QueueName="probes.fifo", Attributes=fifo)["QueueUrl"],
        "BATCHES_QUEUE_URL": sqs.create_queue(QueueName="batches.fifo", Attributes=fifo)["QueueUrl"],
        "UPLOAD_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="uploads")["QueueUrl"],
        "PICTURE_FUNCTION": "on-picture",
        "IMAGE_API_KEY_SECRET_ARN": secrets.create_secret(Name="key", SecretString=image_api.key)["ARN"],
        "IMAGE_API_DIALECT": "nebula",
        "IMAGE_API_URL": image_api.url,
        "IMAGE_MODEL": "gemini-3.1-flash-image",
        "IMAGE_API_TIMEOUT_SECONDS": "300",
        "RESPONSE_FORMAT": "url",
        "REQUEST_STYLE": "contents",
        "MAX_CONTEXT_IMAGES": "3",
        "MARK_RESULTS": "true",
        "MAX_REQUEST_MEGABYTES": "20",
        "MAX_PAID_CALLS": "2",
        "DAILY_CALL_LIMIT": "0",
        "MAX_TURNS_PER_THREAD": "200",
        "GIVE_UP_AFTER_SECONDS": "86400",
        "PAIRING_GRACE_SECONDS": "120",
        "KEEP_FOLDERS_APART": "false",
        "MAXIMUM_CONCURRENCY": "10",
        # A logger keeps the output that it was created with, so each test has a name of its own.
        "POWERTOOLS_SERVICE_NAME": uuid.uuid4().hex,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_what_was_built()
    yield Results(boto3.client("s3"), bucket, environment["REQUESTS_QUEUE_URL"])
    forget_what_was_built()


class Results:
    """The results and the messages of the functions."""

    def __init__(self, s3: "S3Client", bucket: str, queue_url: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.queue_url = queue_url

    def under(self, prefix: str) -> list[dict[str, Any]]:
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix).get("Contents", [])
        keys = [item["Key"] for item in listed if item["Key"].endswith("/result.json")]
        return [json.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()) for key in keys]

    def requests(self) -> list[dict[str, Any]]:
        sqs = boto3.client("sqs")
        found = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    def upload(self, key: str, data: bytes, **metadata: str) -> None:
        self._s3.put_object(Bucket="uploads", Key=key, Body=data, Metadata=metadata)


@pytest.fixture
def studio(
    dynamodb: "DynamoDBClient", s3: "S3Client", sqs: "SQSClient", functions: "LambdaClient", threads_table: str,
    buckets: tuple[str, str, str],
) -> Studio:  # fmt: skip
    outputs = {
        "UploadsBucket": "uploads",
        "ResultsBucket": "results",
        "ThreadsTable": threads_table,
        "RequestsQueueUrl": sqs.create_queue(QueueName="r.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
    }
    stack, slept = deployed(outputs, {}, {}, dynamodb, s3, sqs, functions), list[float]()
    ledger = DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=0, clock=lambda: NOON)
    return Studio(Darkroom(stack, clock=lambda: sum(slept), sleep=slept.append), stack, ledger, slept)
