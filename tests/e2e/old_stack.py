"""The stack of the release before this one: `old_work` reads its table, and takes permissions and settings from it."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer

from local.stack import aws
from tests.e2e.provider import Mood, Provider
from tests.e2e.road import Doors

Item = Mapping[str, Any]
Settings = Mapping[str, str]


@dataclass(frozen=True)
class Old(Doors):
    """The old stack.

    `moods` maps a word to the provider's mood for calls with that word in their instruction. `beside` runs long tasks.
    """

    api: Provider
    beside: ThreadPoolExecutor
    moods: dict[str, Callable[[], Mood]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api.mood = lambda words: next((mood() for word, mood in self.moods.items() if word in words), Mood())

    def ask(self, thread: str, **more: Any) -> str:
        """Send request `r` of a thread. Its instruction is the thread's name, unless `more` has another."""
        return self.send(thread, {"instruction": thread, "request_id": "r", **more})

    def items(self) -> list[Item]:
        """Return the whole table."""
        pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.env["THREADS_TABLE"], ConsistentRead=True
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def item(self, partition: str, sort_key: str) -> Item:
        """Return an item of the table, empty if it does not exist."""
        found = self.stack.aws.dynamodb.get_item(
            TableName=self.stack.env["THREADS_TABLE"],
            Key={"thread_id": {"S": partition}, "sk": {"S": sort_key}},
            ConsistentRead=True,
        )
        return _plain(found.get("Item", {}))

    def request(self, thread: str) -> Item:
        """Return the ledger's entry of request `r`."""
        return self.item(thread, "REQUEST#r")

    def strike_five_times(self, thread: str) -> bool:
        """Make a waiting request look as if five attempts had broken. Return whether it was waiting."""
        dynamodb = self.stack.aws.dynamodb
        try:
            dynamodb.update_item(
                TableName=self.stack.env["THREADS_TABLE"],
                Key={"thread_id": {"S": thread}, "sk": {"S": "REQUEST#r"}},
                UpdateExpression="SET strikes = :five",
                ConditionExpression="#owner = :nobody AND deferrals > :none",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":five": {"N": "5"}, ":nobody": {"S": ""}, ":none": {"N": "0"}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def count_calls(self, day: str, calls: int) -> None:
        """Make a day look as if so many calls had been started."""
        self.stack.aws.dynamodb.update_item(
            TableName=self.stack.env["THREADS_TABLE"],
            Key={"thread_id": {"S": "/calls"}, "sk": {"S": day}},
            UpdateExpression="SET calls = :calls",
            ExpressionAttributeValues={":calls": {"N": str(calls)}},
        )

    def is_spooled(self, thread: str) -> bool:
        """Return whether the spool has the answer to the first call of request `r`."""
        key = f"{sha256(f'{len(thread)}:{thread}/r'.encode()).hexdigest()}/1"
        listed = self.stack.aws.s3.list_objects_v2(Bucket=self.stack.env["SPOOL_BUCKET"], Prefix=key)
        return listed["KeyCount"] == 1

    @contextmanager
    def without_writes_to(self, *keys: str) -> Iterator[None]:
        """Deny every role the permission to write these keys of the results bucket."""
        bucket = self.stack.env["RESULTS_BUCKET"]
        arns = [f"arn:aws:s3:::{bucket}/{key}" for key in keys]
        policy = _denying(["s3:PutObject"], arns, Principal="*")
        self.stack.aws.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        yield
        self.stack.aws.s3.delete_bucket_policy(Bucket=bucket)

    def forbid_table_writes(self) -> None:
        """Deny `on_request` the permission to write to the table."""
        policy = _denying(["dynamodb:UpdateItem", "dynamodb:PutItem"], ["*"])
        self._iam().put_role_policy(RoleName=self._role(), PolicyName="no-writes", PolicyDocument=policy)

    def allow_table_writes(self) -> None:
        self._iam().delete_role_policy(RoleName=self._role(), PolicyName="no-writes")

    @contextmanager
    def that_cannot_start(self) -> Iterator[None]:
        """Take a setting from both functions, and make their queues give up after two deliveries."""
        functions, queues = self._functions_and_queues()
        settings = {name: self._settings(name) for name in functions}
        patience = {url: self._patience(url) for url in queues}
        for url, usual in patience.items():
            redrive = json.dumps({**json.loads(usual["RedrivePolicy"]), "maxReceiveCount": 2})
            self._set(url, {"RedrivePolicy": redrive, "VisibilityTimeout": "1"})
        self._configure({name: {**usual, "THREADS_TABLE": ""} for name, usual in settings.items()})
        yield
        self._configure(settings)
        for url, usual in patience.items():
            self._set(url, usual)

    def _functions_and_queues(self) -> tuple[list[str], list[str]]:
        env = self.stack.env
        uploads = self.stack.aws.sqs.get_queue_url(QueueName="darkroom-upload-events")["QueueUrl"]
        return [env["ON_UPLOAD_FUNCTION"], env["ON_REQUEST_FUNCTION"]], [env["REQUESTS_QUEUE_URL"], uploads]

    def _settings(self, function: str) -> Settings:
        found = self.stack.aws.functions.get_function_configuration(FunctionName=function)
        return found["Environment"]["Variables"]

    def _configure(self, settings: Mapping[str, Settings]) -> None:
        """Give each function its settings, and wait until it has them."""
        functions = self.stack.aws.functions
        for name, variables in settings.items():
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        for name in settings:
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def _patience(self, queue: str) -> Any:
        found = self.stack.aws.sqs.get_queue_attributes(
            QueueUrl=queue, AttributeNames=["RedrivePolicy", "VisibilityTimeout"]
        )
        return found["Attributes"]

    def _set(self, queue: str, attributes: Any) -> None:
        self.stack.aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)

    def _role(self) -> str:
        found = self.stack.aws.cloudformation.describe_stack_resource(
            StackName="darkroom", LogicalResourceId="OnRequestRole"
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def _iam(self) -> Any:
        return boto3.client(
            "iam", endpoint_url=self.stack.env["AWS_ENDPOINT_URL"], region_name=aws.REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip


def _plain(item: Mapping[str, Any]) -> Item:
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def _denying(actions: list[str], resources: list[str], **more: str) -> str:
    statement = {"Effect": "Deny", "Action": actions, "Resource": resources, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
