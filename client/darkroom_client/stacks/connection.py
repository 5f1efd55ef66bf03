"""The connection to an account: a session of boto3, and its clients, each made on first use."""

import os
import threading
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from botocore.config import Config

from darkroom_client.stacks.aws_errors import OPERATOR, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

Service = Literal[
    "cloudformation", "cloudwatch", "dynamodb", "events", "lambda", "logs", "s3", "secretsmanager", "sns", "sqs"
]  # fmt: skip

_PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4})

_SIGNED = Config(signature_version="s3v4")  # otherwise boto3 presigns addresses with the version of 2006


class Connection:
    """The clients of AWS's services. `endpoint_url` is None for AWS itself."""

    def __init__(self, session: boto3.Session, *, endpoint_url: str | None = None, config: Config = _PATIENT) -> None:
        self._session = session
        self._config = config
        self._lock = threading.Lock()
        self._clients: dict[Service, Any] = {}
        self.endpoint_url = endpoint_url

    @property
    def region(self) -> str | None:
        """The region's name, or None."""
        return self._session.region_name

    def client(self, service: Service) -> Any:
        """The client of this service."""
        with self._lock:  # a session is not thread-safe; its clients are
            if service not in self._clients:
                with translated(OPERATOR):
                    make: Any = self._session.client
                    config = self._config.merge(_SIGNED) if service == "s3" else self._config
                    self._clients[service] = make(service, endpoint_url=self.endpoint_url, config=config)
            return self._clients[service]


def on_aws(region: str | None = None, profile: str | None = None) -> Connection:
    """A connection with the caller's own credentials, as all of AWS's tools find them. Raises Unreachable."""
    with translated(OPERATOR):
        return Connection(boto3.Session(region_name=region, profile_name=profile))


def on_this_machine(env: "Mapping[str, str]") -> Connection:
    """A connection to the emulator that these variables name. The shell's settings never lead to a real account."""
    session = boto3.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
        botocore_session=_deaf_session(),
    )
    config = Config(proxies={}, retries={"total_max_attempts": 3})
    return Connection(session, endpoint_url=env["AWS_ENDPOINT_URL"], config=config)


def _deaf_session() -> botocore.session.Session:
    """A session that reads no profile, and no file that may hold one."""
    return botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
