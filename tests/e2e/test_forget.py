"""Erasing on a stack. Then a search through all its bytes looks for the thread's words and pictures."""

import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import pytest

from darkroom.pictures import marking
from tests.e2e import leaks, operating
from tests.e2e.conftest import Stack
from tests.e2e.road import Road, eventually, photo
from tests.e2e.test_redrive import die

pytestmark = pytest.mark.slow

THREAD, OTHER = "erased/mug", "kept/cup"
WORD = "zinnober"
BATCH = "erased-lines.jsonl"
PHOTOS = [photo("rebeccapurple"), photo("mediumvioletred", "TIFF"), photo("darkolivegreen")]
SHARED = photo("papayawhip")
OWN_KEY, SHARED_KEY = ".stock/own.tif", ".stock/shared.jpg"  # in a hidden folder, so they do not wait for words


class Erased(NamedTuple):
    """The operator's output, and the things to look for: the thread's words, pictures and their hashes."""

    said: list[str]
    forms: list[bytes]


@pytest.fixture(scope="module")
def erased(road: Road) -> Erased:
    """A thread with every kind of request, erased."""
    road.upload(f"{THREAD}.jpg", PHOTOS[2])
    road.upload(f"{THREAD}.jpg", PHOTOS[0], instruction=f"{WORD} metadata")
    road.turn(THREAD, 1)
    road.upload(f"{THREAD}.txt", f"{WORD} text")
    road.turn(THREAD, 2)
    road.upload(OWN_KEY, PHOTOS[1])
    road.upload(SHARED_KEY, SHARED)
    ask = asked(road)
    road.send(THREAD, ask)
    road.turn(THREAD, 3)
    road.send(OTHER, {"instruction": "a cup", "images": ask["images"][1:]})
    road.turn(OTHER, 1)
    die(road.stack, THREAD, ask)
    road.refusal(road.send(THREAD, {"instruction": f"{WORD} fault", "thread_id": THREAD, "model": 7}))
    road.upload(f"{THREAD}.pdf", f"{WORD} paper")
    road.rejected_upload(f"{THREAD}.pdf")
    road.refusal(road.send(THREAD, ask | {"instruction": f"{WORD} other", "thread_id": THREAD}))
    line = {"custom_id": "a", "instruction": f"{WORD} line", "thread_id": THREAD}
    road.upload(BATCH, json.dumps(line))
    eventually(lambda: road.document(f"batches/{BATCH}.manifest.json"))
    made = [image["sha256"] for result in road.results(THREAD) for image in result["images"]]
    results = [road.stack.aws.s3.get_object(Bucket=road.stack.env["RESULTS_BUCKET"], Key=key)["Body"].read()
               for key in road.keys(f"threads/{THREAD}/") if "/image" in key]  # fmt: skip
    unmarked = [marking.unmarked(picture)[:] for picture in results]
    assert len(made) == len(results) == 4
    forms = [WORD.encode(), *map(str.encode, made), *chain.from_iterable(map(_forms, [*PHOTOS, *results, *unmarked]))]
    assert len(_where(road.stack, forms)) > 20, "they are found while they are there"
    return Erased(operating.run(road.stack, "forget", THREAD, "--yes"), forms)


def asked(road: Road) -> dict[str, Any]:
    """The body of the thread's message. Its first picture is its own, the second is shared with another thread."""
    images = [f"s3://{road.stack.env['UPLOADS_BUCKET']}/{key}" for key in (OWN_KEY, SHARED_KEY)]
    return {"instruction": f"{WORD} message", "request_id": "r", "images": images, "metadata": {"order": WORD}}


def _forms(picture: bytes) -> list[bytes]:
    """A picture as it is, in Base64, and by its hash."""
    digest = hashlib.sha256(picture)
    return [picture, base64.b64encode(picture), digest.hexdigest().encode(), base64.b64encode(digest.digest())]


def _where(stack: Stack, forms: list[bytes]) -> set[str]:
    """The places where one of these is found."""
    return {place for place, data in _everything(stack) if any(form in data for form in forms)}


def _everything(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Every version of every object, every item, every message, every log line."""
    aws, env = stack.aws, stack.env
    for bucket in (env["UPLOADS_BUCKET"], env["RESULTS_BUCKET"], env["SPOOL_BUCKET"]):
        for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", []):
                found = aws.s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
                yield f"s3://{bucket}/{each['Key']}", found["Body"].read() + json.dumps(found["Metadata"]).encode()
    for items in aws.dynamodb.get_paginator("scan").paginate(TableName=env["THREADS_TABLE"]):
        for item in items["Items"]:
            yield f"{item['thread_id']['S']} {item['sk']['S']}", json.dumps(item, ensure_ascii=False).encode()
    for url in aws.sqs.list_queues()["QueueUrls"]:
        received = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        for message in received.get("Messages", []):
            yield url.rpartition("/")[2], message["Body"].encode()
    for line in leaks._lines(stack):
        yield "a log", line.encode()


def test_nothing_is_found_but_what_the_receipt_lists(road: Road, erased: Erased) -> None:
    uploads, results = road.stack.env["UPLOADS_BUCKET"], road.stack.env["RESULTS_BUCKET"]
    kept = {line.removeprefix("kept    ").partition(": ")[0] for line in erased.said if line.startswith("kept ")}
    assert kept == {
        f"s3://{uploads}/{SHARED_KEY}", f"s3://{uploads}/{BATCH}", f"s3://{results}/batches/{BATCH}.out",
    }  # fmt: skip
    assert "- messages and dead letters" in "\n".join(erased.said)
    left = _where(road.stack, erased.forms)
    assert {place for place in left if "dead" not in place} <= kept, left
    assert f"s3://{uploads}/{BATCH}" in left
    assert road.results(OTHER)[0]["status"] == "succeeded"


def test_its_dead_letter_is_over_and_its_message_is_told_that_it_is_forgotten(road: Road, erased: Erased) -> None:
    calls = len(road.calls(WORD))
    again = operating.run(road.stack, "redrive")
    assert f"is over     r of {THREAD}: forgotten" in again
    told = road.refusal(road.send(THREAD, asked(road)))
    assert (told["error"]["code"], told["instruction"]) == ("forgotten", None)
    assert len(road.calls(WORD)) == calls
    left = _where(road.stack, erased.forms)
    assert {place for place in left if "rejected/" in place or "dead" in place} == set()


@pytest.mark.usefixtures("erased")
def test_the_thread_begins_anew(road: Road) -> None:
    road.upload(f"{THREAD}.jpg", SHARED, instruction="from scratch")
    turn = road.turn(THREAD, 1)
    assert (turn["status"], turn["instruction"]) == ("succeeded", "from scratch")
