"""The scenes of uploads: photos and texts, folders, files of requests, batches, and uploads that are refused.

Each scene begins with an empty table. All names are fixed, and with them the keys that follow from them.
"""

import json

import boto3

from darkroom_client.operating import backfill
from tests.contract.conftest import event
from tests.contract.interface.events import aged
from tests.contract.interface.message_scenes import ODD
from tests.contract.interface.responses import INKS, PNG
from tests.contract.interface.stage import GONE, Stage
from tests.fakes.stack import deployed

LATE = 200  # Seconds: longer than a photo and its text may be apart.
DAY = 86_400
LONG_KEY = "photos/" + "夜" * 300 + ".pdf"
REQUEST = {
    "thread_id": ODD, "request_id": "file-1", "instruction": "把景色换成夜色下雪的场景", "parent_turn": 0,
    "images": ["../photos/cat.png"], "model": "gemini-3.1-flash-image", "options": {"size": "1:1"},
    "metadata": {"order": "4711"},
}  # fmt: skip
LINES = [
    {"custom_id": "a", "instruction": "night", "images": ["../photos/cat.png"]},
    {"custom_id": "b", "instruction": "night", "thread_id": ODD},
    {"custom_id": "b", "instruction": "another", "thread_id": ODD},
    {"custom_id": "c", "instruction": "night", "colour": "red"},
    {"instruction": "night"},
]


def photos(stage: Stage) -> None:
    """A photo with its words, text and photo, another thread in metadata; a follow-up, and a late announcement."""
    stage.upload("photos/dog.png", PNG, instruction="night")
    stage.upload("photos/second.txt", b"rain")
    stage.upload("photos/second.png", PNG)
    stage.upload("photos/named.png", PNG, instruction="night", thread_id="named/thread")
    stage.deliver()
    stage.upload("photos/dog.txt", b"now in snow")
    stage.announce("photos/dog.txt", "e", 1, age=LATE)


def photos_with_versions(stage: Stage) -> None:
    """Photo and text, and a photo that has to be converted."""
    stage.upload("versioned/pair.png", PNG, versioned=True)
    stage.upload("versioned/pair.txt", b"snow", versioned=True)
    stage.upload("versioned/inks.jpg", INKS, versioned=True, instruction="night")


def texts(stage: Stage) -> None:
    """A text without a photo; two photos that wait in a thread's folder, and a text that uses both."""
    stage.upload("dreams/dream.txt", b"a castle", age=LATE)
    stage.upload("threads/trip/a.png", PNG)
    stage.upload("threads/trip/b.png", PNG)
    stage.upload("threads/trip/1.txt", b"a postcard")


def another_spelling(stage: Stage) -> None:
    """A photo, and a text with a similar name."""
    stage.upload("spelled/mug.png", PNG)
    stage.upload("spelled/mug.png.txt", b"rain")


def lane(stage: Stage) -> None:
    """A folder's words for two photos. Only one of them may be on its way at a time."""
    stage.upload("shop/_instruction.txt", b"on white")
    with stage.where(MAXIMUM_CONCURRENCY="2"):
        stage.upload("shop/a.png", PNG)
        stage.upload("shop/b.png", PNG)
    stage.deliver()
    with stage.where(MAXIMUM_CONCURRENCY="3"):  # Half of it is one, too. The change makes a new worker of the function.
        stage.upload("shop/b.png", PNG)


def queues_that_are_gone(stage: Stage) -> None:
    """A request and a batch that are decided and cannot be sent yet."""
    with stage.where(REQUESTS_QUEUE_URL=GONE, BATCHES_QUEUE_URL=GONE):
        stage.upload("unsent/dog.png", PNG, instruction="night")
        stage.upload("unsent/one.jsonl", json.dumps(LINES[0]).encode())


def request_files(stage: Stage) -> None:
    """A file with every field, one with few, one with a fault."""
    stage.upload("orders/one.json", json.dumps(REQUEST).encode())
    stage.upload("orders/two.json", b'{"instruction": "a castle"}')
    stage.upload("orders/faulty.json", b'{"colour": "red"}')


def batch(stage: Stage) -> None:
    """The batch breaks before its first line is sent, goes on, sends itself anew when it is old, and ends."""
    stage.upload("sale/spring.jsonl", "\n".join(map(json.dumps, LINES)).encode())
    (begun,) = stage.take("batches.fifo")
    with stage.where(REQUESTS_QUEUE_URL=GONE):
        stage.arrival(begun)
    stage.arrival(begun)
    stage.arrival(aged(begun, 2 * DAY, "old-message"))
    stage.deliver()
    stage.arrival(begun)


def refused_uploads(stage: Stage) -> None:
    """A photo without words, one without bytes, a file that is no photo, a long key, an empty text, an empty batch."""
    stage.upload("photos/alone.png", PNG, age=LATE)
    stage.upload("photos/empty.png", b"", age=LATE)
    stage.upload("photos/report.pdf", b"no picture")
    stage.upload(LONG_KEY, b"no picture")
    stage.upload("photos/blank.txt", b" ")
    stage.upload("versioned/blank.jsonl", b"\n\n", versioned=True)
    for refused in stage.take("batches.fifo"):
        stage.arrival(refused)


def table(stage: Stage) -> None:
    """A batch from a spreadsheet: an id that cannot be a request's id, and a row with a fault."""
    stage.upload("sale/autumn.csv", b"custom_id;instruction;options.size\nSKU 12/3;night;1:1\n;;\nd;;\n")
    (begun,) = stage.take("batches.fifo")
    stage.arrival(begun)
    stage.deliver()
    stage.arrival(begun)


def uploads_that_are_none(stage: Stage) -> None:
    """A folder, a missing object, an announcement that cannot be read."""
    stage.upload("photos/", b"")
    stage.announce("photos/gone.png", "e", 1)
    unreadable = event("upload")
    unreadable["Records"][0]["body"] = "no JSON"
    stage.arrival(unreadable)


def operators_batch(stage: Stage) -> None:
    """A backfill, which uploads a batch file."""
    stage.put("stock/a.png", PNG)
    stage.put("stock/b.png", PNG)
    outputs = {"UploadsBucket": "uploads", "ResultsBucket": "results", "ThreadsTable": "threads"}
    functions = boto3.client("lambda")
    stack = deployed(outputs, {}, {}, stage.dynamodb, stage.s3, stage.sqs, functions)
    backfill.work(stack, "stock/", "on white", most=10, agrees=lambda: True, say=lambda _: None)


UPLOAD_SCENES = (
    photos, photos_with_versions, texts, another_spelling, lane, queues_that_are_gone, request_files, batch,
    refused_uploads, table, uploads_that_are_none, operators_batch,
)  # fmt: skip
