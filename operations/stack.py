"""A deployed stack as its operator reaches it: what it is called where, and clients of its services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from local.stack import aws, deploy, env_file
from local.stack.home import HOMES

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack's outputs and parameters, by name, and the queue of its upload events, which is no output."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    upload_events_queue_url: str
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"


def on_aws(name: str) -> Stack:
    """The stack of this name, with the shell's own credentials and region."""
    session = boto3.Session()
    return _found(
        name, session.client("cloudformation"), session.client("dynamodb"), session.client("s3"), session.client("sqs")
    )


def on_this_machine(port: int | None) -> Stack:
    """The stack on `port` of this machine, or the one last brought up."""
    known = aws.clients(env_file.read(HOMES, port)["AWS_ENDPOINT_URL"])
    return _found(deploy.STACK, known.cloudformation, known.dynamodb, known.s3, known.sqs)


def _found(
    name: str,
    cloudformation: "CloudFormationClient",
    dynamodb: "DynamoDBClient",
    s3: "S3Client",
    sqs: "SQSClient",
) -> Stack:
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    queue = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="UploadEventsQueue")
    return Stack(
        {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]},
        {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]},
        queue["StackResourceDetail"]["PhysicalResourceId"],
        dynamodb,
        s3,
        sqs,
    )
