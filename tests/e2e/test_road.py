"""The deployed stack, driven from outside: every error code, repeated requests, kills in the middle."""

import base64
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest

from darkroom.pictures.marking import SOURCE_TYPES
from darkroom.streaming.blob import sha256
from tests.e2e.road import MOST_TURNS, Road, group_of, made_for, photo, pictures_of, words_of

OF_WORDS, OF_A_SOURCE = SOURCE_TYPES


@pytest.fixture
def thread() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def test_upload_text_and_message_by_the_plain_cli_are_one_conversation(road: Road, tmp_path: Path) -> None:
    stem = f"My photos/红房子 + {uuid.uuid4().hex[:6]}"
    jpg, txt = tmp_path / "photo.jpg", tmp_path / "next.txt"
    jpg.write_bytes(photo())
    txt.write_text("把景色换成夜色下雪的场景", encoding="utf-8")
    uploads = road.stack.env["UPLOADS_BUCKET"]
    endpoint = ("--endpoint-url", road.stack.env["AWS_ENDPOINT_URL"])

    road.cli("s3", "cp", str(jpg), f"s3://{uploads}/{stem}.jpg", "--metadata", '{"instruction": "sunset, please"}')
    first = road.turn(stem, 1)
    road.cli("s3", "cp", str(txt), f"s3://{uploads}/{stem}.txt")
    second = road.turn(stem, 2)
    road.cli(
        *endpoint, "sqs", "send-message", "--queue-url", road.stack.env["REQUESTS_QUEUE_URL"],
        "--message-group-id", group_of(stem),
        "--message-deduplication-id", uuid.uuid4().hex,
        "--message-body", f'{{"thread_id": "{stem}", "instruction": "mirror it", "parent_turn": 1}}',
    )  # fmt: skip
    third = road.turn(stem, 3)

    assert [result["status"] for result in (first, second, third)] == ["succeeded"] * 3
    assert [result["mode"] for result in (first, second, third)] == ["image_to_image", "conversation", "conversation"]
    assert [result["parent_turn"] for result in (first, second, third)] == [None, 1, 1]
    assert first["sources"][0]["key"] == f"{stem}.jpg"
    assert first["cost"] == {"paid_calls": 1, "amount": 0.039, "currency": "USD", "images": 1}
    (call,) = [call for call in road.calls("夜色下雪") if "夜色下雪" in words_of(call)]
    roles = ["user", "model", "user"] if road.dialect.history == "turns" else []
    assert [content["role"] for content in call.get("contents") or []] == roles
    item = road.stack.aws.dynamodb.get_item(
        TableName=road.stack.env["THREADS_TABLE"], Key={"thread_id": {"S": stem}, "sk": {"S": "TURN#00002"}}
    )["Item"]
    assert item["instruction"]["S"] == "把景色换成夜色下雪的场景"


def test_words_alone_are_text_to_image(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": "a castle by the sea", "metadata": {"order": "4711"}, "request_id": "r-1"})
    result = road.turn(thread, 1)
    assert (result["mode"], result["metadata"], result["request_id"]) == ("text_to_image", {"order": "4711"}, "r-1")
    (image,) = result["images"]
    head = road.stack.aws.s3.head_object(Bucket=image["bucket"], Key=image["key"], ChecksumMode="ENABLED")
    assert (head["ContentType"], head["ContentLength"]) == (image["media_type"], image["bytes"])
    assert base64.b64decode(head["ChecksumSHA256"]).hex() == image["sha256"]


def test_a_result_says_that_a_model_made_it_and_the_api_gets_it_back_as_it_was_made(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": f"a lighthouse {thread}"})
    (image,) = road.turn(thread, 1)["images"]
    assert image["provenance"] == {"c2pa": False, "digital_source_type": OF_WORDS, "mark": "written"}
    data = road.stack.aws.s3.get_object(Bucket=image["bucket"], Key=image["key"])["Body"].read()
    assert (sha256(data), len(data)) == (image["sha256"], image["bytes"])
    assert f'DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{OF_WORDS}"'.encode() in data

    made = made_for(road.stack, image)
    assert made != image["sha256"]
    road.send(thread, {"instruction": f"by night {thread}"})
    assert road.turn(thread, 2)["images"][0]["provenance"]["digital_source_type"] == OF_WORDS
    assert sent_with(road, f"by night {thread}") == [made]

    # A person downloads the first result, and asks with it in its thread: it is the picture that is known already.
    road.upload(f"{thread}/downloaded.png", data)
    again = f"s3://{road.stack.env['UPLOADS_BUCKET']}/{thread}/downloaded.png"
    road.send(thread, {"instruction": f"by day {thread}", "images": [again], "parent_turn": 1})
    third = road.turn(thread, 3)
    assert [source["sha256"] for source in third["sources"]] == [image["sha256"]]
    assert third["images"][0]["provenance"]["digital_source_type"] == OF_A_SOURCE
    assert len(sent_with(road, f"by day {thread}")) == 1


def sent_with(road: Road, words: str) -> list[str]:
    """The SHA-256 of the pictures in the call that was answered with these words."""
    (call,) = [call for call in road.calls(words) if words in words_of(call)]
    return pictures_of(call)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"instruction": "x", "images": ["s3://{uploads}/no such.jpg"]}, "image_not_found"),
        ({"instruction": "x", "images": ["s3://{uploads}/words.jpg"]}, "unsupported_image"),
        ({"instruction": "x", "images": ["s3://{uploads}/vast.png"]}, "image_too_large"),
        ({"instruction": "x", "parent_turn": 3}, "unknown_parent"),
        ({"instruction": "x [fault:refusal]"}, "refused"),
        ({"instruction": "x [fault:text]"}, "refused"),
        ({"instruction": "x [fault:none]"}, "no_image"),
        ({"instruction": "x [fault:garbage]"}, "no_image"),
        ({"instruction": "x [fault:429]"}, "provider_unavailable"),
        ({"instruction": "x [fault:401]"}, "provider_unavailable"),
        ({"instruction": "x [fault:cut]"}, "outcome_unknown"),
        ({"instruction": "x [fault:504]"}, "outcome_unknown"),
    ],
)
def test_a_request_that_fails_says_why_in_its_turn(road: Road, thread: str, body: dict[str, Any], code: str) -> None:
    uploads = road.stack.env["UPLOADS_BUCKET"]
    road.stack.aws.s3.put_object(Bucket=uploads, Key="words.jpg", Body=b"only words", Metadata={"instruction": "x"})
    road.stack.aws.s3.put_object(Bucket=uploads, Key="vast.png", Body=vast_png(), Metadata={"instruction": "x"})
    body["images"] = [uri.format(uploads=uploads) for uri in body.get("images", [])]
    road.send(thread, body)
    result = road.turn(thread, 1)
    assert (result["status"], result["error"]["code"], result["images"]) == ("failed", code, [])
    assert result["error"]["message"]


def vast_png() -> bytes:
    """A header that claims 30,000 x 30,000 pixels."""
    small = photo(kind="PNG")
    header = b"IHDR" + (30_000).to_bytes(4, "big") * 2 + small[24:29]
    return small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]


def test_a_message_with_faults_is_told_each_of_them(road: Road, thread: str) -> None:
    message_id = road.send(thread, {"instruction": "", "images": ["https://example.com/a.jpg"], "colour": "red"})
    error = road.refusal(message_id)["error"]
    assert error["code"] == "invalid_request"
    assert all(field in error["message"] for field in ("instruction", "images.0", "colour"))
    assert road.results(thread) == []


def test_an_id_stands_for_one_content(road: Road, thread: str) -> None:
    road.send(thread, {"instruction": "a cat", "request_id": "r"})
    first = road.turn(thread, 1)
    assert road.refusal(road.send(thread, {"instruction": "a dog", "request_id": "r"}))["error"]["code"] == (
        "request_id_reused"
    )
    assert road.results(thread) == [first]


def test_a_thread_has_its_turns(road: Road, thread: str) -> None:
    sent = [road.send(thread, {"instruction": f"a cat {number}"}) for number in range(MOST_TURNS + 1)]
    assert road.refusal(sent[-1])["error"]["code"] == "too_many_turns"
    assert [result["instruction"] for result in road.results(thread)] == [f"a cat {n}" for n in range(MOST_TURNS)]


def test_a_photo_without_words_is_told_and_its_text_still_starts_it(road: Road, thread: str) -> None:
    road.upload(f"{thread}.jpg", photo())
    assert road.rejected_upload(f"{thread}.jpg")["error"]["code"] == "needs_instruction"
    road.upload(f"{thread}.txt", "night")
    assert road.turn(thread, 1)["mode"] == "image_to_image"


def test_the_text_may_come_first(road: Road, thread: str) -> None:
    road.upload(f"{thread}.txt", "night")
    road.upload(f"{thread}.jpg", photo())
    assert road.turn(thread, 1)["mode"] == "image_to_image"
    assert len(road.results(thread)) == 1


def test_a_file_of_another_kind_is_told(road: Road, thread: str) -> None:
    road.upload(f"{thread}.pdf", "x")
    assert road.rejected_upload(f"{thread}.pdf")["error"]["code"] == "unsupported_file"


def test_a_folder_in_threads_is_a_conversation(road: Road, thread: str) -> None:
    road.upload(f"threads/{thread}/a.jpg", photo())
    road.upload(f"threads/{thread}/01.txt", "night")
    road.turn(thread, 1)
    road.upload(f"threads/{thread}/02.txt", "snow")
    assert road.turn(thread, 2)["parent_turn"] == 1
