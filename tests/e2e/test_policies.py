"""The policies for people and services: they need every permission in them, and have no more.

For each policy, a role with only that policy does everything that the documents say it is for. Then it is judged like
the roles of the functions.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.table import Table
from darkroom.batches.batch_file import BatchFile
from darkroom.domain import keys
from darkroom.domain.request import Request
from darkroom.errors import Unavailable
from darkroom.turns.ports import Claim, Wait
from darkroom_client.command import COMMANDS
from local.stack import aws, deploy
from tests.e2e import lines, operating, permissions
from tests.e2e.conftest import Stack
from tests.e2e.lines import Block
from tests.e2e.permissions import Asked, Judge, Role
from tests.e2e.road import Doors, Road, eventually, photo
from tests.e2e.test_redrive import die
from tests.figures import Figures

pytestmark = [pytest.mark.slow, pytest.mark.nebula("the guides' lines have its options")]

BLOCKS = lines.marked("docs/clients.md", "docs/guide-services.md", "docs/guide-operators.md", "docs/command.md")
TURN = json.dumps({"thread_id": {"S": "shop/mug"}, "sk": {"S": "TURN#00001"}})


@dataclass(frozen=True, slots=True)
class Person:
    """A holder of one of the policies, and the stack as this person reaches it."""

    stack: Stack
    road: Road
    folder: Path
    mark: str

    def run(self, *blocks: str) -> None:
        """Run blocks of the guides."""
        for name in blocks:
            lines.run(BLOCKS[name], self.stack, self.folder)

    def cli(self, *words: str) -> str:
        return Doors(self.stack).cli(*words)

    def client(self, service: Any) -> Any:
        env = self.stack.env
        return boto3.client(
            service, endpoint_url=env["AWS_ENDPOINT_URL"], region_name=aws.REGION,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=env["AWS_SESSION_TOKEN"],
        )  # fmt: skip


def send_and_take(person: Person) -> None:
    """Send files and messages: a conversation, a folder, and an unsupported upload."""
    person.run("upload")
    person.road.turn("shop/mug", 1)
    person.run("message", "sync", "boto3", "use", "client", "send", "reply", "threads", "show", "get")
    (person.folder / "a.pdf").write_bytes(b"no picture")
    key = f"{person.mark}/a.pdf"
    person.cli("s3", "cp", str(person.folder / "a.pdf"), f"s3://{person.stack.env['UPLOADS_BUCKET']}/{key}")
    person.road.rejected_upload(key)
    take(person)


def take(person: Person) -> None:
    """Take results and turns, listed and one by one, rejections, and the list of conversations."""
    person.run("use", "look", "back")
    lines.run(Block("sh", "darkroom threads"), person.stack, person.folder)
    person.cli("dynamodb", "get-item", "--table-name", person.stack.env["THREADS_TABLE"], "--key", TURN)
    rejected = eventually(lambda: person.road.keys("rejected/"))
    person.cli("s3", "cp", f"s3://{person.stack.env['RESULTS_BUCKET']}/{rejected[0]}", "-")


def operate(person: Person) -> None:
    """Run every operator's command, on work of every kind."""
    for operation in OPERATIONS.values():
        operation(person)


def _redrive(person: Person) -> None:
    """Redrive a request that is over, one whose outcome was not announced, one that is not over, and an upload."""
    road, root = person.road, person.road.stack
    body = {"instruction": "a cat", "request_id": "r"}
    told, untold, new = (f"{person.mark}-{name}/t" for name in ("told", "untold", "new"))
    for thread in (told, untold):
        road.send(thread, body)
        road.turn(thread, 1)
    (result,) = [key for key in road.keys(f"threads/{untold}/") if key.endswith("/result.json")]
    root.aws.s3.delete_object(Bucket=root.env["RESULTS_BUCKET"], Key=result)
    for thread in (told, untold, new):
        die(root, thread, body)
    root.aws.sqs.send_message(
        QueueUrl=root.env["UPLOAD_EVENTS_DEAD_LETTER_QUEUE_URL"], MessageBody='{"Event": "s3:TestEvent"}'
    )
    batch = BatchFile(root.env["UPLOADS_BUCKET"], f"{person.mark}-gone.jsonl", "e", "v", 1, "", f"{person.mark}-gone")
    root.aws.sqs.send_message(
        QueueUrl=root.env["BATCHES_DEAD_LETTER_QUEUE_URL"],
        MessageBody=batch.body,
        MessageGroupId=person.mark,
        MessageDeduplicationId=person.mark,
    )
    said = operating.run(person.stack, "redrive")
    assert f"sent again  batch {batch.key}" in said
    assert {f"sent again  r of {untold}", f"sent again  r of {new}"} < set(said)
    assert [line for line in said if line.startswith(f"is over     r of {told}: succeeded, ")]
    assert said[-1].endswith(", 0 left.")
    road.turn(new, 1)


def _backfill(person: Person) -> None:
    for folder in ("one", "two"):
        person.road.upload(f"{person.mark}-{folder}/a.jpg", photo(), instruction="on white")
    said = operating.run(person.stack, "backfill", "--yes", f"{person.mark}-", "by night")
    assert said[0].startswith("2 of 2 objects below")


def _cancel(person: Person) -> None:
    for words in ((person.mark,), (person.mark, "r-1")):
        operating.run(person.stack, "cancel", *words, code=1)  # there is no such thread yet


def _batch(person: Person) -> None:
    """Run one batch to its end, and stop one whose line waits for a provider in trouble."""
    for ending in ("jsonl", "csv"):
        file = person.folder / f"{person.mark}-{ending}.{ending}"
        line = (
            "custom_id,instruction\na,a quay\n"
            if ending == "csv"
            else json.dumps({"custom_id": "a", "instruction": "a quay [fault:429 x1]"})
        )
        file.write_text(line, encoding="utf-8")
        told = operating.told(person.stack, "batch", str(file))
        assert (told["succeeded"], told["failed"]) == (1, 0)
        assert operating.told(person.stack, "batch", "status", str(file))["ended"]
    slow = person.folder / f"{person.mark}-slow.jsonl"
    slow.write_text(json.dumps({"custom_id": "a", "instruction": "a quay [fault:slow]"}), encoding="utf-8")
    operating.run(person.stack, "batch", "--no-wait", str(slow))
    eventually(lambda: operating.ended(person.stack, "batch", "stop", str(slow)).returncode == 0 or None)


def _pause(person: Person) -> None:
    operating.run(person.stack, "pause")
    assert operating.told(person.stack, "status")["paused"]


def _resume(person: Person) -> None:
    operating.run(person.stack, "resume")
    assert not operating.told(person.stack, "status")["paused"]


def _wake(person: Person) -> None:
    """Wake a request that waits by the ledger. Its message is gone, which does no harm."""
    table = Table(person.road.stack.aws.dynamodb, person.road.stack.env["THREADS_TABLE"])
    ledger, asked = DynamoLedger(table, daily_call_limit=0), Request(f"{person.mark}-waits", "r", "a cat")
    claim = ledger.claim(asked, "2026-11-22T00:00:00.000Z")
    assert isinstance(claim, Claim)
    ledger.defer(claim, Unavailable("throttled", "no"), Wait(time.time() + 600, "a cat", ("gone",)))
    eventually(lambda: f"{person.mark}-waits" in "".join(operating.run(person.stack, "status")))
    assert operating.run(person.stack, "wake") != ["Requests that look again now: 0."]
    table.write(table.delete(asked.thread_id, "REQUEST#r"))


def _reindex(person: Person) -> None:
    """Reindex a turn as an earlier release left it."""
    thread = f"{person.mark}-old"
    person.road.send(thread, {"instruction": "a cat"})
    person.road.turn(thread, 1)
    table = Table(person.road.stack.aws.dynamodb, person.road.stack.env["THREADS_TABLE"])
    table.write(table.update(thread, "TURN#00001", {"listed_in": None, "listed_at": None}))
    assert operating.run(person.stack, "reindex") == ["Turns listed: 1"]


def _retry(person: Person) -> None:
    """Retry a turn whose answer has no picture."""
    thread = f"{person.mark}-none"
    person.road.send(thread, {"instruction": "a cat [fault:none x1]", "request_id": "r"})
    person.road.turn(thread, 1)
    judged, asked = (operating.run(person.stack, "retry", f"{thread}:1", *more) for more in ((), ("--ask", "--yes")))
    assert (judged[0].partition(",")[0], asked[-1].partition("-")[0]) == (f"sent  turn 1 of {thread}", "sent  again")
    person.road.turn(thread, 2)


def _forget(person: Person) -> None:
    """Erase two threads with everything that a thread may have; one of them also has a line of a batch."""
    road, root = person.road, person.road.stack
    first, second = threads = [f"{person.mark}-{name}/t" for name in ("first", "second")]
    for thread, colour in zip(threads, ("maroon", "teal"), strict=True):
        road.upload(f"{thread}.tif", photo(colour, "TIFF"), instruction="by night")
        road.turn(thread, 1)
        root.aws.s3.put_object(Bucket=root.env["SPOOL_BUCKET"], Key=_raw_answer(road, thread), Body=b"raw")
        road.upload(f"{thread}.pdf", "no picture")
        road.rejected_upload(f"{thread}.pdf")
        road.refusal(road.send(thread, {"instruction": "", "thread_id": thread}))
    key = f"{person.mark}-lines.jsonl"
    road.upload(key, json.dumps({"custom_id": "a", "instruction": "a quay", "thread_id": first}))
    eventually(lambda: road.document(f"batches/{key}.manifest.json"))
    said = [line for thread in threads for line in operating.run(person.stack, "forget", thread, "--yes")]
    assert not road.keys(f"threads/{first}/") + road.keys(f"threads/{second}/")
    for kind in ("results", "refusals", "uploads", "raw answers", "renditions", "turns"):
        assert sum(line.startswith("Erased of") and kind in line for line in said) == 2, (kind, said)
    assert f"erased  the answer to line 1 of {key}" in said


def _raw_answer(road: Road, thread: str) -> str:
    """The key of its first turn's raw answer."""
    return keys.spool_key(thread, road.turn(thread, 1)["request_id"], 1)


def _ended(person: Person) -> None:
    assert operating.run(person.stack, "ended")


def _cost(person: Person) -> None:
    assert operating.told(person.stack, "cost", "--by", "model")["images"]


def _status(person: Person) -> None:
    assert operating.told(person.stack, "status")["alarms"] == []


def _doctor(person: Person) -> None:
    told = operating.told(person.stack, "doctor")
    assert [each for each in told["checks"] if each["state"] == "unknown"] == []


OPERATIONS = {
    "ended": _ended,
    "cost": _cost,
    "wake": _wake,
    "reindex": _reindex,
    "redrive": _redrive,
    "backfill": _backfill,
    "batch": _batch,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "status": _status,
    "doctor": _doctor,
    "retry": _retry,
    "forget": _forget,
}
PEOPLE: Mapping[str, Callable[[Person], None]] = {
    "SenderPolicyArn": send_and_take, "ReaderPolicyArn": take, "OperatorPolicyArn": operate,
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(road: Road) -> Judge:
    return Judge(road.stack.env["AWS_ENDPOINT_URL"])


@pytest.fixture(scope="module")
def people(road: Road, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    outputs = deploy.outputs(road.stack.aws)
    folder, mark = tmp_path_factory.mktemp("people"), f"p{uuid.uuid4().hex[:8]}"
    (folder / "photo.jpg").write_bytes(photo())
    (folder / "toys").mkdir()
    (folder / "toys" / "car.jpg").write_bytes(photo())
    (folder / "toys" / "car.txt").write_text("now red", encoding="utf-8")
    return {name: Person(_as(road.stack, judge.employ(name, outputs[name])), road, folder, mark) for name in PEOPLE}


@pytest.fixture(scope="module")
def roles(road: Road, judge: Judge, people: dict[str, Person], figures: Figures) -> dict[str, Role]:
    """The people's roles, after each has done everything that it is for."""
    heard = permissions.listening(road.stack)
    for name, drive in PEOPLE.items():
        drive(people[name])
    for name in PEOPLE:
        figures.tell(f"{name}: {len(heard(name))} requests made, {len(set(heard(name)))} different")
    return {name: judge.role(name, heard(name)) for name in PEOPLE}


def _as(stack: Stack, role: str) -> Stack:
    """The stack as a shell with the assumed role sees it."""
    sts = boto3.client(
        "sts", endpoint_url=stack.env["AWS_ENDPOINT_URL"], region_name=aws.REGION, aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    given = sts.assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]
    own = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    return replace(stack, env={**stack.env, **own})


def test_every_command_is_driven() -> None:
    assert set(OPERATIONS) == {name for name, each in COMMANDS.items() if each.module.startswith("operating.")}


# `doctor` checks whether it may read the key, and goes on if it may not. While something waits, the commands of all
# check whether they may know of a pause.
KNOW_OF_A_PAUSE = {"cloudformation:DescribeStackResources"}
TRIED = {
    "SenderPolicyArn": KNOW_OF_A_PAUSE, "ReaderPolicyArn": KNOW_OF_A_PAUSE,
    "OperatorPolicyArn": {"secretsmanager:GetSecretValue"},
}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_whatever_was_asked_is_allowed_and_each_permission_is_needed(
    roles: dict[str, Role], judge: Judge, figures: Figures, name: str
) -> None:
    role = roles[name]
    policy = role.policy_without(None)
    refused = [asked for asked in role.asked if not judge.allows(policy, asked)]
    assert {asked.action for asked in refused} <= TRIED[name]
    granted = list(role.permissions())
    assert [permission.name for permission in granted if not judge.denied(role, permission)] == []
    assert role.too_wide() == []
    figures.tell(f"{name}: {len(granted)} permissions, all proven needed")


FORBIDDEN = [
    ("s3:DeleteObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
    ("s3:DeleteObject", "arn:aws:s3:::{RESULTS_BUCKET}/threads/a/00001-12345678/result.json"),
    ("s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/threads/a/00001-12345678/result.json"),
    ("s3:GetObject", "arn:aws:s3:::{SPOOL_BUCKET}/0/1"),
    ("s3:DeleteObject", "arn:aws:s3:::{SPOOL_BUCKET}/0/1"),
    ("s3:ListBucket", "arn:aws:s3:::{SPOOL_BUCKET}"),
    ("sqs:ReceiveMessage", "{REQUESTS_QUEUE_ARN}"),
    ("sqs:DeleteMessage", "{REQUESTS_QUEUE_ARN}"),
    ("sqs:PurgeQueue", "{REQUESTS_QUEUE_ARN}"),
    ("secretsmanager:GetSecretValue", "{IMAGE_API_KEY_SECRET_ARN}"),
    ("lambda:InvokeFunction", "{functions}:{ON_REQUEST_FUNCTION}"),
    ("lambda:UpdateFunctionConfiguration", "{functions}:{ON_REQUEST_FUNCTION}"),
    ("iam:PassRole", "arn:aws:iam::000000000000:role/darkroom"),
]
ALSO_FORBIDDEN = {
    "SenderPolicyArn": [
        ("s3:GetObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
        ("cloudformation:UpdateStack", "arn:aws:cloudformation:us-east-1:000000000000:stack/darkroom/*"),
        ("cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:000000000000:stack/other/*"),
        ("dynamodb:PutItem", "{table}"),
        ("dynamodb:UpdateItem", "{table}"),
        ("dynamodb:DeleteItem", "{table}"),
    ],
    "ReaderPolicyArn": [
        ("cloudformation:UpdateStack", "arn:aws:cloudformation:us-east-1:000000000000:stack/darkroom/*"),
        ("cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:000000000000:stack/other/*"),
        ("s3:PutObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
        ("s3:GetObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
        ("sqs:SendMessage", "{REQUESTS_QUEUE_ARN}"),
        ("dynamodb:PutItem", "{table}"),
        ("dynamodb:UpdateItem", "{table}"),
        ("dynamodb:DeleteItem", "{table}"),
    ],
    "OperatorPolicyArn": [
        ("s3:PutObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
        ("s3:GetObject", "arn:aws:s3:::{RESULTS_BUCKET}/batches/a.jsonl.out"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::{RESULTS_BUCKET}/batches/a.jsonl.out"),
        ("lambda:UpdateEventSourceMapping", "{uploads_mapping}"),
        ("lambda:DeleteEventSourceMapping", "{uploads_mapping}"),
        ("cloudformation:UpdateStack", "arn:aws:cloudformation:us-east-1:000000000000:stack/darkroom/*"),
        ("cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:000000000000:stack/other/*"),
    ],
}


@pytest.mark.parametrize("name", PEOPLE)
def test_what_nobody_needs_is_refused(roles: dict[str, Role], judge: Judge, road: Road, name: str) -> None:
    account = f"{aws.REGION}:000000000000"
    mappings = road.stack.aws.functions.list_event_source_mappings(FunctionName=road.stack.env["ON_UPLOAD_FUNCTION"])
    names = {
        **road.stack.env,
        "table": f"arn:aws:dynamodb:{account}:table/{road.stack.env['THREADS_TABLE']}",
        "functions": f"arn:aws:lambda:{account}:function",
        "uploads_mapping": mappings["EventSourceMappings"][0]["EventSourceMappingArn"],
    }
    asked = [Asked(action, where.format(**names)) for action, where in [*FORBIDDEN, *ALSO_FORBIDDEN[name]]]
    assert [each for each in asked if judge.allows_role(roles[name], each)] == []
    assert judge.allows_role(roles[name], roles[name].asked[0])


@pytest.mark.parametrize("name", ["SenderPolicyArn", "ReaderPolicyArn"])
def test_who_reads_turns_reads_nothing_of_the_stacks_own(people: dict[str, Person], name: str) -> None:
    table, thread = people[name].client("dynamodb"), people[name].stack.env["THREADS_TABLE"]
    for partition in ("/calls", "/breaker", "/uploads/shop/mug", "/cancelled/shop/mug"):
        with pytest.raises(ClientError, match="AccessDenied"):
            table.get_item(TableName=thread, Key={"thread_id": {"S": partition}, "sk": {"S": "MARK"}})
        with pytest.raises(ClientError, match="AccessDenied"):
            table.query(
                TableName=thread,
                KeyConditionExpression="thread_id = :thread",
                ExpressionAttributeValues={":thread": {"S": partition}},
            )


def test_an_operator_writes_and_removes_of_the_stacks_own_no_more_than_its_commands_do(
    people: dict[str, Person],
) -> None:
    person = people["OperatorPolicyArn"]
    table, name = person.client("dynamodb"), person.stack.env["THREADS_TABLE"]
    key = {"sk": {"S": "REQUEST#r"}}
    for partition in ("/calls", "/breaker", "/batches/a", "/cancelled/shop/mug", "/lanes/own"):
        with pytest.raises(ClientError, match="AccessDenied"):
            table.delete_item(TableName=name, Key={"thread_id": {"S": partition}, **key})
    for partition in ("/calls", "/breaker", "/batches/a"):
        with pytest.raises(ClientError, match="AccessDenied"):
            table.update_item(TableName=name, Key={"thread_id": {"S": partition}, **key})
    for partition in ("/calls", "/breaker", "/uploads/shop/mug", "/cancelled/shop/mug", "shop/mug"):
        with pytest.raises(ClientError, match="AccessDenied"):
            table.put_item(TableName=name, Item={"thread_id": {"S": partition}, **key})
