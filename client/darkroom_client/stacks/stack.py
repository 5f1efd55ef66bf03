"""A deployed stack: what it is called where, and clients of its services."""

import os
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from darkroom_client.errors import Denied, Gone, Unreachable
from darkroom_client.stacks import checkout, connection
from darkroom_client.stacks.aws_errors import OPERATOR, SENDER, translated
from darkroom_client.stacks.connection import Connection, Service
from darkroom_client.stacks.outputs_cache import OutputsCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

Answer = TypeVar("Answer")


class Description(Protocol):
    """A stack's outputs, its parameters and what AWS calls its resources, by their names in the template."""

    @property
    def outputs(self) -> Mapping[str, str]: ...

    @property
    def parameters(self) -> Mapping[str, str]: ...

    @property
    def resources(self) -> Mapping[str, str]: ...

    def reads_anew(self) -> bool:
        """Whether the outputs may have been old, and are other ones now that they were read again."""
        ...


class Known(NamedTuple):
    """What is known without asking anybody."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, str]

    def reads_anew(self) -> bool:
        return False


class _Outputs(dict[str, str]):
    """Outputs by their names. One that is missing is looked for once more: an earlier release may not have had it."""

    def __init__(self, outputs: Mapping[str, str], stack: "Deployed") -> None:
        super().__init__(outputs)
        self._stack = stack

    def __missing__(self, name: str) -> str:
        if self._stack.reads_anew() and name in self._stack.outputs:
            return self._stack.outputs[name]
        raise Unreachable(f"The stack {self._stack.name} has no output {name}.", "Is it one of Darkroom, and complete?")


class Deployed:
    """What CloudFormation says. The outputs are remembered where there is a cache."""

    def __init__(self, name: str, reached: Connection, cache: OutputsCache | None = None) -> None:
        self.name = name
        self._reached = reached
        self._cache = cache
        self._is_remembered = False
        self._outputs: _Outputs | None = None

    @property
    def outputs(self) -> Mapping[str, str]:
        if self._outputs is None and (known := self._cache and self._cache.read()):
            self._outputs, self._is_remembered = _Outputs(known, self), True
        return self._read() if self._outputs is None else self._outputs

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self._stack().get("Parameters", [])}

    @cached_property
    def resources(self) -> Mapping[str, str]:
        with translated(OPERATOR):
            found = self._reached.client("cloudformation").describe_stack_resources(StackName=self.name)
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResources"]}

    def reads_anew(self) -> bool:
        if not self._is_remembered:
            return False
        before, self._is_remembered = self._outputs, False
        return self._read() != before

    def _read(self) -> Mapping[str, str]:
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self._stack().get("Outputs", [])}
        self._outputs = _Outputs(outputs, self)
        if self._cache:
            self._cache.write(outputs)
        return self._outputs

    def _stack(self) -> Any:
        with translated(SENDER):
            (found,) = self._reached.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return found


class Stack:
    """A stack as its users and its operator reach it."""

    def __init__(self, description: Description, client: Callable[[Any], Any]) -> None:
        self._description = description
        self._client = client

    @property
    def outputs(self) -> Mapping[str, str]:
        return self._description.outputs

    @property
    def parameters(self) -> Mapping[str, str]:
        return self._description.parameters

    @property
    def resources(self) -> Mapping[str, str]:
        return self._description.resources

    @property
    def dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @property
    def s3(self) -> "S3Client":
        client: S3Client = self._client("s3")
        return client

    @property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self._client("sqs")
        return client

    @property
    def functions(self) -> "LambdaClient":
        client: LambdaClient = self._client("lambda")
        return client

    def client(self, service: Service) -> Any:
        """The client of another service, of which only its operator has need."""
        return self._client(service)

    def now(self) -> int:
        """Seconds since the epoch, as AWS tells them with each answer. A laptop's own clock may be anything."""
        answer = self.dynamodb.describe_table(TableName=self.outputs["ThreadsTable"])
        return int(parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp())

    def fresh_outputs(self) -> Mapping[str, str]:
        """The outputs as they are now. Raises Unreachable."""
        if self._description.outputs:
            self._description.reads_anew()
        return self._description.outputs

    def up_to_date(self, ask: Callable[[], Answer]) -> Answer:
        """The answer; asked once more where it shows that the outputs were those of an earlier stack or account.

        Only what may be asked twice is asked so.
        """
        try:
            return ask()
        except (Denied, Gone):
            if not self._description.reads_anew():
                raise
            return ask()


def on_aws(name: str, *, region: str | None = None, profile: str | None = None) -> Stack:
    """The stack of this name, with the caller's own credentials."""
    reached = connection.on_aws(region, profile)
    cache = OutputsCache(name, reached.region, profile, os.environ.get("AWS_ENDPOINT_URL"))
    return Stack(Deployed(name, reached, cache), reached.client)


def on_this_machine(repository: Path, port: int | None = None) -> Stack:
    """The stack on `port` of this machine, or the one last brought up in this checkout."""
    return by_variables(checkout.variables(repository / ".local", port))


def by_variables(env: Mapping[str, str]) -> Stack:
    """The stack on this machine whose variables these are, as `.local/env` has them. It is asked each time."""
    reached = connection.on_this_machine(env)
    return Stack(Deployed(checkout.STACK, reached), reached.client)
