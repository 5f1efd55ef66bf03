"""An operator retries turns without a picture: by judging them again for nothing, or by asking again."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from darkroom.domain.keys import spool_key
from darkroom_client.errors import Trouble
from darkroom_client.operating.retry import Retry
from darkroom_client.stacks.stack import Stack
from functions.on_request import app as on_request
from local.image_api.server import StandInServer
from tests.contract.conftest import Results
from tests.fakes.image_api import png
from tests.fakes.stack import deployed
from tests.invocation import CONTEXT

QUEUE = "requests.fifo"
IMAGES: dict[str, Any] = {"images": ["s3://uploads/cat.png"]}
MODEL = "gemini-3-pro-image"
OPTIONS = {"size": "1:1", "temperature": 1.0}


@dataclass
class Desk:
    """A stack, a worker for its queue, and an operator."""

    results: Results
    stack: Stack
    api: StandInServer
    said: list[str] = field(default_factory=list)
    agrees: bool = True

    def asks(self, words: str, request_id: str = "r", **more: Any) -> None:
        body = json.dumps({"instruction": words, "request_id": request_id, **more})
        self.stack.sqs.send_message(
            QueueUrl=self.results.queue_url, MessageBody=body, MessageGroupId="t", MessageDeduplicationId=body
        )
        self.works()

    def works(self) -> list[dict[str, Any]]:
        """Give the function the messages in the queue. Return their bodies."""
        sqs, queue = self.stack.sqs, self.results.queue_url
        found = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"], MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            record = {
                "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message["Attributes"], "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{QUEUE}",
            }  # fmt: skip
            assert on_request.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def judges(self, turn: int = 1) -> list[dict[str, Any]]:
        Retry(self.stack, self.said.append).judge("t", turn)
        return self.works()

    def asks_again(self, turn: int = 1) -> list[dict[str, Any]]:
        Retry(self.stack, self.said.append).ask("t", turn, lambda: self.agrees)
        return self.works()

    def becomes_readable(self, request_id: str = "r") -> None:
        """Change the raw answer as if a later release found a picture in it."""
        key = spool_key("t", request_id, 1)
        head = self.stack.s3.head_object(Bucket="spool", Key=key)["Metadata"]
        body = json.dumps({"data": [{"b64_json": b64encode(png("green")).decode()}]})
        self.stack.s3.put_object(Bucket="spool", Key=key, Body=body.encode(), Metadata=head)

    @property
    def turns(self) -> list[dict[str, Any]]:
        return sorted(self.results.under("threads/t/"), key=lambda turn: int(turn["turn"]))


@pytest.fixture
def desk(results: Results, image_api: StandInServer) -> Desk:
    results.upload("cat.png", png(size=(32, 32)))
    outputs = {
        "ThreadsTable": "threads", "UploadsBucket": "uploads", "ResultsBucket": "results",
        "RequestsQueueUrl": results.queue_url,
    }  # fmt: skip
    parameters = {"PricePerImage": "0.04 USD", "MaxPaidCalls": "2"}
    clients: Any = [boto3.client(name) for name in ("dynamodb", "s3", "sqs", "lambda")]
    return Desk(results, deployed(outputs, parameters, {}, *clients), image_api)


@pytest.mark.parametrize("fault", ["none", "text", "garbage"])
def test_a_turn_is_judged_again_for_nothing_and_once(desk: Desk, fault: str) -> None:
    desk.asks(f"a cat [fault:{fault}]", options=OPTIONS, metadata={"order": "1"}, **IMAGES)
    desk.becomes_readable()
    desk.judges()
    first, judged = desk.turns
    assert (first["status"], judged["status"]) == ("failed", "succeeded")
    assert (judged["repairs"], judged["cost"]["paid_calls"]) == (1, 0)
    for name in ("instruction", "options", "model", "sources", "metadata", "mode"):
        assert judged[name] == first[name]
    assert desk.said[0] == "sent  turn 1 of t, to be judged again. Nothing is called or paid."
    desk.said.clear()
    assert desk.judges() == []
    (said,) = desk.said
    assert said.startswith("is over  it became turn 2: s3://results/threads/t/00002-")


def test_whoever_finds_nothing_still_is_told_where_the_command_said(desk: Desk) -> None:
    desk.asks("a cat [fault:none]")
    desk.judges()
    assert len(desk.turns) == 1
    (refused,) = desk.results.under("rejected/messages/")
    assert refused["error"]["code"] == "no_image"
    assert desk.said[1].rpartition("s3://results/")[2].startswith("rejected/messages/")
    desk.becomes_readable()
    desk.judges()
    assert len(desk.turns) == 2, "SQS does not take it for the first"


@pytest.mark.parametrize(
    ("words", "turn", "said"),
    [
        ("a cat", 1, "has its pictures"),
        ("a cat [fault:refusal]", 1, "no call of it was paid"),
        ("a cat", 2, "has no turn 2"),
    ],
)
def test_where_there_is_nothing_to_judge_nothing_is_sent(desk: Desk, words: str, turn: int, said: str) -> None:
    desk.asks(words)
    with pytest.raises(Trouble, match=said):
        desk.judges(turn)
    assert desk.works() == []


def test_what_the_ledger_has_forgotten_is_not_judged(desk: Desk) -> None:
    desk.asks("a cat [fault:none]")
    key: Any = {"thread_id": {"S": "t"}, "sk": {"S": "REQUEST#r"}}
    desk.stack.dynamodb.delete_item(TableName="threads", Key=key)
    with pytest.raises(Trouble, match="over 35 days old"):
        desk.judges()


def test_it_is_judged_where_that_may_help_and_else_asked_again_by_who_agrees(desk: Desk) -> None:
    desk.asks("a cat [fault:none x1]")
    retry = Retry(desk.stack, desk.said.append)
    assert retry.work("t", 1, lambda: False).how == "judged"
    assert "--ask` asks the image API again then" in desk.said[-1]
    assert len(desk.works()) == 1
    key: Any = {"thread_id": {"S": "t"}, "sk": {"S": "REQUEST#r"}}
    desk.stack.dynamodb.delete_item(TableName="threads", Key=key)
    assert retry.work("t", 1, lambda: False).how is None
    assert desk.works() == []
    assert retry.work("t", 1, lambda: True).how == "asked"
    assert len(desk.works()) == 1


def test_the_same_is_asked_again_once_and_for_money(desk: Desk) -> None:
    desk.asks("a house", "r-0")
    full = {"options": OPTIONS, "metadata": {"order": "1"}, "model": MODEL, "parent_turn": 0, **IMAGES}
    desk.asks("a cat [fault:none x1]", **full)
    (sent,) = desk.asks_again(2)
    assert (sent["instruction"], sent["options"], sent["model"]) == ("a cat [fault:none x1]", OPTIONS, MODEL)
    _, old, new = desk.turns
    assert (new["status"], new["cost"]["paid_calls"], "repairs" in new) == ("succeeded", 1, False)
    for name in ("instruction", "options", "model", "sources", "metadata", "mode", "parent_turn"):
        assert new[name] == old[name]
    assert desk.said[1].startswith("At most 1 call, 0.04 USD.")
    desk.said.clear()
    assert desk.asks_again(2) == []
    assert desk.said[0].startswith("is over  it became turn 3")


def test_nothing_is_asked_where_nobody_says_yes(desk: Desk) -> None:
    desk.agrees = False
    desk.asks("a cat [fault:none]")
    assert desk.asks_again() == []
    assert desk.said[-1] == "Nothing was sent."


@pytest.mark.parametrize(
    ("more", "said"),
    [({}, "has its pictures"), ({"images": ["s3://uploads/gone.png"]}, "Its sender fixes the request")],
)
def test_what_its_sender_has_to_mend_is_not_asked_again(desk: Desk, more: dict[str, Any], said: str) -> None:
    desk.asks("a cat", **more)
    with pytest.raises(Trouble, match=said):
        desk.asks_again()


def test_a_request_whose_pictures_were_never_read_is_not_asked_again_without_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was held back until it was given up, so its turn knows no sources."""
    with monkeypatch.context() as patch:
        patch.setattr("darkroom.turns.handler.MAX_STRIKES", 0)
        desk.asks("a cat", **IMAGES)
        desk.asks("a dog", "r-2")
    assert [turn["error"]["code"] for turn in desk.turns] == ["internal_error"] * 2
    with pytest.raises(Trouble, match="its sender alone knows them"):
        desk.asks_again(1)
    desk.asks_again(2)
    assert desk.said[-1].startswith("sent  again-")
