"""`.local/env`: the variables with which a shell reaches the stack, as `export NAME='value'` lines."""

import os
from collections.abc import Mapping
from pathlib import Path

from darkroom_client.errors import Unreachable
from darkroom_client.stacks import checkout
from local.stack import aws, emulator
from local.stack.home import Home, Trouble, existing

_NAMES = {
    "UploadsBucket": "UPLOADS_BUCKET",
    "ResultsBucket": "RESULTS_BUCKET",
    "SpoolBucket": "SPOOL_BUCKET",
    "RequestsQueueUrl": "REQUESTS_QUEUE_URL",
    "RequestsQueueArn": "REQUESTS_QUEUE_ARN",
    "RequestsDeadLetterQueueUrl": "REQUESTS_DEAD_LETTER_QUEUE_URL",
    "UploadEventsDeadLetterQueueUrl": "UPLOAD_EVENTS_DEAD_LETTER_QUEUE_URL",
    "BatchesDeadLetterQueueUrl": "BATCHES_DEAD_LETTER_QUEUE_URL",
    "ThreadsTable": "THREADS_TABLE",
    "OnUploadFunction": "ON_UPLOAD_FUNCTION",
    "OnRequestFunction": "ON_REQUEST_FUNCTION",
    "OnPictureFunction": "ON_PICTURE_FUNCTION",
    "ImageApiKeySecretArn": "IMAGE_API_KEY_SECRET_ARN",
    "AlarmsTopicArn": "ALARMS_TOPIC_ARN",
}


def environment(home: Home, outputs: Mapping[str, str], image_api_url: str) -> dict[str, str]:
    """The variables for a stack with these outputs."""
    return {
        "AWS_ENDPOINT_URL": home.endpoint,
        **aws.CREDENTIALS,
        **{name: outputs[output] for output, name in _NAMES.items()},
        "IMAGE_API_URL": image_api_url,
        **aws.unproxied(os.environ),
    }


def write(home: Home, env: Mapping[str, str]) -> None:
    """Write the variables to the stack's own folder, and to the file of the stack that was last brought up."""
    text = "".join(f"export {name}={_quoted(value)}\n" for name, value in env.items())
    for path in (home.folder / "env", home.homes / "env"):
        path.write_text(text, encoding="utf-8")


def read(homes: Path, port: int | None = None) -> dict[str, str]:
    """The variables of the stack on `port`, or of the one last brought up."""
    try:
        return checkout.variables(homes, port)
    except Unreachable as missing:
        where = "here yet" if port is None else f"on port {port}"
        raise Trouble(f"There is no stack {where}. {elsewhere(homes)}") from missing


def elsewhere(homes: Path) -> str:
    """The stacks that do run, for a message about one that does not."""
    running = [f"PORT={home.port}" for home in existing(homes) if emulator.running(home)]
    return f"These run: {', '.join(running)}." if running else "`make up` starts one."


def path(homes: Path, port: int | None) -> Path:
    return homes / "env" if port is None else homes / str(port) / "env"


def port_of(env: Mapping[str, str]) -> int:
    return int(env["AWS_ENDPOINT_URL"].rpartition(":")[2])


def _quoted(value: str) -> str:
    escaped = value.replace("'", "'\"'\"'")
    return f"'{escaped}'"
