"""Translates botocore's errors into Darkroom's, after botocore's own retries."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.errors import Fault, Unavailable

_PASSING = frozenset(
    (
        "BadDigest",  # the bytes changed on their way
        "CodeArtifactUserPendingException",  # an idle function became Inactive, and Lambda makes it ready again
        "ConditionalRequestConflict",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "KmsThrottled",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ResourceConflictException",  # the same, or the function is being deployed
        "ResourceNotReadyException",
        "ServiceUnavailable",
        "SlowDown",
        "SnapStartNotReadyException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    )
)


def code_of(error: ClientError) -> str:
    """The service's name for the error."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of the error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Turn each error of botocore into Unavailable (it passes) or Fault (it does not)."""
    try:
        yield
    except ClientError as error:
        said = f"{error.operation_name}: {code_of(error) or status_of(error)}"
        if code_of(error) in _PASSING or status_of(error) >= 500:
            raise Unavailable("aws", said) from error
        raise Fault(said) from error
    except BotoCoreError as error:
        raise Unavailable("aws", type(error).__name__) from error
