"""AWS for the local stack. It never reaches a real account, whatever the shell is set up for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from darkroom_client.stacks import connection

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    # Empty, so that a real session's token in the same shell is not sent.
    "AWS_SESSION_TOKEN": "",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OWN_ADDRESS = "127.0.0.1,localhost"


def unproxied(env: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to `env`, so that its proxy is not used for this machine's own address."""
    if not any(env.get(name) or env.get(name.lower()) for name in _PROXIES):
        return {}
    return {
        name: ",".join(filter(None, (env.get(name, "").removesuffix("," + _OWN_ADDRESS), _OWN_ADDRESS)))
        for name in ("NO_PROXY", "no_proxy")
    }


def environment(endpoint: str) -> dict[str, str]:
    """This process's environment, with everything about AWS replaced by the local stack's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    return {
        **kept,
        **unproxied(kept),
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True, slots=True)
class Clients:
    """A client of each service in the stack."""

    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    functions: "LambdaClient"
    logs: "CloudWatchLogsClient"
    s3: "S3Client"
    secrets: "SecretsManagerClient"
    sqs: "SQSClient"


def clients(endpoint: str) -> Clients:
    reached = connection.on_this_machine({**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint})
    return Clients(
        cloudformation=reached.client("cloudformation"),
        dynamodb=reached.client("dynamodb"),
        functions=reached.client("lambda"),
        logs=reached.client("logs"),
        s3=reached.client("s3"),
        secrets=reached.client("secretsmanager"),
        sqs=reached.client("sqs"),
    )
