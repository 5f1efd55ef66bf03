"""A deployed stack: its outputs, parameters and resources, and the clients of its services."""

import math
import os
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from darkroom_client.errors import Denied, Gone, Invalid, Trouble, Unreachable
from darkroom_client.stacks import checkout, connection
from darkroom_client.stacks.aws_errors import OPERATOR, SENDER, translated
from darkroom_client.stacks.connection import Connection, Service
from darkroom_client.stacks.outputs_cache import OutputsCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from darkroom.providers.dialect import Dialect

Answer = TypeVar("Answer")
# The mappings that a pause disables, by their queues.
MAPPINGS = {"RequestsQueue": "OnRequestFunctionRequests", "ProbesQueue": "OnRequestFunctionProbes"}
PAUSE_KNOWN_SECONDS = 15  # until Lambda is asked again


class Description(Protocol):
    """A stack's outputs, its parameters, and the physical ids of its resources, by their names in the template."""

    @property
    def outputs(self) -> Mapping[str, str]: ...

    @property
    def parameters(self) -> Mapping[str, str]: ...

    @property
    def resources(self) -> Mapping[str, str]: ...

    def reads_anew(self) -> bool:
        """Reads remembered outputs again. Returns whether they have changed."""
        ...


class Known(NamedTuple):
    """A description that is known without a call."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    resources: Mapping[str, str]

    def reads_anew(self) -> bool:
        return False


class _Outputs(dict[str, str]):
    """Outputs by their names. If one is missing they are read again: the kept ones may be of an earlier release."""

    def __init__(self, outputs: Mapping[str, str], stack: "Deployed") -> None:
        super().__init__(outputs)
        self._stack = stack

    def __missing__(self, name: str) -> str:
        if self._stack.reads_anew() and name in self._stack.outputs:
            return self._stack.outputs[name]
        raise Unreachable(f"The stack {self._stack.name} has no output {name}.", "Is it a complete stack of Darkroom?")


class Deployed:
    """The description that CloudFormation gives. A cache, if there is one, keeps the outputs."""

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
    """A stack for its users and its operator."""

    def __init__(self, description: Description, client: Callable[[Any], Any]) -> None:
        self._description = description
        self._client = client
        self._seems_paused = False
        self._asks_again_at = 0.0

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
        """The client of another service, for the operator."""
        return self._client(service)

    @property
    def dialect(self) -> "Dialect":
        """The dialect of the stack's image API. A stack of an earlier release names none. Raises Unreachable."""
        from darkroom.domain.outcome import DEFAULT_DIALECT
        from darkroom.providers.dialect_table import DIALECTS

        name = self.outputs.get("ImageApiDialect", DEFAULT_DIALECT)
        if name not in DIALECTS:
            raise Unreachable(f"The stack speaks the dialect {name} to its image API. This release does not know it.")
        return DIALECTS[name]

    @property
    def image_model(self) -> str:
        """The model for requests that name none. Raises Unreachable."""
        return self.parameters.get("ImageModel") or self.dialect.model

    @property
    def image_api_url(self) -> str:
        """The address of the image API. Raises Unreachable."""
        return self.parameters.get("ImageApiUrl") or self.dialect.url

    def now(self) -> int:
        """Seconds since the epoch by the clock of AWS. The clock of this machine may be wrong."""
        answer = self.dynamodb.describe_table(TableName=self.outputs["ThreadsTable"])
        return int(parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp())

    def is_paused(self) -> bool:
        """Whether Lambda is kept from reading the requests or their copies. Raises Trouble."""
        with translated(OPERATOR):
            uuids = [self.resources[name] for name in MAPPINGS.values()]
            states = {self.functions.get_event_source_mapping(UUID=each)["State"] for each in uuids}
        return bool(states & {"Disabled", "Disabling"})

    def seems_paused(self) -> bool:
        """Whether it was paused some seconds ago. Only an operator may know that: for others it is False."""
        now = time.monotonic()
        if now >= self._asks_again_at:
            self._asks_again_at = now + PAUSE_KNOWN_SECONDS
            try:
                self._seems_paused = self.is_paused()
            except (Trouble, KeyError):  # or the stack is known without its resources
                self._seems_paused, self._asks_again_at = False, math.inf
        return self._seems_paused

    def fresh_outputs(self) -> Mapping[str, str]:
        """The current outputs. Raises Unreachable."""
        if self._description.outputs:
            self._description.reads_anew()
        return self._description.outputs

    def up_to_date(self, ask: Callable[[], Answer]) -> Answer:
        """The answer to `ask`. Calls it once more if it fails because the kept outputs are out of date.

        They are out of date after a change of stack, account or dialect. `ask` must be safe to repeat.
        """
        try:
            return ask()
        except (Denied, Gone, Invalid):
            if not self._description.reads_anew():
                raise
            return ask()


def on_aws(name: str, *, region: str | None = None, profile: str | None = None) -> Stack:
    """The stack of this name on AWS, with the caller's own credentials."""
    reached = connection.on_aws(region, profile)
    cache = OutputsCache(name, reached.region, profile, os.environ.get("AWS_ENDPOINT_URL"))
    return Stack(Deployed(name, reached, cache), reached.client)


def on_this_machine(repository: Path, port: int | None = None) -> Stack:
    """The stack on `port` of this machine, or the one started last in this checkout."""
    return by_variables(checkout.variables(repository / ".local", port))


def by_variables(env: Mapping[str, str]) -> Stack:
    """The stack on this machine with these variables, as `.local/env` has them. Its outputs are not cached."""
    reached = connection.on_this_machine(env)
    return Stack(Deployed(checkout.STACK, reached), reached.client)
