"""A `.csv` batch, as spreadsheets write it, row by row; the same rows from any place on, whatever the parts."""

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.batches import csv_file
from darkroom.batches.handler import MAX_LINES_IN_ALL
from darkroom.batches.line_reader import LINE_BYTES, Line, Place
from darkroom.domain.keys import sha256
from darkroom.errors import Unavailable
from darkroom.providers.dialects.nebula import OPTIONS
from tests.fakes.edge import Died, Edge
from tests.fakes.image_api import png
from tests.unit.batches.batch_world import BatchWorld, asking

HEAD = "custom_id,instruction,images\n"
KEY = "shop/spring.csv"


def read(data: bytes | str, start: Place | None = None, piece: int = 1 << 20) -> list[Line]:
    content = data.encode() if isinstance(data, str) else data
    return list(csv_file.read(lambda offset: content[offset : offset + piece], start or Place(), OPTIONS))


def documents(data: bytes | str) -> list[Any]:
    return [json.loads(line.data) for line in read(data) if line.data]


def written(rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    """The rows as a spreadsheet writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("said", ["sep=;", '"sep=;"', "SEP=;\r", "\ufeffsep=;"])
def test_a_first_line_that_names_the_separator_is_no_row(said: str) -> None:
    lines = read(f"{said}\ncustom_id;instruction\na;red, or blue, or green\n")
    assert [json.loads(line.data or b"") for line in lines] == [
        {"custom_id": "a", "instruction": "red, or blue, or green"}
    ]
    assert lines[0].after.number == 2
    assert documents("sep=|\ncustom_id|instruction\na|red\n") == [{"custom_id": "a", "instruction": "red"}]


def test_rows_that_end_in_cr_are_read_from_any_place_on() -> None:
    table = 'custom_id,instruction\ra,red\rb,"two\nlines"\rc,blue\r'
    lines = read(table)
    assert [json.loads(line.data or b"")["custom_id"] for line in lines] == ["a", "b", "c"]
    assert [read(table, line.after) for line in lines] == [lines[1:], lines[2:], []]


def test_a_faulty_row_is_told_in_our_words() -> None:
    for row in ("a,red\rblue\n", f"a,{'x' * 140_000}\n", 'a,"red" blue\n'):
        (line,) = read(HEAD + row)
        assert line.data is None
        assert line.fault.startswith("has ")
        assert not any(word in line.fault for word in ("universal", "limit", "delimiter", "expected"))


# The content of a row.


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_csv_of_any_spreadsheet_is_read(delimiter: str, mark: str, end: str) -> None:
    rows = [
        ["custom_id", "instruction", "images", "options.size", "metadata.order"],
        ["4711", 'Say "hi", red; blue\tgreen', "mug.jpg cup.jpg", "16:9", "a,b"],
        ["SKU 12/3", "One line\nand the next\n\nand one more", "a b.jpg|c.jpg", "", ""],
        ["杯子-1", "改成水彩画", "", "", ""],
    ]
    assert documents(mark + written(rows, delimiter).replace("\r\n", end)) == [
        {
            "custom_id": "4711", "instruction": 'Say "hi", red; blue\tgreen', "images": ["mug.jpg", "cup.jpg"],
            "options": {"size": "16:9"}, "metadata": {"order": "a,b"},
        },
        {
            "custom_id": "SKU 12/3", "instruction": "One line\nand the next\n\nand one more",
            "images": ["a b.jpg", "c.jpg"],
        },
        {"custom_id": "杯子-1", "instruction": "改成水彩画"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "images"),
    [
        ("mug.jpg", ["mug.jpg"]),
        ("a.jpg  b.jpg\nc.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
        (" blue mug.jpg | b.jpg", ["blue mug.jpg", "b.jpg"]),
        ("blue mug.jpg|", ["blue mug.jpg"]),
    ],
)
def test_pictures_stand_between_spaces_or_bars(cell: str, images: list[str]) -> None:
    (document,) = documents(HEAD + written([["a", "paint", cell]]))
    assert document["images"] == images


def test_a_number_is_one_where_text_will_not_do() -> None:
    head = "custom_id,instruction,parent_turn,options.temperature,options.size,metadata.n\n"
    (document,) = documents(head + "1,2,3,0.5,1024,7\n")
    assert document == {
        "custom_id": "1", "instruction": "2", "parent_turn": 3,
        "options": {"temperature": 0.5, "size": "1024"}, "metadata": {"n": "7"},
    }  # fmt: skip


@pytest.mark.parametrize("column", ["options.size", "options.aspect_ratio"])
@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ("16:09:00", "16:9"), ("16:09", "16:9"), ("04:09:00 PM", "16:9"), ("4:09 pm", "16:9"), ("9:16", "9:16"),
        ("01:01:00", "1:1"), ("01:01:00 AM", "1:1"), ("1:01", "1:1"), ("12:05:00 PM", "12:5"), ("21:09:00", "21:9"),
        ("16:9", "16:9"), ("1024x1024", "1024x1024"), ("16:09:30", "16:09:30"),
    ],
)  # fmt: skip
def test_a_shape_of_which_the_spreadsheet_made_a_time_is_the_one_that_was_typed(
    column: str, cell: str, shape: str
) -> None:
    (document,) = documents(f"custom_id,instruction,{column},metadata.at\na,paint,{cell},{cell}\n")
    assert document["options"] == {column.partition(".")[2]: shape}
    assert document["metadata"] == {"at": cell}


@pytest.mark.parametrize("words", ["????????????", "?? ???", "??\n??"])
def test_words_that_the_encoding_lost_are_not_asked(words: str) -> None:
    """Spreadsheets write a question mark for each letter that the encoding of the file does not have."""
    lost, kept = read(HEAD + written([["a", words, "mug.jpg"], ["b", "Why??", "mug.jpg"]]))
    assert lost.data is None
    assert "nothing but question marks" in lost.fault
    assert kept.data


def test_rows_and_columns_that_say_nothing_are_passed_over() -> None:
    data = "custom_id,instruction,,\na,paint,,\n,,,\n\n  \nb,paint\n"
    assert [(line.is_blank, line.after.number) for line in read(data)] == [
        (False, 2), (True, 3), (True, 4), (True, 5), (False, 6),
    ]  # fmt: skip
    assert [document["custom_id"] for document in documents(data)] == ["a", "b"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,Make it red, please,mug.jpg", "quote a cell that holds ','"),
        ('a,"red,mug.jpg', "quotes that do not close"),
        ('a,"a "red" cat",mug.jpg', 'not doubled inside a cell ("")'),
        ('a,"' + "x" * LINE_BYTES + '",mug.jpg', "is a quotation mark never closed?"),
        ("a,caf\udce9,mug.jpg", "it looks like Windows-1252"),
    ],
    ids=range(5),
)
def test_a_row_that_is_none_says_why(row: str, said: str) -> None:
    (line,) = read((HEAD + row + "\n").encode(errors="surrogateescape"))
    assert line.data is None
    assert said in line.fault


def test_a_quotation_mark_inside_a_cell_without_quotes_is_one() -> None:
    assert documents(HEAD + 'a,Make it 12" wide,\nb,paint,') == [
        {"custom_id": "a", "instruction": 'Make it 12" wide'},
        {"custom_id": "b", "instruction": "paint"},
    ]


def test_a_quotation_mark_that_is_never_closed_asks_for_nothing_that_stands_behind_it() -> None:
    """After it the meaning is unclear, and each of the rows would be paid."""
    assert documents(HEAD + 'a,paint,\nb,"red,\nc,blue,\nd,green,\n') == [{"custom_id": "a", "instruction": "paint"}]
    swallowed, following = read(HEAD + 'a,"red,\nb,"blue, please",\nc,green,\n')
    assert swallowed.data is None
    assert following.data == b'{"custom_id": "c", "instruction": "green"}'


# The first row.


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("a,paint,mug.jpg", "custom_id: is required"),
        ("custom_id,images", "instruction: is required"),
        ("custom_id,prompt", "prompt: is not a known key: did you mean `instruction`?"),
        ("custom_id,instruction,Image", "Image: is not a known key: did you mean `images`?"),
        ("id,instruction", "id: is not a known key: did you mean `custom_id`?"),
        ("custom_id,instruction,aspect_ratio", "did you mean `options.aspect_ratio`?"),
        ("custom_id,instruction,options.aspectRatio", "options.aspectRatio: is not a known key"),
        ("custom_id,instruction,options", "options: must be an object"),
        ("custom_id,instruction,custom_id", "two columns have the name 'custom_id'"),
        ('custom_id,"instruction', "quotes that do not close"),
        ("sep=;", "custom_id: is required"),
        ("", "custom_id: is required"),
        ("custom_id,instruction".encode("utf-16"), "is UTF-16"),
        ("custom_id,Größe".encode("cp1252"), "is not in UTF-8"),
        ("custom_id," + "x" * LINE_BYTES, "is over 1,048,576 bytes"),
    ],
    ids=range(15),
)
def test_a_first_row_that_names_no_columns_refuses_the_whole_file(head: str | bytes, said: str) -> None:
    world = BatchWorld(key=KEY)
    batch = world.upload((head if isinstance(head, bytes) else head.encode()) + b"\na,paint,mug.jpg\n")
    assert world.tick(batch).result == "invalid_request"
    assert said in world.told(batch)["message"]
    assert "custom_id,instruction,images" in world.told(batch)["hint"]
    assert world.calls == []


# Places.


cells = st.text('a ,;\t"\n\r雪', max_size=6)
rows = st.lists(st.lists(cells, min_size=3, max_size=3).filter(lambda row: row[0].strip()), max_size=6)


@given(rows=rows, delimiter=st.sampled_from(csv_file.DELIMITERS), piece=st.integers(1, 40))
def test_any_table_comes_back_row_by_row(rows: list[list[str]], delimiter: str, piece: int) -> None:
    head = ["custom_id", "instruction", "thread_id"]
    found = read(written([head, *rows], delimiter).encode(), piece=piece)
    wanted = [
        {name: cell.strip().replace("\r\n", "\n") for name, cell in zip(head, row, strict=True) if cell.strip()}
        for row in rows
    ]
    assert [json.loads(line.data) for line in found if line.data] == wanted
    assert [line.after.number for line in found] == list(range(2, len(rows) + 2))


tables = st.lists(
    st.sampled_from(["a", ",", '"', '""', "\n", "\r\n", " ", "雪", ',"', '",', "b,c,d\n"]), max_size=30
).map("".join)


@given(body=tables, pieces=st.tuples(st.integers(1, 40), st.integers(1, 40)))
@example(body='a,"b\n\nc",d\ne,f,g', pieces=(3, 5))
def test_from_any_row_on_they_are_the_same(body: str, pieces: tuple[int, int]) -> None:
    data = (HEAD + body).encode()
    whole = read(data, piece=pieces[0])
    for position, line in enumerate(whole):
        assert read(data, line.after, pieces[1]) == whole[position + 1 :]
    assert not whole or whole[-1].after.offset - len(data) in (0, 1)


def test_of_a_row_that_is_too_long_nothing_is_kept_and_the_next_is_read() -> None:
    lines = "x\n" * LINE_BYTES
    for long in (f'a,"{lines}",\n', f'a,"{"x" * 3 * LINE_BYTES}",\n'):
        found = read(f"{HEAD}a,paint,\n{long}c,paint,\n")
        assert [line.data is None for line in found] == [False, True, False]
        assert [line.after.number for line in found] == [2, 3, 4]


# As a batch.


@pytest.fixture
def world() -> BatchWorld:
    return BatchWorld(key=KEY)


def ids(world: BatchWorld) -> list[str | None]:
    return [line["custom_id"] for line in world.out]


def test_each_row_is_answered_as_the_line_that_it_stands_for(world: BatchWorld) -> None:
    world.objects.put("uploads", "shop/mug.png", png())
    rows = ["custom_id;instruction;images", '4711;"Make it night;\r\nand snow";mug.png', "b c;a mug;"]
    world.run(world.upload("\r\n".join(rows)))
    assert ids(world) == ["4711", "b c"]
    place = f"threads/shop/spring/4711/00001-{sha256('4711')[:8]}/result.json"
    assert world.out[0] == {
        "custom_id": "4711", "status": "succeeded", "result": f"s3://results/{place}", "error": None,
    }  # fmt: skip
    assert world.objects.document("results", place)["instruction"] == "Make it night;\nand snow"
    assert [source["key"] for source in world.objects.document("results", place)["sources"]] == ["shop/mug.png"]
    assert world.manifest == {"total": 2, "succeeded": 2, "failed": 0}


def test_a_row_asks_for_the_same_as_its_line(world: BatchWorld) -> None:
    """A `.csv` made from a `.jsonl` pays for nothing again."""
    line = asking("a", options={"size": "1:1"}, images=["a.jpg"])
    (row,) = documents("custom_id,instruction,options.size,images\na,paint a,1:1,a.jpg\n")
    assert row == line


def test_a_bad_row_fails_alone_and_is_told_by_its_number_in_the_spreadsheet(world: BatchWorld) -> None:
    world.run(world.upload(f'{HEAD}a,"two\nlines",\nb,,\nc,paint,s3://strangers/a.jpg\nd,red, please,a,\ne,paint,\n'))
    assert [line["status"] for line in world.out] == ["succeeded", "failed", "failed", "failed", "succeeded"]
    messages = [line["error"]["message"] for line in world.out if line["error"]]
    assert messages[0].startswith("row 3: instruction: is required")
    assert messages[1].startswith("row 4: images.0: must lie in")
    assert messages[2].startswith("row 5: body: has a cell beyond its named columns")
    assert ids(world) == ["a", "b", "c", None, "e"]


def test_a_table_goes_on_at_its_rows_however_often_it_is_stopped() -> None:
    world = BatchWorld(places=1, key=KEY)
    batch = world.upload(HEAD + "".join(f'r-{number},"paint\n{number}",\n' for number in range(9)))
    for _ in range(9):
        with pytest.raises(Unavailable):
            world.tick(batch)
        world.answer_requests()
    world.run(batch)
    assert ids(world) == [f"r-{number}" for number in range(9)]
    assert world.calls == [f"paint\n{number}" for number in range(9)]


def test_killed_at_any_call_over_a_port_a_table_ends_as_if_nothing_had_been() -> None:
    content = f'{HEAD}a,"paint\na",\n,,\nb,,\nc c,paint c,\nd,paint d,\n'
    for boundary in range(1, 200):
        world = BatchWorld(places=2, key=KEY)
        batch = world.upload(content)

        def dies(count: int, _name: str, at: int = boundary) -> None:
            if count == at:
                raise Died

        with suppress(Died, Unavailable):
            world.tick(batch, edge := Edge(dies))
        world.run(batch)
        assert ids(world) == ["a", "b", "c c", "d"], boundary
        assert sorted(world.calls) == ["paint\na", "paint c", "paint d"], boundary
        if edge.count < boundary:
            break
    assert boundary > 15


def test_the_rows_of_a_table_that_is_gone_keep_their_ids(world: BatchWorld) -> None:
    batch = world.upload(HEAD + "".join(f"r {number},paint,\n" for number in range(5)))
    with pytest.raises(Unavailable):
        world.tick(batch)
    world.objects.versions.clear()
    world.run(batch)
    assert ids(world) == [f"r {number}" for number in range(5)]
    assert [line["status"] for line in world.out] == ["succeeded"] * 3 + ["failed"] * 2


@pytest.mark.parametrize("body", ["", ",,\n\n", "a,paint,\n" * 50_001, "a,paint,\n" + "\n" * MAX_LINES_IN_ALL])
def test_a_table_without_rows_or_with_too_many_is_refused_as_a_whole(world: BatchWorld, body: str) -> None:
    batch = world.upload(HEAD + body)
    assert world.tick(batch).result == "invalid_request"
    assert world.told(batch)["hint"]
    assert world.calls == []
