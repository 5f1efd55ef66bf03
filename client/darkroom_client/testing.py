"""A stack on this machine for the tests of a service: brought up once, emptied between tests, in trouble on request.

    @pytest.fixture(scope="session")
    def room():
        with testing.stack() as room:
            yield room

It needs a checkout of Darkroom in which `make tools` was run: that of `DARKROOM_REPO`, of the working folder, or the
one in which `darkroom use` was last said. The stack has a port and a folder of its own, and leaves the checkout's own
stacks as they are.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from darkroom_client.errors import Invalid, Unreachable
from darkroom_client.room import Darkroom
from darkroom_client.stacks import checkout, choice
from darkroom_client.stacks import stack as stacks

MAX_DELETED_AT_ONCE = 25  # items; S3 would take more
_BUCKETS = ("UPLOADS_BUCKET", "RESULTS_BUCKET", "SPOOL_BUCKET")
_FIFO = ".fifo"


class LocalDarkroom(Darkroom):
    """A stack of one's own. `environment` has the variables for a process that uses it, as `.local/env` does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(stacks.by_variables(environment))
        self.environment = dict(environment)

    def fail_next(self, fault: str, *, times: int = 1) -> None:
        """The next `times` calls of the image API fail so: `401`, `402`, `429`, `500`, `503`, `504`, `refusal`,
        `text`, `none`, `garbage`, `cut`, `hang` and others of `local/image_api/faults.py`. Raises Invalid.
        """
        self._tell_stand_in({"fault": fault, "times": times})

    def empty(self) -> None:
        """Forgets all threads, uploads, results and messages, and that anything was to fail.

        A request id may be used again at once. What is under way is lost: wait for what a test has sent.
        """
        self._tell_stand_in({"fault": None})
        self._empty_queues()
        self._empty_table()
        for name in _BUCKETS:
            self._empty_bucket(self.environment[name])

    def _tell_stand_in(self, said: Mapping[str, object]) -> None:
        url = f"{self.environment['IMAGE_API_URL']}/_stand-in/fault"
        request = urllib.request.Request(url, json.dumps(said).encode(), method="POST")  # noqa: S310 - our own http
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()
        except urllib.error.HTTPError as refused:
            with refused:
                raise Invalid(str(json.load(refused)["msg"])) from refused
        except OSError as error:
            raise Unreachable(f"The stand-in for the image API does not answer at {url}: {error}") from error

    def _empty_queues(self) -> None:
        for name, url in self.stack.resources.items():
            if not name.endswith("Queue"):
                continue
            if url.endswith(_FIFO):
                self._make_anew(url)
            else:
                self.stack.sqs.purge_queue(QueueUrl=url)

    def _make_anew(self, url: str) -> None:
        """A queue that drops repetitions remembers them for five minutes; its successor knows of none."""
        kept: Any = self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        is_counted = ("Approximate", "Created", "LastModified", "QueueArn")
        attributes = {name: value for name, value in kept.items() if not name.startswith(is_counted)}
        self.stack.sqs.delete_queue(QueueUrl=url)
        self.stack.sqs.create_queue(QueueName=url.rpartition("/")[2], Attributes=attributes)

    def _empty_table(self) -> None:
        table, dynamodb = self.environment["THREADS_TABLE"], self.stack.dynamodb
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="thread_id, sk")
        keys = [item for page in pages for item in page["Items"]]
        for first in range(0, len(keys), MAX_DELETED_AT_ONCE):
            part: Any = [{"DeleteRequest": {"Key": key}} for key in keys[first : first + MAX_DELETED_AT_ONCE]]
            dynamodb.batch_write_item(RequestItems={table: part})

    def _empty_bucket(self, bucket: str) -> None:
        for page in self.stack.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            versions: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if versions:
                self.stack.s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})


@contextmanager
def stack(*, parameters: Mapping[str, str] | None = None) -> Iterator[LocalDarkroom]:
    """Brings up a stack on a free port, in half a minute, and takes it down in the end, with all that it holds.

    `parameters` are those of the template (docs/parameters.md). Raises Unreachable where it does not come up.
    """
    repository = checkout.needed(fallback=choice.repository())
    homes = Path(tempfile.mkdtemp(prefix="darkroom-"))
    given = {
        "DARKROOM_HOMES": str(homes),
        "PORT": str(_free_port()),
        "PARAMETERS": shlex.join(f"{name}={value}" for name, value in (parameters or {}).items()),
    }
    try:
        _run(repository, "up", given)
        yield LocalDarkroom(checkout.variables(homes))
    finally:
        _run(repository, "down", given)
        shutil.rmtree(homes, ignore_errors=True)


def _run(repository: Path, verb: str, given: Mapping[str, str]) -> None:
    python = repository / ".venv" / "bin" / "python"
    if not python.exists():
        raise Unreachable(f"The tools are not installed in {repository} yet.", "`make tools` there installs them.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGE_API_", "PYTHON"))}
    command = [str(python), "-m", "local.stack", verb]
    ended = subprocess.run(  # noqa: S603 - a program of the checkout
        command, cwd=repository, env={**environment, **given}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise Unreachable(f"The stack on this machine did not go {verb}: {ended.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
