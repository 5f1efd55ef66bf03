"""From an upload to its results and back: the functions' handlers, with moto's S3 between them."""

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote

from darkroom.domain import keys
from functions.on_request import app as on_request
from functions.on_upload import app as on_upload
from tests.contract.conftest import Results, event
from tests.fakes.image_api import png
from tests.invocation import CONTEXT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PHOTO = "photos/red house + 红房子.jpg"


def origins(s3: "S3Client", prefix: str) -> dict[str, dict[str, str]]:
    listed = s3.list_objects_v2(Bucket="results", Prefix=prefix)["Contents"]
    return {item["Key"]: s3.head_object(Bucket="results", Key=item["Key"])["Metadata"] for item in listed}


def test_a_picture_leads_back_to_the_photo_that_it_was_made_of(results: Results, s3: "S3Client") -> None:
    results.upload(PHOTO, png(size=(64, 48)), instruction="night")
    on_upload.handler(event("upload"), CONTEXT)
    (asked,) = results.requests()
    message = event("request")
    message["Records"][0]["body"] = json.dumps(asked)
    message["Records"][0]["attributes"]["MessageGroupId"] = keys.message_group(asked["thread_id"])
    assert on_request.handler(message, CONTEXT) == {"batchItemFailures": []}
    found = origins(s3, "threads/")
    assert sorted(key.rpartition("/")[2] for key in found) == ["image.png", "result.json"]
    for origin in found.values():
        assert unquote(origin["source"]) == f"s3://uploads/{PHOTO}"
        assert unquote(origin["thread"]) == PHOTO.removesuffix(".jpg")
        assert origin["request"] == asked["request_id"]


def test_what_an_uploader_is_told_leads_back_to_the_upload(results: Results, s3: "S3Client") -> None:
    s3.put_object(Bucket="uploads", Key=PHOTO, Body=png(), Metadata={"thread-id": "=?utf-8?q?=FF?="})
    on_upload.handler(event("upload"), CONTEXT)
    (origin,) = origins(s3, "rejected/uploads/").values()
    assert unquote(origin["source"]) == f"s3://uploads/{PHOTO}"
    (told,) = results.under("rejected/uploads/")
    assert (told["upload"]["key"], told["error"]["param"]) == (PHOTO, "thread-id")
