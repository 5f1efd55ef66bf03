"""The benchmark's table gives the same answers as moto's, to the same requests in the same order."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from benchmarks.servers.table import Table

Request = tuple[str, dict[str, Any]]


def S(text: str) -> dict[str, str]:  # noqa: N802 - DynamoDB's own name
    return {"S": text}


def N(number: int) -> dict[str, str]:  # noqa: N802
    return {"N": str(number)}


KEY = {"thread_id": S("t"), "sk": S("REQUEST#1")}
CLAIM = {
    "Key": KEY,
    "UpdateExpression": "SET #owner = :owner, lease_until = :until, attempts = if_not_exists(attempts, :zero) + :one",
    "ConditionExpression": "attribute_not_exists(sk) OR (#owner = :nobody OR lease_until < :now)",
    "ExpressionAttributeNames": {"#owner": "owner"},
    "ReturnValues": "ALL_NEW",
}


def claim(owner: str, now: int) -> Request:
    values = {":owner": S(owner), ":until": N(now + 60), ":zero": N(0), ":one": N(1), ":nobody": S(""), ":now": N(now)}
    return "UpdateItem", {**CLAIM, "ExpressionAttributeValues": values}


def put(sk: str, **attributes: Any) -> Request:
    item = {"thread_id": S("t"), "sk": S(sk), **attributes}
    return "PutItem", {"Item": item, "ConditionExpression": "attribute_not_exists(sk)"}


def query(condition: str, **more: Any) -> Request:
    values = {":t": S("t"), ":from": S("TURN#00002"), ":to": S("TURN#99999"), ":prefix": S("TURN#")}
    used = {name: value for name, value in values.items() if name in condition}
    asked = {
        "KeyConditionExpression": f"thread_id = :t AND {condition}",
        "ExpressionAttributeValues": {":t": S("t"), **used},
    }
    return "Query", {**asked, **more}


def commit(turn: int) -> Request:
    head = {
        "Key": {"thread_id": S("t"), "sk": S("THREAD")},
        "UpdateExpression": "SET latest_turn = :turn, created_at = if_not_exists(created_at, :now)",
        "ConditionExpression": "latest_turn = :before OR attribute_not_exists(latest_turn)",
        "ExpressionAttributeValues": {":turn": N(turn), ":before": N(turn - 1), ":now": S(f"at {turn}")},
    }
    return "TransactWriteItems", {"TransactItems": [{"Put": put(f"TURN#{turn:05d}")[1]}, {"Update": head}]}


COUNTER = {"thread_id": S("t"), "sk": S("C")}
CHANGE = (
    "UpdateItem",
    {
        "Key": COUNTER,
        "UpdateExpression": "SET #made = :made REMOVE #waits ADD #calls :one",
        "ExpressionAttributeNames": {"#made": "made", "#waits": "waits", "#calls": "calls"},
        "ExpressionAttributeValues": {":made": S("y"), ":one": N(-1)},
        "ReturnValues": "ALL_NEW",
    },
)
COURSES = {
    "a claim, another's, and one after its lease": [
        claim("a", 10), claim("b", 20), claim("c", 90), ("GetItem", {"Key": KEY}),
    ],
    "an item that is there is not put again": [put("TURN#00001", n=N(1)), put("TURN#00001", n=N(2))],
    "a commit, the same again, one that skips a turn": [commit(1), commit(1), commit(3), commit(2)],
    "turns by prefix, and between two": [
        *(put(f"TURN#{n:05d}", n=N(n)) for n in (1, 2, 3, 4)), put("THREAD"),
        query("begins_with(sk, :prefix)"), query("sk BETWEEN :from AND :to", ScanIndexForward=False, Limit=2),
        query("sk BETWEEN :from AND :to", Limit=9),
    ],
    "removing, adding, deleting": [
        put("C", calls=N(1), waits=S("x")), CHANGE,
        ("DeleteItem", {"Key": COUNTER, "ConditionExpression": "NOT attribute_exists(waits)"}),
        ("GetItem", {"Key": COUNTER}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_the_table_does_as_motos_does(course: list[Request]) -> None:
    table = Table()
    with mock_aws():
        client: Any = boto3.client("dynamodb", region_name="us-east-1")
        keys = [{"AttributeName": "thread_id", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        types = [{"AttributeName": name, "AttributeType": "S"} for name in ("thread_id", "sk")]
        client.create_table(TableName="t", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
        for action, asked in course:
            assert told(*table.answer(action, asked)) == motos(client, action, asked)


def motos(client: Any, action: str, asked: dict[str, Any]) -> str:
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in action)[1:]
    named: dict[str, Any] = {"TableName": "t", **asked}
    if action == "TransactWriteItems":
        named = {"TransactItems": [
            {kind: {"TableName": "t", **write} for kind, write in one.items()} for one in asked["TransactItems"]
        ]}  # fmt: skip
    try:
        return told(200, getattr(client, method)(**named))
    except ClientError as error:
        return told(400, {"__type": error.response["Error"]["Code"], **error.response})


def told(status: int, document: dict[str, Any]) -> str:
    """The parts of an answer that a client uses."""
    reasons = [reason["Code"] for reason in document.get("CancellationReasons", [])]
    known = {name: document[name] for name in ("Item", "Items", "Attributes", "LastEvaluatedKey") if document.get(name)}
    kind = str(document.get("__type", "")).rpartition("#")[2]
    return json.dumps([status, kind, reasons, known], sort_keys=True)
