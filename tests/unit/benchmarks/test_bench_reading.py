"""The benchmark's readers: of import times, DynamoDB's items, the document, a layer's files."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.document import filled
from benchmarks.import_times import shares
from benchmarks.rows.layer import by_distribution
from benchmarks.rows.limit import lowered
from benchmarks.runs import Discarded
from benchmarks.servers.units import Meter, size

TOLD = """
import time: self [us] | cumulative | imported package
import time:       100 |        100 |     _socket
import time:       200 |        300 |   socket
import time:      1000 |       1000 |     urllib3
import time:      2000 |       3000 |   boto3.session
import time:       500 |       3800 | darkroom.wiring
import time:       700 |        700 | botocore.docs
"""
ITEM = {"thread_id": {"S": "t"}, "text": {"S": "x" * 5000}}


def test_an_import_counts_for_its_package_if_we_depend_on_it_and_else_for_the_one_that_imported_it() -> None:
    ours = {"standard library": 0.3, "darkroom": 0.5, "botocore": 0.7}
    assert shares(TOLD, {"boto3", "botocore"}) == pytest.approx({**ours, "boto3": 3.0})
    assert shares(TOLD, {"boto3", "botocore", "urllib3"}) == pytest.approx({**ours, "boto3": 2.0, "urllib3": 1.0})


def test_an_items_size_is_that_of_names_and_values() -> None:
    assert size({"n": {"S": "é"}, "m": {"M": {"k": {"BOOL": True}}}}) == (1 + 2) + (1 + 3 + 1 + 1 + 1)


@pytest.mark.parametrize(("consistent", "units"), [(True, 2.0), (False, 1.0)])
def test_a_read_costs_by_the_whole_item_whatever_is_returned(consistent: bool, units: float) -> None:
    asked = {"TableName": "t", "Key": {}, "ConsistentRead": consistent, "ProjectionExpression": "sk"}
    assert Meter(lambda *_: ITEM, lambda _: []).read("GetItem", asked) == units


def test_a_query_costs_what_it_reads_and_not_what_it_returns() -> None:
    seen: list[Any] = []

    def query(asked: Any) -> list[Any]:
        seen.append(asked)
        return [ITEM, ITEM]

    meter = Meter(lambda *_: {}, query)
    asked = {
        "KeyConditionExpression": "thread_id = :t", "ProjectionExpression": "#turn", "ConsistentRead": True,
        "ExpressionAttributeNames": {"#turn": "turn"}, "ExpressionAttributeValues": {":t": {"S": "t"}},
    }  # fmt: skip
    assert meter.read("Query", asked) == 3.0
    assert seen == [{"KeyConditionExpression": "thread_id = :t", "ConsistentRead": True,
                     "ExpressionAttributeValues": {":t": {"S": "t"}}}]  # fmt: skip


def test_a_write_in_a_transaction_costs_twice() -> None:
    asked = {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}]}
    assert Meter(lambda *_: {}, lambda _: []).written("TransactWriteItems", asked) == 10.0


def test_a_block_that_was_not_measured_stays_as_it_was() -> None:
    document = "a\n<!-- benchmark: one -->\nold\n<!-- end -->\n<!-- benchmark: two -->\nkept\n<!-- end -->\n"
    assert filled(document, {"one": "new"}) == document.replace("old", "new")


@pytest.mark.parametrize("needed", [3.0, 60.0, 99.0, 350.0])
def test_the_smallest_limit_is_found_wherever_it_is(needed: float) -> None:
    assert needed <= lowered(100.0, lambda limit: limit >= needed) <= needed * 1.15


def test_a_limit_that_nothing_survives_is_no_measurement() -> None:
    with pytest.raises(Discarded, match="not survived with 800 MB either"):
        lowered(100e6, lambda _: False)


def test_compiled_files_count_for_the_distribution_of_their_sources(tmp_path: Path) -> None:
    for name, content in {
        "six.py": "x" * 10,
        "__pycache__/six.cpython-313.pyc": "x" * 20,
        "six-1.17.dist-info/RECORD": "six.py,,\nsix-1.17.dist-info/RECORD,,\n",
        "darkroom/answer.py": "x" * 5,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    record = (tmp_path / "six-1.17.dist-info/RECORD").stat().st_size
    assert by_distribution(tmp_path) == {"six": 30 + record, "darkroom": 5}
