"""The console on moto: its pages and their JSON, its pictures, and the actions of its forms."""

import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from darkroom.aws.dynamodb.batch_state import DynamoBatchState
from darkroom.aws.dynamodb.items import to_item
from darkroom.aws.dynamodb.listing import Refusals
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.dynamodb.upload_state import DynamoUploadState
from darkroom.batches.ports import Answered, Progress
from darkroom.domain import outcome
from darkroom.domain.outcome import Timing
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Code, Rejected, Unavailable
from darkroom.turns.ports import Wait
from darkroom.turns.publisher import turn_key
from darkroom.uploads.pairing import Seen, Stem
from darkroom_client.console import desk as desks
from darkroom_client.console.app import Console
from darkroom_client.console.desk import Desk
from darkroom_client.console.guard import PICTURE_POLICY, Door
from tests.contract.studio import NOON, Studio
from tests.fakes.stack import changed

DOOR = Door(4711, "a-token")
MARKUP = "<script>alert(1)</script>'\"{{7*7}}"
PARAMETERS = {"PricePerImage": "0.04 USD"}


def ago(minutes: float = 1) -> str:
    return outcome.timestamp(time.time() - minutes * 60)


def png(width: int = 60, height: int = 40) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
def desk(studio: Studio, tmp_path: Path) -> Iterator[Desk]:
    studio.room.stack = changed(studio.stack, parameters=PARAMETERS)
    opened = desks.opened(studio.room, DOOR, "darkroom", tmp_path, clock=count(0, 10).__next__)
    yield opened
    opened.thumbnails.close()


@pytest.fixture
def browser(desk: Desk) -> TestClient:
    return entered(desk)


def entered(desk: Desk) -> TestClient:
    browser = TestClient(Console(desk, "0.1").app(), base_url="http://127.0.0.1:4711")
    assert browser.get("/?token=a-token").status_code == 200
    return browser


def page(thread: str) -> str:
    return f"/threads/{quote(thread, safe='')}"


def form_id(browser: TestClient, path: str) -> str:
    found = re.search(r'name="request_id" value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


def bodies(studio: Studio) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in studio.received()]


def is_over(browser: TestClient, address: str) -> str:
    """The page of a job after its end."""
    for _ in range(200):
        if "At work" not in (said := browser.get(address).text):
            return said
        time.sleep(0.02)
    raise AssertionError(address)


def test_the_wall_shows_the_newest_picture_of_each_thread(studio: Studio, browser: TestClient) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(9))
    studio.answers(Request("mug", "r-2", "add snow"), turn=2, code="refused", at=ago(8))
    studio.answers(Request("jug", "r-1", MARKUP), at=ago(7))
    told = browser.get("/index.json").json()
    assert [(each["thread_id"], each["status"], each["picture"]["turn"]) for each in told["threads"]] == [
        ("jug", "succeeded", 1), ("mug", "failed", 1)
    ]  # fmt: skip
    shown = browser.get("/")
    assert 'src="/thumbnails/jug/1/1"' in shown.text
    assert MARKUP not in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#39;&#34;{{7*7}}" in shown.text


@pytest.mark.parametrize(
    ("query", "found"),
    [("", "jug mug"), ("words=NIGHT", "mug"), ("prefix=ju", "jug"), ("state=failed", ""), ("words=x&prefix=m", "")],
)
def test_the_wall_is_filtered(studio: Studio, browser: TestClient, query: str, found: str) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(9))
    studio.answers(Request("jug", "r-1", "add snow"), at=ago(7))
    told = browser.get(f"/index.json?{query}").json()
    assert " ".join(each["thread_id"] for each in told["threads"]) == found
    assert browser.get(f"/?{query}").status_code == 200


def test_what_ends_meanwhile_is_on_the_wall_at_the_next_look(studio: Studio, browser: TestClient) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(9))
    assert browser.get("/index.json").json()["count"] == 1
    studio.answers(Request("jug", "r-1", "add snow"), at=ago(0))
    studio.answers(Request("mug", "r-2", "more"), turn=2, at=ago(0))
    told = browser.get("/index.json").json()
    assert {each["thread_id"]: each["latest_turn"] for each in told["threads"]} == {"jug": 1, "mug": 2}


def test_a_thread_that_is_erased_elsewhere_leaves_the_wall_without_a_restart(
    studio: Studio, browser: TestClient, tmp_path: Path
) -> None:
    for thread in ("mug", "jug"):
        studio.answers(Request(thread, "r-1", "make it night"), at=ago(9), data=png())
    browser.get("/")
    assert browser.get("/thumbnails/mug/1/1").status_code == 200
    (small,) = list(tmp_path.glob("*.webp"))
    for sort in ("TURN#00001", "REQUEST#r-1"):
        studio.stack.dynamodb.delete_item(
            TableName=studio.stack.outputs["ThreadsTable"], Key=to_item({"thread_id": "mug", "sk": sort})
        )
    shown = next(each for each in (browser.get("/index.json").json() for _ in range(20)) if each["count"] == 1)
    assert [each["thread_id"] for each in shown["threads"]] == ["jug"]
    assert browser.get("/index.json").json()["count"] == 1
    assert not small.exists(), "nor does its thumbnail stay"


def test_a_wall_of_very_many_comes_in_pages_and_reads_one_page_of_turns(studio: Studio, browser: TestClient) -> None:
    ended = studio.answers(Request("mug", "r-1", "make it night"), at=ago(1))
    table, dynamodb = studio.stack.outputs["ThreadsTable"], studio.stack.dynamodb
    items = [
        {**ended.as_document(), "thread_id": f"mug-{number}", "sk": "TURN#00001", "listed_in": at[:10], "listed_at": at}
        for number, at in ((number, ago(2 + number)) for number in range(300))
    ]
    for first in range(0, 300, 25):
        puts: Any = [{"PutRequest": {"Item": to_item(item)}} for item in items[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={table: puts})
    calls = Counter[str]()
    for client in (dynamodb, studio.stack.s3):
        client.meta.events.register("before-call", lambda model, **_: calls.update([model.name]))
    told = browser.get("/index.json?prefix=mug").json()
    assert (told["count"], len(told["threads"]), told["next"]) == (301, 60, "/?prefix=mug&from=60")
    assert set(calls) == {"Query", "GetItem"}
    assert calls["GetItem"] <= 60
    first_look = calls["Query"]
    assert first_look < 45  # a query for each day, and for the waiting requests
    browser.get("/")
    assert calls["Query"] - first_look <= 6
    assert calls["GetItem"] <= 60
    last = browser.get("/index.json?from=300").json()
    assert ([each["thread_id"] for each in last["threads"]], last["next"]) == (["mug-299"], None)


@pytest.mark.parametrize("thread", ["shop/lake house", "猫/x", "a.json", MARKUP, "100%", "a?b#c"])
def test_a_thread_has_an_address_whatever_it_is_called(studio: Studio, browser: TestClient, thread: str) -> None:
    studio.answers(Request(thread, "r-1", "make it night"), at=ago())
    address = browser.get("/index.json").json()["threads"][0]["address"]
    shown = browser.get(address)
    assert (shown.status_code, MARKUP in shown.text) == (200, False)
    told = browser.get(f"{address}.json").json()
    assert (told["thread_id"], [turn["turn"] for turn in told["turns"]]) == (thread, [1])
    assert set(told) >= {"thread_id", "turns", "waiting"}


def test_a_thread_tells_its_failures_and_what_waits(studio: Studio, browser: TestClient) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(9), code="refused")
    claim = studio.claims(Request("mug", "r-2", "add snow"), ago(5))
    studio.ledger.defer(claim, Unavailable("throttled", "slow down"), Wait(NOON + 60, "add snow"))
    said = browser.get(page("mug")).text
    assert all(each in said for each in ("no, never", "Ask nicely.", "the provider asks for patience"))
    assert 'href="/questions/cancel/mug/r-2"' in said
    assert browser.get(f"{page('mug')}.json").json()["waiting"][0]["cause"] == "throttled"


def test_there_is_no_page_of_a_thread_that_is_not_there(browser: TestClient) -> None:
    for path in (page("nothing"), f"{page('nothing')}.json", "/nowhere", "/jobs/x", "/questions/x", "/pictures/a/1/1"):
        assert browser.get(path).status_code == 404
    assert "There is no conversation" in browser.get(f"{page('nothing')}.json").json()["error"]


def test_pictures_come_through_the_console_and_can_run_nothing(studio: Studio, browser: TestClient) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(), data=png())
    for kind, media_type in (("pictures", "image/png"), ("thumbnails", "image/webp"), ("previews", "image/webp")):
        shown = browser.get(f"/{kind}/mug/1/1")
        assert (shown.status_code, shown.headers["content-type"]) == (200, media_type)
        assert shown.headers["content-security-policy"] == PICTURE_POLICY
        assert shown.headers["x-content-type-options"] == "nosniff"
        again = browser.get(f"/{kind}/mug/1/1", headers={"if-none-match": shown.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert browser.get("/pictures/mug/1/1").content == png()
    assert browser.get("/pictures/mug/1/2").status_code == 404


@pytest.mark.parametrize("harm", [b"<svg onload='alert(1)'/>", b"<!doctype html><script>alert(1)</script>", b""])
def test_what_is_called_a_picture_and_is_none_is_not_shown(studio: Studio, browser: TestClient, harm: bytes) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(), data=harm)
    for kind in ("pictures", "thumbnails", "previews"):
        shown = browser.get(f"/{kind}/mug/1/1")
        assert (shown.status_code, shown.headers["content-type"]) == (415, "text/plain; charset=utf-8")
        assert harm == b"" or harm not in shown.content


def test_a_picture_is_saved_from_s3_itself_and_never_shown_there(studio: Studio, browser: TestClient) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(), data=png())
    answer = browser.get("/downloads/mug/1/1", follow_redirects=False)
    assert answer.status_code == 303
    assert "response-content-disposition=attachment" in answer.headers["location"]


def test_a_dropped_photo_is_sent_once_however_often_its_form_is(studio: Studio, browser: TestClient) -> None:
    fields = {"words": "make it night", "request_id": form_id(browser, "/"), "option.size": "16:9"}
    for _ in range(2):
        answer = browser.post(
            "/send", data=fields, files={"images": ("mug.jpg", png())}, headers={"accept": "application/json"}
        )
        assert answer.json() == {"location": "/threads/mug"}
    (asked,) = bodies(studio)
    assert (asked["request_id"], asked["instruction"]) == (fields["request_id"], "make it night")
    assert (asked["options"], asked["parent_turn"]) == ({"size": "16:9"}, 0)
    assert asked["images"][0]["key"].startswith(".client/")
    assert "sent, and not taken up yet" in browser.get("/threads/mug").text


def test_words_alone_begin_a_conversation_and_a_form_leads_there(studio: Studio, browser: TestClient) -> None:
    fields = {"words": "A lighthouse, in the fog", "request_id": form_id(browser, "/")}
    answer = browser.post("/send", data=fields, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/threads/a-lighthouse-in-the-fog")
    assert len(bodies(studio)) == 1


def test_a_reply_answers_the_turn_that_it_stands_under_and_variations_are_siblings(
    studio: Studio, browser: TestClient
) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago())
    fields = {"thread": "mug", "words": "add snow", "request_id": form_id(browser, page("mug")), "parent_turn": "1"}
    browser.post("/reply", data=fields)
    varied = {"thread": "mug", "words": "mirror it", "request_id": form_id(browser, page("mug")), "variations": "3"}
    browser.post("/reply", data=varied)
    asked = bodies(studio)
    assert [(each["instruction"], each["parent_turn"]) for each in asked] == [("add snow", 1)] + [("mirror it", 1)] * 3
    assert len({each["request_id"] for each in asked}) == 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"words": ""}, "instruction"), ({"words": "x", "request_id": ""}, "Load the page again"),
        ({"words": "x", "thread": "a//b"}, "no thread"), ({"words": "x", "option.size": "x" * 99}, "size"),
    ],
)  # fmt: skip
def test_a_form_with_a_fault_sends_nothing_and_says_why(
    studio: Studio, browser: TestClient, fields: dict[str, str], said: str
) -> None:
    answer = browser.post("/send", data={"request_id": "form-0001", **fields}, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert bodies(studio) == []


def test_what_came_to_nothing_needs_a_person(studio: Studio, browser: TestClient) -> None:
    table = Table(studio.stack.dynamodb, studio.stack.outputs["ThreadsTable"])
    studio.answers(Request("mug", "r-1", MARKUP), at=ago(2), code="refused")
    told_of: tuple[tuple[Code, str], ...] = (("needs_instruction", "cat.jpg"), ("unsupported_file", "x.pdf"))
    for code, key in told_of:
        timing = Timing(ago(), None, ago(), None)
        refused = outcome.refusal(Rejected(code, "no", hint="Upload a text."), timing=timing, attempts=1)
        Refusals(table).note(refused, f"rejected/uploads/{key}/1a2b3c4d/result.json")
    told = browser.get("/needs-you.json").json()["failures"]
    assert {(each["name"], each["remedy"]) for each in told} == {
        ("mug", "retry"), ("cat.jpg", "words"), ("x.pdf", None)
    }  # fmt: skip
    said = browser.get("/needs-you").text
    assert MARKUP not in said
    assert "Upload a text." in said
    browser.post(
        "/instruct", data={"request_id": form_id(browser, "/needs-you"), "key": "cat.jpg", "words": "at night"}
    )
    assert studio.stack.s3.get_object(Bucket="uploads", Key="cat.txt")["Body"].read() == b"at night"


def test_words_for_what_is_no_photo_are_put_nowhere(studio: Studio, browser: TestClient) -> None:
    for key in ("x.pdf", "x.txt", ".hidden/x.jpg", ""):
        answer = browser.post("/instruct", data={"request_id": "form-0001", "key": key, "words": "x"})
        assert answer.status_code == 400
    assert studio.stack.s3.list_objects_v2(Bucket="uploads").get("Contents", []) == []


def begun(studio: Studio, key: str, progress: Progress, *answers: str) -> None:
    """A batch in the state that `on_upload` keeps."""
    table = Table(studio.stack.dynamodb, studio.stack.outputs["ThreadsTable"])
    upload = Upload("uploads", key, "etag", None, "1", 9, 0.0)
    seen = {upload.extension: Seen("1", 0.0, "etag", generation=1)}
    DynamoUploadState(table).decide(upload.thread, upload, Stem(seen=seen), None, None)
    state = DynamoBatchState(table)
    known = state.save(f"batch:{key}#1", progress)
    for position, text in enumerate(answers, 1):
        known = state.save(f"batch:{key}#1", known, Answered(position, text))


def test_batches_are_shown_with_their_failures_and_stopped(studio: Studio, browser: TestClient) -> None:
    error = {"code": "refused", "message": MARKUP, "hint": None}
    lines = [json.dumps({"custom_id": MARKUP, "error": error}), json.dumps({"custom_id": "b", "error": None})]
    whole = Progress(total=4, is_counted=True, succeeded=1, failed=1, open=(3,), began_at=time.time() - 60)
    begun(studio, "shop/old.jsonl", replace(whole, began_at=time.time() - 600, total=2, cancelled=1))
    begun(studio, "shop/spring #1.jsonl", whole, *lines)
    told = browser.get("/batches.json").json()["batches"]
    assert [(each["key"], each["total"], each["left"]) for each in told] == [
        ("shop/spring #1.jsonl", 4, 1), ("shop/old.jsonl", 2, 0)
    ]  # fmt: skip
    assert [(each["failures"], each["cancelled"]) for each in told] == [([], 0), ([], 1)]
    assert browser.get("/batches").text.count("<dt>Cancelled</dt><dd>1</dd>") == 1
    said = browser.get("/batches?failures=shop%2Fspring%20%231.jsonl").text
    assert "&lt;script&gt;" in said
    assert MARKUP not in said
    path = "/questions/stop/shop%2Fspring%20%231.jsonl"
    assert path in said
    assert "Stop the batch" in browser.get(path).text
    answer = browser.post(path, data={"request_id": "form-0001"})
    assert "is stopped" in is_over(browser, str(answer.url))
    assert browser.get("/batches.json").json()["batches"][0]["stopped"]


def test_what_costs_is_a_question_first_and_a_job_once(studio: Studio, browser: TestClient) -> None:
    ended = studio.answers(Request("mug", "r-1", "make it night"), at=ago(), code="provider_unavailable")
    studio.stack.s3.put_object(Bucket="results", Key=turn_key(ended))
    path = "/questions/retry/mug/1"
    question = browser.get(path).text
    assert "Ask again, and pay" in question
    assert 'action="/questions/retry/mug/1/ask"' in question
    assert bodies(studio) == []
    fields = {"request_id": form_id(browser, path)}
    addresses = {str(browser.post(f"{path}/ask", data=fields).url) for _ in range(2)}
    assert len(addresses) == 1
    assert "Done." in is_over(browser, addresses.pop())
    assert len(bodies(studio)) == 1


def test_a_request_is_cancelled_from_its_thread(studio: Studio, browser: TestClient) -> None:
    studio.claims(Request("mug", "r-2", "add snow"), ago())
    answer = browser.post("/questions/cancel/mug/r-2", data={"request_id": "form-0001"})
    assert "cancelled  r-2 of mug" in is_over(browser, str(answer.url))


@pytest.mark.parametrize("name", ["pause", "resume", "wake", "doctor"])
def test_what_is_done_to_the_stack_is_a_question(browser: TestClient, name: str) -> None:
    assert f'action="/questions/{name}"' in browser.get(f"/questions/{name}").text
    assert browser.get(f"/questions/{name}/more").status_code == 404


def test_a_console_that_only_looks_has_no_form_and_no_question(studio: Studio, desk: Desk) -> None:
    studio.answers(Request("mug", "r-1", "make it night"), at=ago(), code="provider_unavailable")
    desk.door = DOOR._replace(is_read_only=True)
    looking = entered(desk)
    for path in ("/", page("mug"), "/needs-you", "/batches"):
        said = looking.get(path).text
        assert 'method="post"' not in said
        assert "/questions/" not in said
    assert looking.post("/send", data={"words": "x", "request_id": "form-0001"}).status_code == 403


def test_a_source_is_shown_as_long_as_it_is_the_same(studio: Studio, browser: TestClient) -> None:
    put = studio.stack.s3.put_object(Bucket="uploads", Key="mug.png", Body=png())
    asked = Request("mug", "r-1", "make it night", (ImageRef("uploads", "mug.png"),))
    ended = studio.answers(asked, at=ago())
    source = outcome.Source("uploads", "mug.png", put["ETag"].strip('"'), "f" * 64)
    table = Table(studio.stack.dynamodb, studio.stack.outputs["ThreadsTable"])
    with_source = replace(ended, sources=[source]).as_document()
    table.write(table.put("mug", "TURN#00001", with_source))
    assert browser.get("/sources/mug/1/1").content == png()
    assert browser.get("/source-thumbnails/mug/1/1").headers["content-type"] == "image/webp"
    studio.stack.s3.put_object(Bucket="uploads", Key="mug.png", Body=b"<script>")
    assert browser.get("/sources/mug/1/1").status_code == 404


def test_a_batch_file_is_looked_at_and_uploaded_after_a_yes(studio: Studio, browser: TestClient) -> None:
    lines = b'{"custom_id": "a", "instruction": "a cat"}\n{"custom_id": "b", "instruction": "a dog"}\n'
    fields = {"request_id": form_id(browser, "/batches"), "max_calls": "1"}
    answer = browser.post("/batch-file", data=fields, files={"file": ("spring.jsonl", lines)})
    assert "spring.jsonl has 2 requests, and no fault was found." in answer.text
    assert "Upload it, and pay" in answer.text
    assert studio.stack.s3.list_objects_v2(Bucket="uploads").get("Contents", []) == []
    done = browser.post(answer.url.path, data={"request_id": form_id(browser, answer.url.path)})
    assert "spring.jsonl is uploaded." in is_over(browser, str(done.url))
    put = studio.stack.s3.get_object(Bucket="uploads", Key="spring.jsonl")["Body"].read()
    assert put == b'{"max_calls": 1}\n' + lines


def test_a_batch_file_of_another_is_replaced_after_a_yes_to_that_alone(studio: Studio, browser: TestClient) -> None:
    other = b'{"custom_id": "a", "instruction": "a cat"}\n'
    key, lines = "shop/spring.jsonl", b'{"custom_id": "b", "instruction": "a dog"}\n'
    fields = {"request_id": "form-0001", "folder": "/shop/"}
    answer = browser.post("/batch-file", data=fields, files={"file": ("spring.jsonl", lines)})
    assert "shop/spring.jsonl has 1 request, and no fault was found." in answer.text
    studio.stack.s3.put_object(Bucket="uploads", Key=key, Body=other)
    done = browser.post(answer.url.path, data={"request_id": "form-0002"})
    assert "is another file. Nothing was uploaded." in is_over(browser, str(done.url))
    asked = browser.get(answer.url.path).text
    assert "is another file, uploaded now. Another name keeps both." in asked
    assert studio.stack.s3.get_object(Bucket="uploads", Key=key)["Body"].read() == other
    done = browser.post(f"{answer.url.path}/replace", data={"request_id": "form-0003"})
    assert "shop/spring.jsonl is uploaded." in is_over(browser, str(done.url))
    assert studio.stack.s3.get_object(Bucket="uploads", Key=key)["Body"].read() == lines


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b'{"custom_id": "a"}\n', "line 1"), ("a.txt", b"{}", "no batch"), ("a.jsonl", b"", "no line"),
        ("a.jsonl", MARKUP.encode(), "line 1"),
    ],
)  # fmt: skip
def test_a_batch_file_with_a_fault_is_not_uploaded(browser: TestClient, name: str, data: bytes, said: str) -> None:
    answer = browser.post("/batch-file", data={"request_id": "form-0001"}, files={"file": (name, data)})
    assert answer.status_code == 400
    assert said in answer.text
    assert MARKUP not in answer.text
    assert browser.get("/questions/batch/form-0001").status_code == 404


def test_a_number_that_is_none_shows_the_beginning(browser: TestClient) -> None:
    for said in ("x", "-1", "9" * 5000, "%D9%A3"):
        assert browser.get(f"/index.json?from={said}").status_code == 200
