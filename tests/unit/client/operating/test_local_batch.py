"""A local batch file is checked line by line, as the stack would check it."""

import json
from pathlib import Path

import pytest

from darkroom_client.errors import Invalid, Trouble
from darkroom_client.operating.batches import local_batch
from darkroom_client.operating.batches.local_batch import LocalBatch, key_of
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import deployed


def stack(**parameters: str) -> Stack:
    outputs = {"UploadsBucket": "uploads", "ResultsBucket": "results"}
    return deployed(outputs, parameters, {}, None, None, None, None)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, name: str = "b.jsonl", max_calls: int | None = None, **parameters: str) -> LocalBatch:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(text.encode())
    return local_batch.read(Path(name), name, stack(**parameters), max_calls)


def faults(local: LocalBatch) -> list[tuple[int, str]]:
    return [(fault.line, fault.message) for fault in local.faults]


LINE = json.dumps({"custom_id": "a", "instruction": "a cat"})


def test_a_file_without_fault_is_uploaded_as_it_is() -> None:
    other = json.dumps({"custom_id": "b", "instruction": "a dog"})
    local = read(f"{LINE}\n\n{other}\n", "shop/b.jsonl")
    assert (local.key, local.requests, local.faults) == ("shop/b.jsonl", 2, [])
    assert local.data == Path("shop/b.jsonl").read_bytes()


def test_each_fault_is_told_with_its_line() -> None:
    said = faults(read(f"{LINE}\nnot json\n\n{json.dumps({'custom_id': 'b'})}\n"))
    assert [line for line, _ in said] == [2, 4]
    assert all(not message.startswith(("line", "row")) for _, message in said)
    assert said[0][1].startswith("the line is not JSON: ")
    assert "instruction" in said[1][1]


def test_a_table_is_looked_at_by_its_rows() -> None:
    assert read("custom_id,instruction\na,a cat\nb,a dog\n", "b.csv").faults == []
    assert [line for line, _ in faults(read("custom_id,instruction\na,a cat\n,a dog\n", "b.csv"))] == [3]
    ((line, said),) = faults(read("who,what\na,b\n", "b.csv"))
    assert (line, "name the columns" in said) == (0, True)


def test_an_id_that_stands_for_two_things_is_a_fault_and_a_repetition_is_none() -> None:
    assert read(f"{LINE}\n{LINE}\n").faults == []
    ((line, said),) = faults(read(f"{LINE}\n{LINE.replace('cat', 'dog')}\n"))
    assert (line, said) == (2, "custom_id: is already used in line 1, for another request")


@pytest.mark.parametrize("text", ["", "\n\n", '{"max_calls": 5}\n'])
def test_a_file_that_asks_for_nothing_is_a_fault(text: str) -> None:
    assert faults(read(text)) == [(0, "the file has no line that says anything")]


def test_where_folders_are_kept_apart_a_line_names_its_own_alone() -> None:
    foreign = json.dumps({"custom_id": "a", "instruction": "a cat", "thread_id": "other/t"})
    assert read(foreign, "shop/b.jsonl").faults == []
    assert len(read(foreign, "shop/b.jsonl", KeepFoldersApart="true").faults) == 1


@pytest.mark.parametrize("before", ["", "\ufeff", '{"max_calls": 9}\n'])
def test_max_calls_becomes_the_first_line(before: str) -> None:
    local = read(f"{before}{LINE}\n", max_calls=5)
    assert local.data.decode() == f'{{"max_calls": 5}}\n{LINE}\n'
    assert (local.requests, local.faults) == (1, [])


def test_a_table_with_max_calls_becomes_the_lines_that_it_stands_for() -> None:
    local = read("custom_id,instruction\na,a cat\n\nb,a dog\n", "shop/b.csv", max_calls=5)
    assert local.key == "shop/b.jsonl"
    documents = [json.loads(line) for line in local.data.splitlines() if line]
    assert documents == [
        {"max_calls": 5}, {"custom_id": "a", "instruction": "a cat"}, {"custom_id": "b", "instruction": "a dog"},
    ]  # fmt: skip
    assert local.faults == []


def test_it_says_what_it_costs_at_most() -> None:
    parameters = {"PricePerImage": "0.04 USD", "MaxPaidCalls": "2"}
    assert read(f"{LINE}\n").bill(parameters)[0] == "At most 1 call, 0.04 USD."
    assert "never more than 2 calls" in read(f"{LINE}\n").bill(parameters)[1]
    assert read(f"{LINE}\n", max_calls=5).bill(parameters) == ["At most 1 call, 0.04 USD."]


def test_a_bound_of_no_call_is_a_slip() -> None:
    with pytest.raises(Invalid, match="must be 1 or more"):
        read(LINE, max_calls=0)


def test_a_file_lies_where_it_lies_below_the_working_folder() -> None:
    assert key_of("shop/b.jsonl", "uploads") == "shop/b.jsonl"
    assert key_of("./shop/b.csv", "uploads") == "shop/b.csv"
    assert key_of("/home/me/b.jsonl", "uploads") == "b.jsonl"
    assert key_of("../b.jsonl", "uploads") == "b.jsonl"
    assert key_of("s3://uploads/shop/b.jsonl", "uploads") == "shop/b.jsonl"


@pytest.mark.parametrize("name", ["b.json", "b", "shop/.hidden/b.jsonl", ".b.jsonl"])
def test_what_is_no_batch_by_its_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="is no batch"):
        key_of(name, "uploads")


def test_a_file_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(Trouble, match=r"b\.jsonl cannot be read: No such file"):
        local_batch.read(Path("b.jsonl"), "b.jsonl", stack(), None)


def test_what_it_costs_follows_from_how_many_pictures_its_lines_ask_for() -> None:
    """With `max_calls` the dearest lines may be those that are called."""
    several = json.dumps({"custom_id": "b", "instruction": "a dog", "options": {"n": 4}})
    parameters = {"PricePerImage": "0.04 USD", "MaxPaidCalls": "1"}
    assert read(f"{LINE}\n{several}\n").bill(parameters) == ["At most 2 calls for 5 pictures, 0.20 USD."]
    assert read(f"{LINE}\n{several}\n", max_calls=1).bill(parameters) == ["At most 1 call for 4 pictures, 0.16 USD."]
