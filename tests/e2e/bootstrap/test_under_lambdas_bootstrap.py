"""The three functions under Lambda's own bootstrap: started from their folders and the built layer, invoked again and
again in one process, frozen and thawed in between.

The services are the local stack's. The queues belong to the tests, and the stack's functions do not read them.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from darkroom.domain.timing import BEAT_SECONDS
from local.stack import aws
from tests.e2e.bootstrap import wire
from tests.e2e.bootstrap.process import Function, folder_of, started
from tests.e2e.bootstrap.wire import Wire
from tests.e2e.conftest import BringUp, Stack
from tests.e2e.road import photo

pytestmark = pytest.mark.slow

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:3"
NEXT_TRACE = TRACE.replace(":3", ":4").replace("5759e988", "5759e999")
FUNCTIONS = ("on_upload", "on_request", "on_picture")
Start = Callable[[str], AbstractContextManager[Function]]


@pytest.fixture(scope="module")
def stack(bring_up: BringUp) -> Stack:
    return bring_up()


@pytest.fixture
def queues(stack: Stack) -> dict[str, str]:
    """The addresses of queues that only the test reads, by the variables that name them."""
    fifo: Any = {"FifoQueue": "true", "VisibilityTimeout": "900"}
    create, own = stack.aws.sqs.create_queue, uuid.uuid4().hex
    return {
        "REQUESTS_QUEUE_URL": create(QueueName=f"{own}.fifo", Attributes=fifo)["QueueUrl"],
        "PROBES_QUEUE_URL": create(QueueName=f"{own}-probes.fifo", Attributes=fifo)["QueueUrl"],
        "UPLOAD_EVENTS_QUEUE_URL": create(QueueName=own)["QueueUrl"],
    }


@pytest.fixture
def line(stack: Stack) -> Iterator[Wire]:
    with wire.to_emulator(stack.port) as to_emulator:
        yield to_emulator


@pytest.fixture
def start(stack: Stack, queues: dict[str, str], line: Wire, tmp_path: Path) -> Start:
    """Start the process of a function, with its variables from the template."""
    (layer,) = stack.home.build.glob("DarkroomLayer/python")

    def begin(name: str) -> AbstractContextManager[Function]:
        function = stack.env[f"{name.upper()}_FUNCTION"]
        given = stack.aws.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        own = {key: url for key, url in queues.items() if key in given}
        return started(folder_of(name), layer, {**given, **own, "AWS_ENDPOINT_URL": line.url}, tmp_path)

    return begin


def requested(stack: Stack, url: str, body: str, dedup: str) -> dict[str, Any]:
    """An event with a message that really is in a queue, and in flight."""
    stack.aws.sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=f"bootstrap/{dedup}", MessageDeduplicationId=dedup
    )
    found = stack.aws.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    return {"Records": [record(message, url) for message in found]}


def record(message: Any, url: str) -> dict[str, Any]:
    names = {"MessageId": "messageId", "Body": "body", "ReceiptHandle": "receiptHandle", "Attributes": "attributes"}
    return {
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{aws.REGION}:000000000000:{url.rpartition('/')[2]}",
        **{name: message[key] for key, name in names.items()},
    }


def uploaded(stack: Stack, url: str, key: str) -> dict[str, Any]:
    """An event with S3's announcement of a photo with an instruction. The stack's own function gets no such event."""
    bucket = stack.env["RESULTS_BUCKET"]
    put = stack.aws.s3.put_object(Bucket=bucket, Key=key, Body=photo(), Metadata={"instruction": "make it night"})
    told = {
        "eventVersion": "2.1", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-22T12:00:00.000Z",
        "s3": {
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 99, "eTag": put["ETag"].strip('"'), "sequencer": "0055AED6DCD90281E5"},
        },
    }  # fmt: skip
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(time.time() * 1000))}
    body = json.dumps({"Records": [told]})
    return {
        "Records": [record({"MessageId": key, "Body": body, "ReceiptHandle": "none", "Attributes": attributes}, url)]
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_from_its_folder_and_the_layer_and_an_error_ends_its_invocation_alone(
    name: str, start: Start, stack: Stack
) -> None:
    with start(name) as function:
        threads = function.threads_when_idle()
        for _ in range(2):
            ended = function.api.invoke({"Records": [{}]})
            assert ended.how == "error", ended
            assert ended.document["errorType"] == "KeyError"
            layer = str(stack.home.build / "DarkroomLayer/python/darkroom/")
            assert any(layer in frame for frame in ended.document["stackTrace"]), "it runs what the layer ships"
            assert function.threads_when_idle() == threads


def test_a_function_that_cannot_be_imported_says_so_before_any_invocation(
    stack: Stack, line: Wire, tmp_path: Path
) -> None:
    """This happens if the layer lacks a dependency."""
    empty = tmp_path / "python"
    empty.mkdir()
    with started(folder_of("on_request"), empty, {"AWS_ENDPOINT_URL": line.url}, tmp_path) as function:
        ended = function.api.said.get(timeout=60)
    assert (ended.how, ended.document["errorType"]) == ("init/error", "Runtime.ImportModuleError")
    assert "No module named 'darkroom'" in ended.document["errorMessage"]


def test_what_an_invocation_sends_carries_its_own_trace_and_lineage(
    start: Start, stack: Stack, line: Wire, queues: dict[str, str]
) -> None:
    with start("on_upload") as function:
        for number, trace in enumerate((TRACE, NEXT_TRACE)):
            event = uploaded(stack, queues["UPLOAD_EVENTS_QUEUE_URL"], f"bootstrap/{number}.jpg")
            ended = function.api.invoke(event, trace=trace)
            assert (ended.how, ended.document) == ("response", {"batchItemFailures": []}), function.log.read_text()
        sent = line.of("SendMessage")
        assert [each.headers["X-Amzn-Trace-Id"] for each in sent] == [TRACE, NEXT_TRACE]
        assert {json.loads(each.body)["QueueUrl"] for each in sent} == {queues["REQUESTS_QUEUE_URL"]}


def test_no_heart_beats_on_between_invocations_and_a_thawed_process_works_on(
    start: Start, stack: Stack, line: Wire, queues: dict[str, str]
) -> None:
    url, asked = queues["REQUESTS_QUEUE_URL"], '{"instruction": "make it night", "n": "two"}'
    with start("on_request") as function:
        threads = function.threads_when_idle()
        ended = function.api.invoke(requested(stack, url, asked, "first"))
        assert ended.document == {"batchItemFailures": []}, function.log.read_text()
        assert line.of("ChangeMessageVisibility"), "its heart has beaten"
        assert function.threads_when_idle() == threads
        before = len(line.asked)
        with function.frozen():
            time.sleep(BEAT_SECONDS + 2)
            assert line.cut() > 0, "it kept connections"
        time.sleep(1)
        assert line.asked[before:] == []
        assert function.threads_when_idle() == threads
        ended = function.api.invoke(requested(stack, url, asked, "second"))
        assert ended.document == {"batchItemFailures": []}, function.log.read_text()
    refused = [json.loads(text) for text in function.log.read_text().splitlines() if '"request ended"' in text]
    assert [each["code"] for each in refused] == ["invalid_request"] * 2


def test_a_thread_that_runs_on_would_be_seen(tmp_path: Path) -> None:
    beating = "import threading\n\ndef handler(*_):\n    threading.Thread(target=threading.Event().wait).start()\n"
    (tmp_path / "app.py").write_text(beating)
    with started(tmp_path, tmp_path, {}, tmp_path) as function:
        threads = function.threads_when_idle()
        assert function.api.invoke({}).how == "response"
        assert function.threads_when_idle() == threads + 1


def test_a_picture_is_made_fit_with_the_libraries_of_the_layer(start: Start, stack: Stack) -> None:
    bucket = stack.env["UPLOADS_BUCKET"]
    put = stack.aws.s3.put_object(Bucket=bucket, Key="bootstrap/fit.tiff", Body=photo(kind="TIFF"))
    order = {"bucket": bucket, "key": "bootstrap/fit.tiff", "version_id": put["VersionId"], "most_bytes": 100_000}
    with start("on_picture") as function:
        ended = function.api.invoke(order)
        assert ended.document == {"became": "developed", "message": ""}, function.log.read_text()
        gone = function.api.invoke({**order, "key": "bootstrap/gone.tiff", "version_id": None})
    assert gone.document["became"] == "waits"
