"""Translates the errors of AWS: each becomes a sentence, with a hint where one helps."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from darkroom.errors import DarkroomError
from darkroom_client.errors import Denied, Gone, NotFound, Trouble, Unreachable

SENDER, READER, OPERATOR = "SenderPolicyArn", "ReaderPolicyArn", "OperatorPolicyArn"

_DENIED = frozenset(("AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "403"))
_STRANGERS = frozenset(
    ("AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
     "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException")
)  # fmt: skip
_GONE = frozenset(("NoSuchBucket", "QueueDoesNotExist", "ResourceNotFoundException"))
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME_A_REGION = (
    "Set AWS_REGION, or name one with `darkroom use NAME --region …`. "
    "For a stack on this machine: `darkroom use local`."
)
_IS_IT_UP = "Is the network connected, and is the stack up?"
_SIGN_IN = "Sign in to AWS (`aws sso login`, `aws configure`), or name a profile."


@contextmanager
def translated(policy: str) -> Iterator[None]:
    """Raises Trouble for an error of AWS. `policy` is the stack's output with the policy that the block needs."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, policy) from error
    except BotoCoreError as error:
        raise _of_client(error) from error
    except DarkroomError as error:  # an adapter of the functions has translated it for them
        cause = error.__cause__
        if isinstance(cause, ClientError):
            raise _of_answer(cause, policy) from error
        raise (_of_client(cause) if isinstance(cause, BotoCoreError) else Trouble(f"{error}.")) from error


def _of_answer(error: ClientError, policy: str) -> Trouble:
    said = error.response.get("Error", {})
    code = said.get("Code", "").rpartition(".")[2]
    if code in _DENIED:
        way_out = f"The call needs the policy that the stack's output {policy} names." if policy else ""
        return Denied(f"AWS does not allow {error.operation_name} with these credentials.", way_out)
    if code in _STRANGERS:
        return Denied(f"AWS does not know these credentials, or they have expired ({code}).", _SIGN_IN)
    if code in ("NoSuchKey", "404"):
        return NotFound(f"{error.operation_name}: the object does not exist any more. It was deleted.")
    if code in _GONE or code == "NonExistentQueue" or "does not exist" in said.get("Message", ""):
        message = f"{error.operation_name}: {said.get('Message', code)}"
        return Gone(message, "Is it the right stack, region and account?")
    return Trouble(f"AWS refused {error.operation_name}: {code} {said.get('Message', '')}.", "Try again.")


def _of_client(error: BotoCoreError) -> Unreachable:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Denied("There are no AWS credentials here.", _SIGN_IN)
    if isinstance(error, NoRegionError):
        return Unreachable("No AWS region is named.", _NAME_A_REGION)
    if isinstance(error, ProfileNotFound):
        return Unreachable(f"{error}.", "`aws configure list-profiles` lists the profiles.")
    if isinstance(error, EndpointConnectionError | ConnectionClosedError | ConnectTimeoutError):
        return _of_endpoint(error)
    return Unreachable(f"AWS cannot be reached: {error}", _IS_IT_UP)


def _of_endpoint(error: BotoCoreError) -> Unreachable:
    """The error of an endpoint. The hint for a local stack names its port."""
    url = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    if url.hostname in _LOOPBACK and url.port:
        way_out = f"Is it up? `make up PORT={url.port}` starts it."
        return Unreachable(f"The stack on port {url.port} of this machine does not answer.", way_out)
    return Unreachable(f"AWS cannot be reached: {error}", _IS_IT_UP)
