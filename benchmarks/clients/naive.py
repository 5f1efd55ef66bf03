"""The handler that everyone writes: whole pictures in memory, one record after the other, no protocol."""

import base64
import json
import os
from typing import Any

import boto3
import requests

s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["THREADS_TABLE"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
    for record in event["Records"]:
        answer(json.loads(record["body"]))
    return {"batchItemFailures": []}


def answer(request: dict[str, Any]) -> None:
    key = {"thread_id": request["thread_id"], "sk": "NAIVE"}
    thread: dict[str, Any] = table.get_item(Key=key).get("Item", {**key, "turns": []})
    contents = [content for turn in thread["turns"] for content in history(turn)]
    parts = [{"text": request["instruction"]}, *(data_uri(uri) for uri in request["images"])]
    response = requests.post(
        f"{os.environ['IMAGE_API_URL']}/v1/images/generations",
        headers={"Authorization": f"Bearer {os.environ['IMAGE_API_KEY']}"},
        json={
            "model": os.environ["IMAGE_MODEL"],
            "response_format": "b64_json",
            "contents": [*contents, {"role": "user", "parts": parts}],
        },
        timeout=300,
    )
    response.raise_for_status()
    picture = base64.b64decode(response.json()["data"]["data"][0]["b64_json"])
    bucket = os.environ["RESULTS_BUCKET"]
    path = f"threads/{request['thread_id']}/{request['request_id']}/image.png"
    s3.put_object(Bucket=bucket, Key=path, Body=picture, ContentType="image/png")
    turn = {"instruction": request["instruction"], "images": request["images"], "result": f"s3://{bucket}/{path}"}
    table.put_item(Item={**thread, "turns": [*thread["turns"], turn]})


def history(turn: dict[str, Any]) -> list[dict[str, Any]]:
    asked = [{"text": turn["instruction"]}, *(data_uri(uri) for uri in turn["images"])]
    return [{"role": "user", "parts": asked}, {"role": "model", "parts": [data_uri(turn["result"])]}]


def data_uri(uri: str) -> dict[str, str]:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    picture = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return {"image": f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"}
