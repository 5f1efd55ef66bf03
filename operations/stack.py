"""A deployed stack as its operator reaches it: what it is called where, and clients of its services."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches import batch_file
from darkroom.batches.batch_file import BatchFile
from darkroom.domain.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


LOCAL = Path(__file__).parents[1] / ".local"
LOCAL_STACK = "darkroom"
_OF_ANOTHER_ACCOUNT = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


class Trouble(Exception):
    """Something that the person at the keyboard can put right. Its text says how."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack's outputs, its parameters and what AWS calls its resources, by their names in the template."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, str]
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"
    functions: "LambdaClient"

    def now(self) -> int:
        """Seconds since the epoch, as AWS tells them with each answer. A laptop's own clock may be anything."""
        answer = self.dynamodb.describe_table(TableName=self.outputs["ThreadsTable"])
        return int(parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp())


def on_aws(name: str) -> Stack:
    """The stack of this name, with the shell's own credentials and region."""
    session = boto3.Session()
    known = session.client("cloudformation")
    (stack,) = known.describe_stacks(StackName=name)["Stacks"]
    resources = known.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(
        {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]},
        {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]},
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        session.client("dynamodb"),
        session.client("s3"),
        session.client("sqs"),
        session.client("lambda"),
    )


def on_this_machine(port: int | None) -> Stack:
    """The stack on `port` of this machine, or the one last brought up. The process takes on its environment."""
    for name in _OF_ANOTHER_ACCOUNT:
        os.environ.pop(name, None)
    os.environ.update(_environment(LOCAL, port))
    return on_aws(LOCAL_STACK)


def newest_batch(table: Table, bucket: str, key: str) -> BatchFile:
    """The newest batch of an upload's key. Raises Trouble where there is none."""
    upload = Upload(bucket, key, "", None, "", 0, 0.0)
    seen = DynamoUploadState(table).stem(upload.home, upload.stem).seen.get(upload.extension)
    if upload.kind != "batch" or seen is None:
        raise Trouble(f"No batch file {key!r} has been uploaded. Give its key as it lies in {bucket}.")
    return batch_file.uploaded(upload, seen.generation or 0)


def _environment(homes: Path, port: int | None) -> dict[str, str]:
    """The variables that `make up` wrote, as `export NAME='value'` lines."""
    try:
        lines = (homes / str(port or "") / "env").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as missing:
        known = sorted(f"PORT={path.parent.name}" for path in homes.glob("*/env") if path.parent.name.isdigit())
        where, way_out = ("here yet", "`make up` starts one.") if port is None else (f"on port {port}", "")
        if known:
            way_out = f"There are: {', '.join(known)}."
        raise Trouble(f"There is no stack {where}. {way_out}".rstrip()) from missing
    pairs = (shlex.split(line)[1].partition("=") for line in lines)
    return {name: value for name, _, value in pairs}
