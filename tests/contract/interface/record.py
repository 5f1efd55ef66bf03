"""The record of the interface: everything that others rely on, and everything that an older release leaves behind in
the stack for a newer one.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.contract.interface import declared, said, stored
from tests.contract.interface.facts import facts
from tests.contract.interface.message_scenes import MESSAGE_SCENES
from tests.contract.interface.responses import PNG
from tests.contract.interface.shapes import document_shape
from tests.contract.interface.stage import Stage
from tests.contract.interface.upload_scenes import UPLOAD_SCENES
from tests.unit.servers import Server

FILE = Path(__file__).parents[1] / "interface.json"
PLACES = {"results": "", "spool": "", "uploads": "backfill/"}  # The scenes put all other uploads there.
QUEUES = ("requests.fifo", "batches.fifo", "probes.fifo", "dead.fifo")


def play(stage: Stage) -> None:
    """Play every scene."""
    stage.put("photos/cat.png", PNG)
    with (
        Server(stage.image_api) as api,
        Server(stage.picture_function) as pictures,
        stage.where(IMAGE_API_URL=api.url, AWS_ENDPOINT_URL_LAMBDA=pictures.url),
    ):
        for scene in (*MESSAGE_SCENES, *UPLOAD_SCENES):
            scene(stage)
            stage.deliver()
            stage.clear()
    for queue in QUEUES:
        stage.take(queue)


def observed(stage: Stage, output: str) -> list[str]:
    """The facts that the stage has seen. `output` is everything that the functions printed."""
    items = stage.items.values()
    replies = {f"reply of {function}": document_shape(given) for function, given in stage.replies.items()}
    tree = {
        "kinds of items": stored.item_kinds(items),
        "items": stored.items_exactly(items),
        "objects": {bucket: stored.objects(stage.s3, bucket, prefix) for bucket, prefix in PLACES.items()},
        "documents": stored.documents(stage.s3),
        "messages": {queue: said.messages(stage.messages[queue]) for queue in QUEUES},
        "invocations": {"order of a picture": document_shape(stage.orders), **replies},
        "log lines": said.log_lines(output),
        "metrics": said.metrics(output),
        "template": declared.template(),
        "schemas": declared.schemas(),
    }
    return facts(tree)


def recorded() -> list[str]:
    """The facts as they were recorded."""
    return list(json.loads(FILE.read_text(encoding="utf-8")))


def write(found: Sequence[str]) -> None:
    """Record these facts in place of the old ones."""
    FILE.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
