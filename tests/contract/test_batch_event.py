"""A batch file through both functions' own handlers: one sends, the other answers, and the first sees the answer."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from tests.contract.conftest import Results, event
from tests.invocation import CONTEXT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORDS = "Paint the canary 金丝雀"


def delivered(queue: str) -> dict[str, Any]:
    """The event that Lambda makes of the messages in a queue."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
        }
        for message in found
    ]
    return {"Records": records}


def uploaded(key: str, data: str, s3: "S3Client") -> dict[str, Any]:
    """Upload a file. Return the event that S3 makes of it."""
    put = s3.put_object(Bucket="uploads", Key=key, Body=data.encode())
    announced = event("upload")
    (record,) = announced["Records"]
    notification = json.loads(record["body"])
    notification["Records"][0]["s3"]["object"] |= {
        "key": key, "eTag": put["ETag"].strip('"'), "versionId": put["VersionId"], "size": len(data),
    }  # fmt: skip
    return {"Records": [{**record, "body": json.dumps(notification)}]}


def test_a_batch_file_is_answered_line_by_line_and_nothing_that_it_says_is_logged(
    results: Results, s3: "S3Client", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    lines = [{"custom_id": name, "instruction": WORDS, "metadata": {"said": WORDS}} for name in "abc"]
    content = "\n".join([*map(json.dumps, lines), json.dumps({"custom_id": WORDS})])
    assert on_upload.handler(uploaded("shop/spring.jsonl", content, s3), CONTEXT) == {"batchItemFailures": []}

    batch = delivered("batches.fifo")
    assert len(batch["Records"]) == 1
    left = on_upload.handler(batch, CONTEXT)["batchItemFailures"]
    assert [each["itemIdentifier"] for each in left] == [batch["Records"][0]["messageId"]]
    for record in delivered("requests.fifo")["Records"]:  # one by one: moto loses writes under threads
        assert on_request.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    assert on_upload.handler(batch, CONTEXT) == {"batchItemFailures": []}

    found = s3.get_object(Bucket="results", Key="batches/shop/spring.jsonl.out")
    answers = [json.loads(line) for line in found["Body"].read().splitlines()]
    assert found["Metadata"] == {"source": "s3://uploads/shop/spring.jsonl"}
    assert [answer["custom_id"] for answer in answers] == ["a", "b", "c", WORDS]
    assert all(answer["result"].startswith("s3://results/threads/shop/spring/") for answer in answers[:3])
    assert (answers[3]["status"], answers[3]["result"]) == ("failed", None)
    manifest = s3.get_object(Bucket="results", Key="batches/shop/spring.jsonl.manifest.json")["Body"].read()
    assert json.loads(manifest) == {"total": 4, "succeeded": 3, "failed": 1}
    said = capsys.readouterr()
    assert WORDS not in said.out + said.err
    assert json.dumps(WORDS)[1:-1] not in said.out + said.err
    assert "batch ended" in said.out
