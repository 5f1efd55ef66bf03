"""A backfill on S3 and DynamoDB: what it finds, prints, sends, and leaves alone."""

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from darkroom.aws.dynamodb.ledger import DynamoLedger
from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import Table
from darkroom.domain import keys, outcome, request
from darkroom.domain.outcome import Cost, Timing
from darkroom.domain.ports import Done
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Code, Rejected
from darkroom.turns.ports import Claim
from darkroom_client.errors import Trouble
from darkroom_client.operating import backfill
from darkroom_client.operating.batches import batch_lines
from darkroom_client.stacks.stack import Stack
from tests.fakes.stack import changed, deployed, rules

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

AT = "2026-11-22T12:00:00.000Z"


@dataclass
class Shop:
    """A stack with pictures, and the output for its operator."""

    stack: Stack
    ledger: DynamoLedger
    said: list[str] = field(default_factory=list)

    def put(self, *keys: str, data: bytes = b"a picture", **metadata: str) -> None:
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        for key in keys:
            self.stack.s3.put_object(Bucket="uploads", Key=key, Body=data, Metadata=named)

    def run(
        self, words: str = "Make it night", *, prefix: str = "shop/", most: int = 1000, agrees: bool = True,
        max_calls: int | None = None,
    ) -> str:  # fmt: skip
        """Run the backfill. Return its output."""
        self.said = []
        backfill.work(
            self.stack, prefix, words, most=most, agrees=lambda: agrees, say=self.said.append, max_calls=max_calls
        )
        return "\n".join(self.said)

    def sent(self) -> list[list[dict[str, Any]]]:
        """The lines of each uploaded batch file."""
        listed = self.stack.s3.list_objects_v2(Bucket="uploads", Prefix="backfill/").get("Contents", [])
        files = [self.stack.s3.get_object(Bucket="uploads", Key=item["Key"])["Body"].read() for item in listed]
        return [[json.loads(line) for line in file.split(b"\n")[:-1]] for file in files]

    def ends(self, line: dict[str, Any], code: Code | None = None, *, paid_calls: int = 0) -> None:
        """Give a line's request its turn."""
        body = {name: value for name, value in line.items() if name != "custom_id"}
        asked = request.parse(
            json.dumps({**body, "request_id": line["custom_id"]}),
            group=keys.message_group(line["thread_id"]),
            message_id="m",
            rules=rules("uploads"),
        )
        claim = self.ledger.claim(asked, AT)
        assert isinstance(claim, Claim)
        blank = outcome.refusal(Rejected(code or "internal_error", "no"), timing=Timing(AT, AT, AT, None), attempts=1)
        turn = self.ledger.thread(asked.thread_id).latest_turn + 1
        ended = replace(
            blank,
            thread_id=asked.thread_id,
            request_id=asked.request_id,
            turn=turn,
            cost=Cost(paid_calls, None, None),
        )
        self.ledger.commit(claim, ended if code else replace(ended, status="succeeded", error=None))


@pytest.fixture
def shop(
    sqs: "SQSClient",
    s3: "S3Client",
    dynamodb: "DynamoDBClient",
    functions: "LambdaClient",
    buckets: tuple[str, str, str],
    threads_table: str,
) -> Shop:
    outputs = {"UploadsBucket": "uploads", "ResultsBucket": "results", "ThreadsTable": threads_table}
    parameters = {"PricePerImage": "0.039 USD", "MaxPaidCalls": "2"}
    stack = deployed(outputs, parameters, {}, dynamodb, s3, sqs, functions)
    return Shop(stack, DynamoLedger(Table(dynamodb, threads_table), daily_call_limit=0))


def test_each_picture_below_the_prefix_is_a_line_in_the_order_of_the_keys(shop: Shop) -> None:
    shop.put("shop/b.png", "shop/a.jpg", "shop/deep/茶 + 1.HEIC", "shops/no.jpg", "other.jpg")
    shop.put("shop/a.txt", "shop/_instruction.txt", "shop/notes.pdf", "shop/.hidden/a.jpg", "shop/c.jpg.part")
    shop.put("shop/empty.jpg", "shop/", data=b"")
    said = shop.run("  Make it\n\u2028 夜 ")
    (lines,) = shop.sent()
    assert [(line["thread_id"], line["images"]) for line in lines] == [
        ("shop/a", ["s3://uploads/shop/a.jpg"]),
        ("shop/b", ["s3://uploads/shop/b.png"]),
        ("shop/deep/茶 + 1", ["s3://uploads/shop/deep/茶 + 1.HEIC"]),
    ]
    assert {line["instruction"] for line in lines} == {"Make it\n\u2028 夜"}
    assert {line["parent_turn"] for line in lines} == {0}
    assert said.startswith(
        "3 of 10 objects below s3://uploads/shop/ are pictures: shop/a.jpg to shop/deep/茶 + 1.HEIC.\n"
        "At most 3 calls, 0.117 USD.\n"
    )


def test_a_bound_on_calls_is_the_files_first_line_and_the_bill_knows_it(shop: Shop) -> None:
    shop.put("shop/a.jpg", "shop/b.jpg", "shop/c.jpg")
    said = shop.run(max_calls=2)
    ((first, *lines),) = shop.sent()
    assert first == {"max_calls": 2}
    assert len(lines) == 3
    assert "3 need a call, and --max-calls 2 allows 2" in said
    assert "At most 2 calls, 0.078 USD." in said


@pytest.mark.parametrize(("max_calls", "bounds"), [(1, [1]), (2, [2]), (3, [2, 1]), (9, [2, 1])])
def test_files_share_the_calls_and_one_without_any_is_not_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, max_calls: int, bounds: list[int]
) -> None:
    shop.put("shop/a.jpg", "shop/b.jpg", "shop/c.jpg")
    monkeypatch.setattr(batch_lines, "parts", partial(batch_lines.parts, most_lines=2))
    shop.run(max_calls=max_calls)
    assert sorted((first["max_calls"] for first, *_ in shop.sent()), reverse=True) == bounds


def test_a_bound_of_no_call_is_a_slip(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    with pytest.raises(Trouble, match="max-calls must be 1 or more"):
        shop.run(max_calls=0)
    assert shop.sent() == []


def test_where_folders_are_kept_apart_nothing_is_sent_and_the_way_out_is_told(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    shop.stack = changed(shop.stack, parameters={**shop.stack.parameters, "KeepFoldersApart": "true"})
    with pytest.raises(Trouble, match="Set KeepFoldersApart to false"):
        shop.run()
    assert shop.sent() == []


def test_a_picture_is_asked_for_in_its_own_thread(shop: Shop) -> None:
    shop.put("shop/a.jpg", thread_id="=?UTF-8?B?5rS75Yqo?=")
    shop.put("shop/b.jpg")
    shop.put("threads/campaign/c.jpg")
    shop.run(prefix="shop/")
    shop.run(prefix="threads/")
    threads = sorted(line["thread_id"] for lines in shop.sent() for line in lines)
    assert threads == ["campaign", "shop/b", "活动"]


def test_a_thread_that_cannot_be_read_leaves_the_picture_in_that_of_its_name(shop: Shop) -> None:
    shop.put("shop/a.jpg", thread_id="=?no-such-charset?B?5rS75Yqo?=")
    shop.run()
    assert [line["thread_id"] for line in shop.sent()[0]] == ["shop/a"]


def test_more_pictures_than_one_listing_holds_are_found(shop: Shop) -> None:
    shop.stack.s3.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=2)
    )
    shop.put(*(f"shop/{number}.jpg" for number in range(5)))
    shop.run()
    assert [line["images"] for line in shop.sent()[0]] == [[f"s3://uploads/shop/{number}.jpg"] for number in range(5)]


def test_over_the_cap_nothing_is_sent_and_the_operator_is_told_how_to_raise_it(shop: Shop) -> None:
    shop.put("shop/a.jpg", "shop/b.jpg", "shop/c.jpg")
    with pytest.raises(Trouble, match=r"more than --most 2, so nothing was sent\. --most 3 lets them all through"):
        shop.run(most=2)
    assert shop.sent() == []
    shop.run(most=3)
    assert len(shop.sent()[0]) == 3


def test_whoever_says_no_has_seen_the_price_and_sent_nothing(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    said = shop.run(agrees=False)
    assert "At most 1 call, 0.039 USD.\n" in said
    assert said.endswith("\nNothing was sent.")
    assert shop.sent() == []


def test_an_unknown_price_is_said_to_be_unknown(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    shop.stack = changed(shop.stack, parameters={"PricePerImage": "", "MaxPaidCalls": "2"})
    assert "PricePerImage is empty" in shop.run(agrees=False)


@pytest.mark.parametrize("words", ["", " \n", "a" * 8001, "half \ud83d a pair"])
def test_words_that_are_no_instruction_are_refused_first(shop: Shop, words: str) -> None:
    with pytest.raises(Trouble, match=r"^instruction: .*Nothing was sent"):
        shop.run(words, prefix="nothing/here/")
    assert shop.said == []


def test_where_there_is_no_picture_it_says_so(shop: Shop) -> None:
    shop.put("shop/a.txt")
    with pytest.raises(Trouble, match="There is no picture below s3://uploads/shop/"):
        shop.run()
    with pytest.raises(Trouble, match="Say which pictures"):
        shop.run(prefix="")


def test_run_again_it_writes_the_same_file_and_what_is_over_costs_nothing(shop: Shop) -> None:
    shop.put("shop/a.jpg", "shop/b.jpg", "shop/c.jpg")
    shop.run()
    (before,) = shop.sent()
    shop.ends(before[0], paid_calls=1)
    shop.ends(before[2], "refused")
    said = shop.run()
    assert "2 have their outcome for these words, and cost nothing again.\nAt most 1 call, 0.039 USD.\n" in said
    assert shop.sent() == [before]


def test_pictures_that_are_new_or_changed_are_added(shop: Shop) -> None:
    shop.put("shop/a.jpg", "shop/c.jpg")
    shop.run()
    ((a, c),) = shop.sent()
    shop.put("shop/b.jpg")
    shop.put("shop/c.jpg", data=b"another picture")
    shop.run()
    ((again, b, changed),) = shop.sent()
    assert again == a
    assert b["images"] == ["s3://uploads/shop/b.jpg"]
    assert changed == {**c, "custom_id": changed["custom_id"]}
    assert changed["custom_id"] != c["custom_id"]


def test_a_picture_that_was_touched_or_copied_onto_itself_is_the_same(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    shop.run()
    before = shop.sent()
    shop.put("shop/a.jpg", mtime="1700000000")
    shop.run()
    assert shop.sent() == before


@pytest.mark.parametrize("code", ["provider_unavailable", "budget_exhausted", "internal_error"])
def test_what_failed_unpaid_and_by_nobodys_fault_is_asked_for_once_more(shop: Shop, code: Code) -> None:
    shop.put("shop/a.jpg", "shop/b.jpg")
    shop.run()
    ((a, b),) = shop.sent()
    for again in ("-2", "-3"):
        shop.ends(shop.sent()[0][0], code)
        assert "At most 2 calls" in shop.run()
        assert shop.sent() == [[{**a, "custom_id": a["custom_id"] + again}, b]]


@pytest.mark.parametrize(
    ("code", "paid_calls"), [("refused", 0), ("image_not_found", 0), ("outcome_unknown", 2), ("internal_error", 1)]
)
def test_what_may_have_been_paid_or_would_fail_again_is_not(shop: Shop, code: Code, paid_calls: int) -> None:
    shop.put("shop/a.jpg")
    shop.run()
    before = shop.sent()
    shop.ends(before[0][0], code, paid_calls=paid_calls)
    assert "No new call is needed." in shop.run()
    assert shop.sent() == before


def test_other_words_are_other_requests_in_another_file(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    shop.run("Make it night")
    shop.run("Make it day")
    first, second = shop.sent()
    assert first[0]["custom_id"] != second[0]["custom_id"]


def test_the_operator_is_told_where_the_answers_will_be(shop: Shop) -> None:
    shop.put("shop/a.jpg")
    said = shop.run()
    (item,) = shop.stack.s3.list_objects_v2(Bucket="uploads", Prefix="backfill/")["Contents"]
    assert said.endswith(f"s3://results/batches/{item['Key']}.out")
    assert f"`darkroom batch status {item['Key']}`" in said


def test_a_request_is_the_one_that_the_ledger_knows(shop: Shop) -> None:
    """The check of whether a line is over has to use the same request as the line's message."""
    shop.put("shop/a.jpg")
    shop.run()
    ((line,),) = shop.sent()
    picture = (ImageRef("uploads", "shop/a.jpg"),)
    known = Request("shop/a", line["custom_id"], "Make it night", picture, parent_turn=0, metadata={})
    shop.ends(line)
    status = DynamoRequestStatus(shop.ledger._table).status(known.thread_id, known.request_id, known.fingerprint)
    assert isinstance(status, Done)
