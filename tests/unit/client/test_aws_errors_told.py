"""Each error of AWS becomes a sentence with a remedy."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from darkroom.aws.errors import translate_aws_errors
from darkroom_client.errors import Denied, Gone, Trouble, Unreachable
from darkroom_client.stacks.aws_errors import SENDER, translated


def refused(code: str, message: str = "no", operation: str = "SendMessage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "kind", "way_out"),
    [
        (refused("AccessDenied"), Denied, "policy that the stack's output SenderPolicyArn names"),
        (refused("AccessDeniedException"), Denied, "SenderPolicyArn"),
        (refused("ExpiredToken"), Denied, "aws sso login"),
        (refused("NoSuchBucket"), Gone, "right stack, region and account"),
        (refused("AWS.SimpleQueueService.NonExistentQueue"), Gone, "right stack"),
        (refused("ValidationError", "Stack with id shop does not exist"), Gone, "Stack with id shop does not exist"),
        (refused("NoSuchKey", operation="GetObject"), Trouble, "It was deleted"),
        (refused("SlowDown"), Trouble, "Try again"),
        (NoCredentialsError(), Denied, "aws configure"),
        (NoRegionError(), Unreachable, "AWS_REGION"),
        (NoRegionError(), Unreachable, "For a stack on this machine: `darkroom use local`"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4955/"), Unreachable, "`make up PORT=4955` starts it"),
        (ConnectionClosedError(endpoint_url="http://localhost:4955/x"), Unreachable, "`make up PORT=4955` starts it"),
        (ProfileNotFound(profile="work"), Unreachable, "list-profiles"),
        (EndpointConnectionError(endpoint_url="http://x"), Unreachable, "is the stack up"),
    ],
)
def test_each_refusal_names_the_way_out(error: ClientError | BotoCoreError, kind: type[Trouble], way_out: str) -> None:
    with pytest.raises(kind, match=way_out) as told, translated(SENDER):
        raise error
    assert "\n" not in str(told.value)


def test_what_an_adapter_of_the_functions_has_translated_is_told_the_same() -> None:
    with pytest.raises(Denied, match="SenderPolicyArn"), translated(SENDER), translate_aws_errors():
        raise refused("AccessDenied")
    with pytest.raises(Unreachable, match="AWS cannot be reached"), translated(SENDER), translate_aws_errors():
        raise EndpointConnectionError(endpoint_url="http://x")


def test_exit_codes_tell_kinds_apart() -> None:
    assert [kind.exit_code for kind in (Trouble, Gone, Denied)] == [1, 3, 3]
