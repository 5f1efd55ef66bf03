"""The runbook's lines do what it says of them."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkroom.aws.dynamodb.breaker import DynamoBreaker
from darkroom.aws.dynamodb.table import Table
from darkroom.errors import Unavailable
from tests.e2e import lines
from tests.e2e.conftest import BringUp, Stack, log_everything
from tests.e2e.road import Road, eventually
from tests.e2e.test_redrive import Address, redrive

pytestmark = pytest.mark.slow

BLOCKS = lines.marked("docs/runbook.md")
THREAD = "photos/cat"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("on-duty")


@pytest.fixture(scope="module")
def road(stack: Stack) -> Road:
    return Road(stack, Address(stack.env["IMAGE_API_URL"]))


def run(name: str, stack: Stack, folder: Path) -> str:
    """Run a block, after the block with the names that all of them use."""
    names, block = BLOCKS["names"], BLOCKS[name]
    return lines.run(lines.Block(block.language, names.text + block.text), stack, folder)


def test_an_operator_subscribes(stack: Stack, folder: Path, road: Road) -> None:
    run("subscribe", stack, folder)
    listed = json.loads(road.cli("sns", "list-subscriptions-by-topic", "--topic-arn", stack.env["ALARMS_TOPIC_ARN"]))
    assert "on-duty@example.com" in [each["Endpoint"] for each in listed["Subscriptions"]]


def test_what_waits_what_was_said_and_what_a_thread_has(stack: Stack, folder: Path, road: Road) -> None:
    road.send(THREAD, {"instruction": "a red cat [fault:429 x1]", "request_id": "order-1"})
    road.turn(THREAD, 1)

    queues = [line.split() for line in run("state", stack, folder).splitlines() if "QueueUrl" in line]
    assert [queue for queue, *_ in queues] == [
        "RequestsQueueUrl", "RequestsDeadLetterQueueUrl", "UploadEventsDeadLetterQueueUrl",
        "BatchesDeadLetterQueueUrl",
    ]  # fmt: skip
    assert all(number.isdigit() for _, *numbers in queues for number in numbers)

    status = run("status", stack, folder)
    assert "calls today" in status
    assert " ended on " in status

    said = eventually(lambda: run("said", stack, folder) or None)
    waiting = [json.loads(line) for line in said.splitlines() if '"request waits"' in line]
    assert "throttled" in [line["cause"] for line in waiting]

    rows = [row.split("\t") for row in run("thread", stack, folder).splitlines()]
    (request,) = [row for row in rows if row[0] == "REQUEST#order-1"]
    assert request[3:7] == ["done", "2", "1", "2"]
    assert ["TURN#00001", "succeeded"] in [row[:2] for row in rows]


def test_what_the_breakers_know(stack: Stack, folder: Path) -> None:
    table = Table(stack.aws.dynamodb, stack.env["THREADS_TABLE"])
    DynamoBreaker(table).failed(
        "a-retired-model", "a request", Unavailable("model", "it is not offered any longer"), is_first=True
    )
    rows = [row.split("\t") for row in run("trouble", stack, folder).splitlines()]
    assert ["a-retired-model", "model", "1"] in [row[:3] for row in rows]


def test_the_key_is_changed(stack: Stack, folder: Path) -> None:
    secret = stack.env["IMAGE_API_KEY_SECRET_ARN"]
    before = stack.aws.secrets.get_secret_value(SecretId=secret)
    (folder / "key.txt").write_text(before["SecretString"], encoding="utf-8")
    run("rotate", stack, folder)
    assert stack.aws.secrets.get_secret_value(SecretId=secret)["VersionId"] != before["VersionId"]


def test_a_limit_is_raised_and_nothing_else_is_changed(stack: Stack, folder: Path, road: Road) -> None:
    function = stack.env["ON_REQUEST_FUNCTION"]
    before = stack.aws.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    run("parameter", stack, folder)
    after = stack.aws.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    log_everything(stack)  # the only setting of the tests, which the deployment put back
    assert after == {**before, "DAILY_CALL_LIMIT": "500", "POWERTOOLS_LOG_LEVEL": "INFO"}

    thread = f"t-{uuid.uuid4().hex[:8]}"
    road.send(thread, {"instruction": "a cat"})
    road.turn(thread, 1)
    days = dict(row.split("\t") for row in run("budget", stack, folder).splitlines())
    assert int(days[datetime.now(UTC).date().isoformat()]) >= 1, "calls are counted from then on"


def test_a_pause_holds_requests_until_it_is_over_also_where_the_stack_is_brought_up_again(
    stack: Stack, folder: Path, road: Road, bring_up: BringUp, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = f"t-{uuid.uuid4().hex[:8]}"
    for _ in range(2):
        said = run("pause", stack, folder).splitlines()
        assert sorted(said[:2]) == ["paused   ProbesQueue", "paused   RequestsQueue"]
    assert "SQS deletes each 14 days after it was sent." in said[-1]
    road.send(thread, {"instruction": f"a cat {thread}"})
    capsys.readouterr()
    bring_up(port=stack.port)
    assert f"darkroom resume --stack local:{stack.port}\n" in capsys.readouterr().out

    states = [line.split("\t")[:2] for line in run("mappings", stack, folder).splitlines()]
    assert {arn.rpartition(":darkroom-")[2]: state for arn, state in states} == {
        "upload-events": "Enabled", "batches.fifo": "Enabled", "requests.fifo": "Disabled", "probes.fifo": "Disabled",
    }  # fmt: skip
    assert road.results(thread) == road.calls(thread) == []

    assert sorted(run("resume", stack, folder).splitlines()) == ["resumed  ProbesQueue", "resumed  RequestsQueue"]
    assert road.turn(thread, 1)["status"] == "succeeded"
    assert len(road.calls(thread)) == 1


def test_dead_letters_are_looked_at_and_stay_where_they_are(stack: Stack, folder: Path) -> None:
    sent = stack.aws.sqs.send_message(
        QueueUrl=stack.env["REQUESTS_DEAD_LETTER_QUEUE_URL"],
        MessageBody='{"instruction": "a cat"}',
        MessageGroupId="shop/cat",
        MessageDeduplicationId=uuid.uuid4().hex,
    )
    for _ in range(2):
        assert run("dead", stack, folder).split("\t")[:2] == [sent["MessageId"], "shop/cat"]
    redrive(stack)


def test_every_block_is_marked_and_every_marked_block_is_run_here() -> None:
    assert BLOCKS.keys() - {"names"} == set(re.findall(r'run\("(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    assert lines.unmarked("docs/runbook.md") == []
