"""The deployed stack as its users see it: the plain AWS CLI, plain boto3, and the results bucket."""

import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests
from PIL import Image

from darkroom.pictures import marking
from darkroom.providers.dialect import Dialect
from darkroom.providers.dialect_table import DIALECTS
from darkroom.streaming.blob import sha256

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

Found = TypeVar("Found")
PATIENCE_SECONDS = 120.0  # on a busy machine a function takes half a minute to start
GRACE_SECONDS = 6
MOST_TURNS = 4


def eventually(look: Callable[[], Found | None], seconds: float = PATIENCE_SECONDS) -> Found:
    """The result of `look`, as soon as there is one."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s")


def group_of(thread: str) -> str:
    """The message group of a thread, as a sender computes it."""
    plain = thread.isascii() and thread.isprintable() and " " not in thread and len(thread) <= 128
    return thread if plain else hashlib.sha256(thread.encode()).hexdigest()


def photo(colour: str = "steelblue", kind: str = "JPEG") -> bytes:
    target = BytesIO()
    Image.new("RGB", (64, 48), colour).save(target, kind)
    return target.getvalue()


def made_for(stack: "Stack", image: Mapping[str, Any]) -> str:
    """The SHA-256 of a result's picture as the image API made it: without the mark that Darkroom wrote into it."""
    data = stack.aws.s3.get_object(Bucket=image["bucket"], Key=image["key"])["Body"].read()
    return sha256(marking.unmarked(data))


class Api(Protocol):
    """A stand-in for the image API that records its calls."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class Doors:
    """Everything that the outside world can do with a stack."""

    stack: "Stack"

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.stack.env["IMAGE_API_DIALECT"]]

    @property
    def other_models(self) -> tuple[str, str]:
        """Models that the stand-in knows in this dialect, and that no test has by default: for troubles."""
        if self.dialect.name == "openai":
            return "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"
        return "doubao-seedream-4-0", "qwen-image"

    def cli(self, *words: str) -> str:
        """Run the plain AWS CLI, in the environment of `.local/env`."""
        command = Path(sys.executable).with_name("aws")
        env = {**os.environ, **self.stack.env, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run([command, *words], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def upload(self, key: str, data: bytes | str, **metadata: str) -> None:
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        body = data.encode() if isinstance(data, str) else data
        self.stack.aws.s3.put_object(Bucket=self.stack.env["UPLOADS_BUCKET"], Key=key, Body=body, Metadata=named)

    def send(self, thread: str, body: Mapping[str, Any] | str, dedup: str | None = None) -> str:
        """Send a message, and return its id."""
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        sent = self.stack.aws.sqs.send_message(
            QueueUrl=self.stack.env["REQUESTS_QUEUE_URL"],
            MessageBody=text,
            MessageGroupId=group_of(thread),
            MessageDeduplicationId=dedup or uuid.uuid4().hex,
        )
        return sent["MessageId"]

    def text(self, key: str) -> str:
        """The text of an existing object of the results bucket."""
        found = self.stack.aws.s3.get_object(Bucket=self.stack.env["RESULTS_BUCKET"], Key=key)
        return found["Body"].read().decode()

    def document(self, key: str) -> dict[str, Any] | None:
        """A JSON object of the results bucket, if it exists."""
        s3 = self.stack.aws.s3
        try:
            found = s3.get_object(Bucket=self.stack.env["RESULTS_BUCKET"], Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        return dict(json.loads(found["Body"].read()))

    def keys(self, prefix: str) -> list[str]:
        listed = self.stack.aws.s3.list_objects_v2(Bucket=self.stack.env["RESULTS_BUCKET"], Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def results(self, thread: str) -> list[dict[str, Any]]:
        """Every result of a thread, in order."""
        documents = [self.document(key) for key in self.keys(f"threads/{thread}/") if key.endswith("/result.json")]
        return [document for document in documents if document]

    def turn(self, thread: str, number: int, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The result of a turn, as soon as it is there."""
        return eventually(lambda: next((r for r in self.results(thread) if r["turn"] == number), None), seconds)

    def refusal(self, message_id: str) -> dict[str, Any]:
        """The outcome for the sender of a message that took no turn."""
        return eventually(lambda: self.document(f"rejected/messages/{message_id}/result.json"))

    def rejected_upload(self, key: str) -> dict[str, Any]:
        """The outcome for the uploader of an object that became no request."""
        prefix = f"rejected/uploads/{key}/"
        return eventually(lambda: next((self.document(found) for found in self.keys(prefix)), None))

    def left(self) -> dict[str, int]:
        """The number of messages in each queue that has any, waiting or in flight, with dead letters."""
        urls = self.stack.aws.sqs.list_queues()["QueueUrls"]
        held = {url.rpartition("/")[2]: self._messages(url) for url in urls}
        return {name: messages for name, messages in held.items() if messages}

    def _messages(self, url: str) -> int:
        attributes = self.stack.aws.sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))


@dataclass(frozen=True)
class Road(Doors):
    """A stack, and the stand-in that it calls."""

    api: Api

    def calls(self, words: str) -> list[dict[str, Any]]:
        """The image API's calls with these words in them."""
        with requests.Session() as session:
            session.trust_env = False
            received = session.get(f"{self.api.url}/_stand-in/calls", timeout=10).json()
        return [call for call in received if words in json.dumps(call, ensure_ascii=False)]


def words_of(call: Mapping[str, Any]) -> str:
    """The last words of a call that the stand-in lists, in any dialect."""
    return [part["text"] for part in _parts(call) if "text" in part][-1] if _parts(call) else str(call["prompt"])


def pictures_of(call: Mapping[str, Any]) -> list[str]:
    """The SHA-256 of each picture of a call that the stand-in lists, in any dialect."""
    images = [part["image"] for part in _parts(call) if "image" in part]
    return [image["sha256"] for image in [*images, *(call.get("images") or [])]]


def _parts(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [part for content in call.get("contents") or [] for part in content["parts"]]
