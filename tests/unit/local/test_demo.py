"""The demo's own parts: steps, contact sheet, table, saved files, output."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from PIL import Image

from darkroom_client.sheets.contact_sheet import CELL, GAP, Cell, contact_sheet
from darkroom_client.sheets.lettering import wrapped
from local.demo import __main__ as demo
from local.demo.album import save
from local.demo.conversation import Conversation, NoOutcomeError, message_group
from local.demo.report import explain, rows
from local.demo.steps import steps
from local.demo.table import table, width
from tests.unit.local.image_api.stand_in_client import png

WALL = Image.new("RGB", (400, 300), (200, 30, 30))
OUTCOME = {
    "status": "succeeded",
    "turn": 1,
    "parent_turn": None,
    "mode": "image_to_image",
    "instruction": "把景色换成夜色下雪的场景",
    "images": [{"bucket": "results", "key": "threads/t/00001-aa/image.png", "primary": True}],
    "cost": {"paid_calls": 1},
    "timing": {"api_seconds": 0.84},
    "error": None,
}


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> Conversation:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    s3, sqs = boto3.client("s3", region_name="us-east-1"), boto3.client("sqs", region_name="us-east-1")
    return Conversation(s3, sqs, "uploads", "results", "", "t", limit_seconds=0.1)


def test_the_contact_sheet_shows_every_picture_side_by_side() -> None:
    cells = [Cell(f"Turn {i}", "answers turn 1", "把景色换成夜色下雪的场景", WALL) for i in range(5)]
    sheet = contact_sheet("A conversation", cells)
    assert sheet.width == GAP + 5 * (CELL + GAP)
    middles = [GAP + i * (CELL + GAP) + CELL // 2 for i in range(5)]
    assert [sheet.getpixel((x, 250)) for x in middles] == [(200, 30, 30)] * 5


def test_the_contact_sheet_takes_any_number_of_cells_and_a_missing_picture() -> None:
    cells = [Cell("Turn", "", "words " * 100, None if i else WALL) for i in range(7)]
    assert contact_sheet("x" * 400, cells).height > contact_sheet("x", cells[:5]).height


def test_chinese_wraps_anywhere_but_not_before_a_full_stop() -> None:
    lines = wrapped("把景色换成夜色下雪的场景。" * 3, 20, 130, 20)
    assert len(lines) > 3
    assert not any(line.startswith("。") for line in lines)
    assert "".join(lines) == "把景色换成夜色下雪的场景。" * 3


def test_the_table_lines_up_with_chinese_in_it() -> None:
    lines = table(("turn", "instruction", "end"), [["1", "夜色", "."], ["2", "night", "."]]).splitlines()
    assert {width(line) - len(line[-1]) for line in lines[2:]} == {width(lines[2]) - 1}


def test_a_photo_of_any_name_makes_a_thread() -> None:
    now = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
    assert demo.thread_for(None, now) == ("demo/20261122-120000/lake-house", ".jpg")
    assert demo.thread_for(Path("我的 猫.PNG"), now) == ("demo/20261122-120000/我的 猫", ".png")
    assert message_group("demo/1/cat") == "demo/1/cat"
    assert len(message_group("demo/1/我的 猫")) == 64


def test_without_a_stack_the_demo_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["demo"])
    assert demo.main(tmp_path) == 1
    assert "make up" in capsys.readouterr().out


def test_a_failure_is_told_with_its_hint_and_a_rejected_request_has_a_row() -> None:
    error = {"code": "refused", "message": "No.", "hint": "Ask otherwise.", "retryable": False, "param": None}
    failed = {"status": "failed", "turn": None, "error": error}
    assert "refused: No." in explain(failed)
    assert "Ask otherwise." in explain(failed)
    assert rows([failed]) == [["–", "–", "–", "0.0", "–", "failed", ""]]


@mock_aws
def test_outcomes_are_found_and_pictures_saved_in_place_of_older_ones(thread: Conversation, tmp_path: Path) -> None:
    for bucket in ("uploads", "results"):
        thread.s3.create_bucket(Bucket=bucket)
    with pytest.raises(NoOutcomeError):
        thread.outcome(1, "rejected/messages/m/", lambda _: None)
    thread.s3.put_object(Bucket="results", Key="threads/t/00001-aa/image.png", Body=png(WALL))
    thread.s3.put_object(Bucket="results", Key="threads/t/00001-aa/result.json", Body=json.dumps(OUTCOME).encode())
    outcome = thread.outcome(1, "rejected/messages/m/", lambda _: None)
    for name in ("turn-7.png", "holiday.png"):
        (tmp_path / name).write_bytes(b"old")
    save(thread, [outcome], b"no picture", ".jpg", tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("source.jpg", "turn-1.png", "contact-sheet.png", "holiday.png")
    }


@mock_aws
def test_the_steps_upload_ask_branch_and_go_on(thread: Conversation) -> None:
    thread.s3.create_bucket(Bucket="uploads")
    queue = thread.sqs.create_queue(QueueName="requests.fifo", Attributes={"FifoQueue": "true"})
    thread.queue_url = queue["QueueUrl"]
    for step in steps(thread, b"photo", ".jpg"):
        assert step.request().startswith("rejected/")
    photo = thread.s3.head_object(Bucket="uploads", Key="t.jpg")
    assert photo["Metadata"] == {"instruction": "Turn the scene into a warm sunset"}
    assert thread.s3.get_object(Bucket="uploads", Key="t.txt")["Body"].read().startswith(b"Add a white frame")
    received = thread.sqs.receive_message(QueueUrl=thread.queue_url, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in received]
    assert [body.get("parent_turn") for body in bodies] == [None, 1]


def answer_all(s3: Any, stop: threading.Event) -> None:
    """Stand in for the stack: once the photo is there, every turn of its thread gets an outcome."""
    while not stop.wait(0.05):
        for upload in s3.list_objects_v2(Bucket="uploads").get("Contents", []):
            thread_id = upload["Key"].rpartition(".")[0]
            for turn, parent in ((1, None), (2, 1), (3, 1), (4, 3)):
                folder = f"threads/{thread_id}/{turn:05d}-aa"
                images = [{"bucket": "results", "key": f"{folder}/image.png", "primary": True}]
                outcome = {**OUTCOME, "turn": turn, "parent_turn": parent, "images": images}
                s3.put_object(Bucket="results", Key=f"{folder}/image.png", Body=png(WALL))
                s3.put_object(Bucket="results", Key=f"{folder}/result.json", Body=json.dumps(outcome).encode())


@mock_aws
def test_the_demo_goes_from_a_photo_to_a_contact_sheet(
    thread: Conversation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thread.limit_seconds = 20.0
    for bucket in ("uploads", "results"):
        thread.s3.create_bucket(Bucket=bucket)
    queue = thread.sqs.create_queue(QueueName="requests.fifo", Attributes={"FifoQueue": "true"})
    thread.queue_url = queue["QueueUrl"]
    stop = threading.Event()
    stack = threading.Thread(target=answer_all, args=(thread.s3, stop))
    stack.start()
    try:
        assert demo.run(thread, demo.PHOTO.read_bytes(), ".jpg", tmp_path / "demo") == 0
    finally:
        stop.set()
        stack.join()
    told = capsys.readouterr().out
    assert "make down" in told
    assert "把景色换成夜色下雪的场景" in told
    assert {file.stem for file in (tmp_path / "demo").iterdir()} == {
        *("source", "turn-1", "turn-2", "turn-3", "turn-4", "contact-sheet")
    }
