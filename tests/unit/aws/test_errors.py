"""The translation of AWS's errors: those that pass are waited for, and the others are faults."""

import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

import darkroom.aws
from darkroom.aws.errors import translate_aws_errors
from darkroom.errors import DarkroomError, Fault, Unavailable

# The adapters answer these themselves: a missing object, a write that another one overtook, a locked object.
ANSWERED = {
    "NoSuchKey", "InvalidObjectState", "ConditionalCheckFailedException", "TransactionCanceledException",
}  # fmt: skip
# AWS's documentation asks for a person's action: something is deleted, locked, too large or malformed.
FAULTS = {
    # S3
    "EncryptionTypeMismatch", "InvalidRequest", "InvalidWriteOffset", "NoSuchBucket", "TooManyParts",
    # SQS
    "InvalidAddress", "InvalidIdFormat", "InvalidMessageContents", "InvalidSecurity", "KmsAccessDenied", "KmsDisabled",
    "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired", "MessageNotInflight",
    "QueueDoesNotExist", "ReceiptHandleIsInvalid", "UnsupportedOperation",
    # DynamoDB
    "IdempotentParameterMismatchException", "ItemCollectionSizeLimitExceededException",
    # Secrets Manager
    "DecryptionFailure", "InvalidParameterException", "InvalidRequestException",
    # Lambda
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
    with pytest.raises(DarkroomError) as caught, translate_aws_errors():
        raise ClientError(response, operation)  # type: ignore[arg-type]
    return caught.value


def called() -> set[str]:
    """The operations that the adapters and Powertools' provider of secrets call, in boto3's names."""
    code = "".join(file.read_text(encoding="utf-8") for file in Path(darkroom.aws.__file__).parent.rglob("*.py"))
    return {*re.findall(r"client(?:\(\))?\.([a-z_0-9]+)\b(?!\.)", code), "get_secret_value"} - {"meta"}


def errors_of(operations: set[str]) -> dict[str, int]:
    """Every error of these operations in AWS's models, with its HTTP status. Each operation must be in a model."""
    session, found, known = botocore.session.get_session(), {}, set()
    for service in ("s3", "sqs", "dynamodb", "lambda", "secretsmanager"):
        model = session.get_service_model(service)
        for name in model.operation_names:
            if xform_name(name) in operations:
                known.add(xform_name(name))
                for shape in model.operation_model(name).error_shapes:
                    found[shape.name] = int(shape.metadata.get("error", {}).get("httpStatusCode", 400))
    assert known == operations
    return found


def test_every_error_of_every_operation_that_is_called_has_a_decision() -> None:
    errors = errors_of(called())
    faults = {code for code, status in errors.items() if isinstance(raised(code, status), Fault)}
    assert faults - ANSWERED == {code for code in FAULTS if code in errors}
    assert errors.keys() >= FAULTS
    assert FAULTS & set(IDLE) == set()


@pytest.mark.parametrize("code", IDLE)
def test_a_function_that_was_idle_for_weeks_is_waited_for(code: str) -> None:
    """Lambda makes it Inactive. The first call to it is refused, and a later one succeeds."""
    error = raised(code, 409)
    assert isinstance(error, Unavailable)
    assert error.cause == "aws"
