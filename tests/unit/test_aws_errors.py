"""What AWS's errors become: each that passes is waited for, and each that does not is a fault."""

import botocore.session
import pytest
from botocore.exceptions import ClientError

from darkroom.aws import translated
from darkroom.errors import DarkroomError, Fault, Unavailable

# Why Lambda does not invoke a function, by what its own documentation says of each: a person has to act.
FAULTS = {
    "CodeArtifactUserDeletedException", "CodeArtifactUserFailedException", "DurableExecutionAlreadyStartedException",
    "EFSIOException", "EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException",
    "InvalidParameterValueException", "InvalidRequestContentException", "ModeNotSupportedException",
    "NoPublishedVersionException", "RecursiveInvocationException", "RequestTooLargeException",
    "ResourceNotFoundException", "RuntimeAliasDeletedException", "RuntimeVersionDeletedException",
    "S3FilesMountConnectivityException", "S3FilesMountFailureException", "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException", "ServiceQuotaExceededException", "SnapStartException",
    "SnapStartRegenerationFailureException", "SnapStartTimeoutException", "UnsupportedMediaTypeException",
}  # fmt: skip
IDLE = ["CodeArtifactUserPendingException", "ResourceConflictException", "SnapStartNotReadyException"]


def raised(code: str, status: int, operation: str = "Invoke") -> DarkroomError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(DarkroomError) as caught, translated():
        raise ClientError(response, operation)  # type: ignore[arg-type]
    return caught.value


def test_every_error_of_invoking_a_function_has_a_decision() -> None:
    operation = botocore.session.get_session().get_service_model("lambda").operation_model("Invoke")
    statuses = {shape.name: int(shape.metadata["error"]["httpStatusCode"]) for shape in operation.error_shapes}
    faults = {code for code, status in statuses.items() if isinstance(raised(code, status), Fault)}
    assert faults <= FAULTS
    assert FAULTS & set(IDLE) == set()


@pytest.mark.parametrize("code", IDLE)
def test_a_function_that_was_idle_for_weeks_is_waited_for(code: str) -> None:
    """Lambda makes it Inactive. The first call to it is refused, and a later one goes through."""
    error = raised(code, 409)
    assert isinstance(error, Unavailable)
    assert error.cause == "aws"
