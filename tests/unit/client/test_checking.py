"""The verdict on a file before its upload agrees with the functions."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from darkroom_client.command import run
from tests.pictures.making import saved, scene

Checked = tuple[int, dict[str, dict[str, Any]]]
Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Makes files, and checks those that are named. Returns the exit code and the verdict on each file."""
    monkeypatch.chdir(tmp_path)

    def call(files: Mapping[str, bytes], *words: str) -> Checked:
        for name, data in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        code = run(["check", "--json", *(words or files)])
        documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, {each["file"]: each for each in documents}

    return call


PHOTO = saved(scene(), "PNG")


def code_of(told: dict[str, Any]) -> str | None:
    return told["problems"][0]["code"] if told["problems"] else None


def test_a_photo_and_its_text_know_each_other(check: Check) -> None:
    code, told = check({"shop/mug.png": PHOTO, "shop/mug.txt": "夜".encode()})
    photo, text = told["shop/mug.png"], told["shop/mug.txt"]
    assert (code, photo["kind"], photo["thread_id"], photo["goes_with"]) == (0, "photo", "shop/mug", ["shop/mug.txt"])
    assert (text["kind"], text["thread_id"], text["goes_with"]) == ("text", "shop/mug", ["shop/mug.png"])
    assert photo["instruction"] == text["instruction"] == "夜"


def test_a_text_that_lies_beside_is_found_though_the_photo_alone_is_named(check: Check) -> None:
    _, told = check({"mug.png": PHOTO, "mug.png.txt": b"now blue"}, "mug.png")
    assert (told["mug.png"]["instruction"], told["mug.png"]["goes_with"]) == ("now blue", ["mug.png.txt"])


def test_an_instruction_for_a_folder_holds_below_it(check: Check) -> None:
    code, told = check({"toys/_instruction.txt": b"on white", "toys/red/car.png": PHOTO}, "toys")
    assert (code, told["toys/red/car.png"]["instruction"]) == (0, "on white")
    assert told["toys/_instruction.txt"]["kind"] == "folder_instruction"


def test_another_folder_of_the_bucket_changes_the_key(check: Check) -> None:
    _, told = check({"mug.png": PHOTO, "mug.txt": b"now blue"}, "--to", "/shop/", "mug.png")
    assert (told["mug.png"]["key"], told["mug.png"]["thread_id"]) == ("shop/mug.png", "shop/mug")
    assert told["mug.png"]["goes_with"] == ["shop/mug.txt"]


def test_in_threads_the_folder_is_the_thread(check: Check) -> None:
    _, told = check({"threads/cats/a.png": PHOTO, "threads/cats/words.txt": b"both"}, "threads")
    assert {each["thread_id"] for each in told.values()} == {"cats"}
    assert told["threads/cats/words.txt"]["goes_with"] == ["threads/cats/a.png"]
    assert told["threads/cats/a.png"]["goes_with"] == ["threads/cats/words.txt"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"mug.png": PHOTO}, "needs_instruction"),
        ({"mug.png": PHOTO[:-40], "mug.txt": b"now blue"}, "unsupported_image"),
        ({"mug.png": b"no picture", "mug.txt": b"now blue"}, "unsupported_image"),
        ({"mug.png": b"", "mug.txt": b"now blue"}, "unsupported_image"),
        ({"plan.pdf": b"%PDF"}, "unsupported_file"),
        ({"_instructions.txt": b"all"}, "unsupported_file"),
        ({"words.txt": b""}, "invalid_request"),
        ({"words.txt": "Ä".encode("latin-1")}, "invalid_request"),
        ({"words.txt": b"now blue", "mug.png": PHOTO}, "invalid_request"),
        ({"a.json": b'{"prompt": "a cat"}'}, "invalid_request"),
        ({"a.jsonl": b'{"custom_id": "a"}\n'}, "invalid_request"),
        ({"a.csv": b"name,words\n1,2\n"}, "invalid_request"),
    ],
)
def test_what_comes_to_nothing_is_told_with_the_way_out(check: Check, files: dict[str, bytes], code: str) -> None:
    exit_code, told = check(files, next(iter(files)))
    (only,) = told.values()
    assert (exit_code, code_of(only)) == (1, code)
    assert only["problems"][0]["hint"]


def test_words_alone_a_request_and_batches_are_read(check: Check) -> None:
    lines = b'{"max_calls": 5}\n{"custom_id": "a", "instruction": "a cat", "images": ["mug.png"]}\n\n'
    code, told = check(
        {
            "words/cat.txt": b"a cat",
            "a.json": b'{"instruction": "a dog", "thread_id": "dogs", "images": ["s3://any/where.png"]}',
            "b.jsonl": lines,
            "c.csv": b"custom_id,instruction\n1,a cat\n2,a dog\n",
        }
    )
    assert code == 0
    assert {name: each["says"] for name, each in told.items()} == {
        "words/cat.txt": "asks for a picture from words alone, or is the next turn", "a.json": "is a request",
        "b.jsonl": "is a batch of 1 request", "c.csv": "is a batch of 2 requests",
    }  # fmt: skip
    assert (told["a.json"]["thread_id"], told["a.json"]["instruction"]) == ("dogs", "a dog")


def test_each_line_with_a_fault_is_named_and_an_id_that_asks_for_two_things(check: Check) -> None:
    lines = [
        {"custom_id": "a", "instruction": "a cat", "thread_id": "t"}, {"custom_id": "b"},
        {"custom_id": "a", "instruction": "a dog", "thread_id": "t"}, {"custom_id": "a", "instruction": "a dog"},
    ]  # fmt: skip
    _, told = check({"a.jsonl": b"\n".join(json.dumps(line).encode() for line in lines)})
    said = [each["message"] for each in told["a.jsonl"]["problems"]]
    assert [each.partition(":")[0] for each in said] == ["line 2", "line 3"]
    assert "is already used in line 1, for another request" in said[1]


def test_what_systems_leave_is_ignored_and_what_is_not_there_is_1(check: Check) -> None:
    code, told = check({".DS_Store": b"x"})
    assert (code, told[".DS_Store"]["kind"]) == (0, "noise")
    assert check({}, "nowhere.png") == (1, {})


def test_a_file_that_is_not_there_keeps_no_other_from_its_verdict(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = check({"mug.png": PHOTO, "mug.txt": b"now blue"}, "nowhere.png", "mug.png", "mug.txt")
    assert (code, list(told)) == (1, ["mug.png", "mug.txt"])
    assert run(["check", "mug.png", "nowhere.png"]) == 1
    said = capsys.readouterr()
    assert (said.out.splitlines()[0], said.err) == (
        "✓ mug.png  is sent with its text", "There is no file nowhere.png.\n"
    )  # fmt: skip
