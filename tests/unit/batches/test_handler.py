"""A batch file: every line ends in one line of the answers, in order. A bad line fails alone, and crashes lose none."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.batches import batch_file
from darkroom.batches.handler import IDS_AT_ONCE, MAX_LINES_IN_ALL
from darkroom.domain.keys import sha256
from darkroom.errors import Unavailable
from tests.fakes.edge import Died, Edge
from tests.fakes.image_api import made, png, stated
from tests.unit.batches.batch_world import KEY, BatchWorld, asking

ROOT = Path(__file__).parents[3]


@pytest.fixture
def world() -> BatchWorld:
    return BatchWorld()


def ids(world: BatchWorld) -> list[str | None]:
    return [line["custom_id"] for line in world.out]


def errors(world: BatchWorld) -> list[dict[str, Any] | None]:
    return [line["error"] for line in world.out]


def test_every_line_is_answered_in_order_where_its_result_lies(world: BatchWorld) -> None:
    ended = world.run(world.upload([asking(f"r-{number}") for number in range(7)]))
    assert (ended.result, ended.total, ended.succeeded, ended.failed) == ("answered", 7, 7, 0)
    assert ids(world) == [f"r-{number}" for number in range(7)]
    for number, line in enumerate(world.out):
        place = f"threads/shop/spring/r-{number}/00001-{sha256(f'r-{number}')[:8]}/result.json"
        assert line == {
            "custom_id": f"r-{number}", "status": "succeeded", "result": f"s3://results/{place}", "error": None,
        }  # fmt: skip
        assert world.objects.document("results", place)["instruction"] == f"paint r-{number}"
    assert world.manifest == {"total": 7, "succeeded": 7, "failed": 0}
    assert len(world.calls) == 7


def test_however_long_its_requests_wait_no_more_of_them_are_in_the_queue_than_there_are_places(
    world: BatchWorld,
) -> None:
    batch = world.upload([asking(f"r-{number}") for number in range(9)])
    most = 0
    for _ in range(20):
        try:
            world.tick(batch)
            break
        except Unavailable:
            most = max(most, len(world.queue.entries))
            world.clock.advance(86_400)
            world.answer_requests(most=2)
    assert most == 3
    assert len(world.out) == 9


def test_a_file_that_may_not_be_read_is_told_as_a_whole(world: BatchWorld) -> None:
    batch = world.upload([asking("a")])
    world.objects.locked.add(("uploads", KEY))
    assert world.run(batch).result == "unreadable"
    assert world.told(batch)["code"] == "unreadable"
    assert world.calls == []


def test_where_folders_are_kept_apart_a_line_that_names_another_ones_fails_alone() -> None:
    world = BatchWorld(keeps_folders_apart=True)
    lines = [
        asking("own"), asking("thread", thread_id="victim/cat"), asking("picture", images=["../victim/cat.jpg"]),
        asking("below", thread_id="shop/other"),
    ]  # fmt: skip
    world.run(world.upload(lines))
    assert [line["status"] for line in world.out] == ["succeeded", "failed", "failed", "succeeded"]
    told = [error for error in errors(world) if error]
    assert [(error["code"], error["param"]) for error in told] == [
        ("invalid_request", "thread_id"), ("invalid_request", "images.0"),
    ]  # fmt: skip
    assert told[0]["message"].startswith("line 2: thread_id")


@pytest.mark.parametrize("key", ["vic.jsonl", "vic.csv"])
def test_a_batch_at_the_root_names_no_thread_of_a_folder_of_its_own_name(key: str) -> None:
    """The folder `vic` may belong to another person, whose thread `vic/cat` has that person's pictures."""
    world = BatchWorld(keeps_folders_apart=True, key=key)
    lines = [("cat", ""), ("名前", ""), ("b", "shop/own"), ("c", "vic/cat"), ("d", "vic/" + "x" * 600), ("e", "vic")]
    table = "custom_id,instruction,thread_id\n" + "".join(f"{name},night,{thread}\n" for name, thread in lines)
    asked = [asking(name, **({"thread_id": thread} if thread else {})) for name, thread in lines]
    world.run(world.upload(table if key.endswith(".csv") else asked))
    assert [line["status"] for line in world.out] == [*["failed"] * 5, "succeeded"]
    told = [error for error in errors(world) if error]
    assert [error["param"] for error in told] == ["thread_id"] * 5
    assert all("or into a folder of its own" in error["hint"] for error in told if "folders apart" in error["message"])
    assert len(world.calls) == 1


def test_one_in_a_folder_of_its_own_names_threads_whose_names_are_hashes() -> None:
    world = BatchWorld(keeps_folders_apart=True, key="shop//many.jsonl")
    world.run(world.upload([asking("own"), asking("名前")]))
    assert [line["status"] for line in world.out] == ["succeeded", "succeeded"]


def test_so_does_a_row_of_a_table() -> None:
    world = BatchWorld(keeps_folders_apart=True, key="shop/spring.csv")
    rows = "custom_id,instruction,images,thread_id\na,night,,\nb,night,../victim/cat.jpg,\nc,night,,victim/cat\n"
    world.run(world.upload(rows))
    assert [line["status"] for line in world.out] == ["succeeded", "failed", "failed"]


def test_the_answers_are_there_before_the_manifest(world: BatchWorld) -> None:
    written = []

    def watch(_count: int, name: str) -> None:
        if name == "after write":
            written.append(len(world.objects.keys("results", "batches/")))

    world.run(world.upload([asking("a")]), Edge(watch))
    assert written == [1, 2]


def test_a_line_may_say_all_that_a_message_may(world: BatchWorld) -> None:
    world.objects.put("uploads", "shop/a.png", png())
    line = asking("a", thread_id="camp", images=["a.png"], options={"size": "1:1"}, metadata={"k": "v"}, model="x")
    world.run(world.upload([line]))
    result = world.objects.document("results", f"threads/camp/00001-{sha256('a')[:8]}/result.json")
    assert (result["metadata"], result["model"], result["options"]) == ({"k": "v"}, "x", {"size": "1:1"})
    assert [source["key"] for source in result["sources"]] == ["shop/a.png"]


def _png() -> bytes:
    from tests.fakes.image_api import png

    return png()


def test_lines_of_one_thread_are_its_turns_in_their_order(world: BatchWorld) -> None:
    world.run(world.upload([asking(f"r-{number}", thread_id="one") for number in range(5)]))
    assert [turn.request_id for turn in world.ledger.turns["one"]] == [f"r-{number}" for number in range(5)]
    assert [turn.parent_turn for turn in world.ledger.turns["one"]] == [None, 1, 2, 3, 4]


BAD = [
    ("{", "body"),
    ("[]", "body"),
    ("null", "body"),
    ('{"custom_id": "x"}', "instruction"),
    ('{"instruction": "paint"}', "custom_id"),
    ('{"custom_id": "", "instruction": "paint"}', "custom_id"),
    ('{"custom_id": null, "instruction": "paint"}', "custom_id"),
    ('{"custom_id": "x", "request_id": "x", "instruction": "paint"}', "request_id"),
    ('{"custom_id": "x", "instruction": "paint", "images": ["../../a.jpg"]}', "images.0"),
    ('{"custom_id": "x", "instruction": "paint", "images": ["s3://strangers/a.jpg"]}', "images.0"),
    ('{"custom_id": "x", "instruction": "paint", "thread_id": "a//b"}', "thread_id"),
    ('{"custom_id": "x", "instruction": "paint", "colour": 1}', "colour"),
    (b'{"custom_id": "x", "instruction": "\xff"}', "body"),
    (b'{"custom_id": "x", "instruction": "' + b"a" * (1 << 20) + b'"}', "body"),
]


@pytest.mark.parametrize(("bad", "field"), BAD, ids=range(len(BAD)))
def test_a_bad_line_fails_alone_and_says_which_it_is_and_what_is_wrong(
    world: BatchWorld, bad: str | bytes, field: str
) -> None:
    raw = bad.encode() if isinstance(bad, str) else bad
    good = [json.dumps(asking(name)).encode() for name in "ab"]
    world.run(world.upload(b"\n".join([good[0], b"", raw, good[1]])))
    first, failed, last = world.out
    assert [first["status"], failed["status"], last["status"]] == ["succeeded", "failed", "succeeded"]
    assert failed["result"] is None
    assert failed["error"]["code"] == "invalid_request"
    assert failed["error"]["message"].startswith(f"line 3: {field}: ")
    assert failed["error"]["hint"]
    assert failed["custom_id"] == ("x" if b'"x"' in raw and field not in ("custom_id", "body") else None)
    assert world.manifest == {"total": 3, "succeeded": 2, "failed": 1}


def test_any_string_is_an_id_and_the_answers_have_it_as_it_was_given(world: BatchWorld) -> None:
    names = ["SKU 12/3", "杯子-1", 4711, "4711", "a b"]
    world.run(world.upload([asking(str(name)) | {"custom_id": name} for name in names]))
    assert ids(world) == ["SKU 12/3", "杯子-1", "4711", "4711", "a b"], "a number is answered as text"
    assert world.manifest == {"total": 5, "succeeded": 5, "failed": 0}
    assert world.out[2] == world.out[3], "one id, one request"
    request_id = f"custom-{sha256('SKU 12/3')}"
    place = f"threads/shop/spring/{request_id}/00001-{sha256(request_id)[:8]}/result.json"
    assert world.out[0]["result"] == f"s3://results/{place}"
    assert world.objects.document("results", place)["request_id"] == request_id


def test_the_ids_of_a_file_that_is_counted_in_many_steps_are_known_when_it_is_gone(world: BatchWorld) -> None:
    """Without them the answers could not name the lines that were not sent."""
    names = [f"雪 {number}" for number in range(IDS_AT_ONCE + 30)]
    batch, seconds = world.upload([asking(name) for name in names]), itertools.chain([99.0] * 7, [1.0])
    with pytest.raises(Unavailable, match="counted"):
        world.tick(batch, time_left=lambda: next(seconds))
    with pytest.raises(Unavailable):
        world.tick(batch)
    world.objects.versions.clear()
    world.run(batch)
    assert ids(world) == names


def test_of_a_batch_that_a_former_release_counted_no_id_is_known_and_it_ends(world: BatchWorld) -> None:
    batch = world.upload([asking(f"r-{number}") for number in range(4)])
    with pytest.raises(Unavailable):
        world.tick(batch)
    world.register.known_ids.clear()
    world.objects.versions.clear()
    world.run(batch)
    assert ids(world) == ["r-0", "r-1", "r-2", None]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \t\n", "\r\n\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_a_file_may_have_a_mark_other_line_ends_and_blank_lines(
    world: BatchWorld, mark: str, end: str, last: bool
) -> None:
    lines = [json.dumps(asking(name)) for name in "abc"]
    world.run(world.upload(mark + end.join(lines) + (end if last else "")))
    assert ids(world) == ["a", "b", "c"]
    assert world.manifest["succeeded"] == 3


def test_one_id_twice_is_one_request_with_the_same_content_and_a_fault_with_another(world: BatchWorld) -> None:
    world.run(world.upload([asking("a"), asking("a"), asking("a", instruction="paint another")]))
    first, second, third = world.out
    assert first == second
    assert (third["status"], third["result"], third["error"]["code"]) == ("failed", None, "request_id_reused")
    assert world.calls == ["paint a"]


def test_a_turn_that_failed_is_told_with_its_result(world: BatchWorld) -> None:
    world.run(world.upload([asking("a", parent_turn=7)]))
    (line,) = world.out
    assert (line["status"], line["error"]["code"]) == ("failed", "unknown_parent")
    assert line["result"].endswith("/result.json")


def test_what_takes_no_turn_is_told_without_a_result() -> None:
    world = BatchWorld(max_turns=1)
    world.run(world.upload([asking("a", thread_id="one"), asking("b", thread_id="one")]))
    first, second = world.out
    assert first["status"] == "succeeded"
    assert (second["status"], second["result"], second["error"]["code"]) == ("failed", None, "too_many_turns")


def test_a_line_more_than_are_taken_refuses_the_whole_file(world: BatchWorld) -> None:
    batch = world.upload(b"x\n\n" * (batch_file.MAX_LINES + 1))
    assert world.tick(batch).result == "invalid_request"
    assert "50,000 lines" in world.told(batch)["message"]
    assert world.objects.keys("results", "batches/") == []


def test_blank_lines_that_no_tick_could_read_past_refuse_the_whole_file(world: BatchWorld) -> None:
    """Each step after the next line would read them again, and none would reach it."""
    batch = world.upload(b"x" + b"\n" * MAX_LINES_IN_ALL + b"y")
    assert world.tick(batch).result == "invalid_request"
    assert "most of them blank" in world.told(batch)["message"]


@pytest.mark.parametrize("content", ["\n \n", "\ufeff\n", "{}".encode("utf-16"), '{"a": 1}\n'.encode("utf-16-be")])
def test_a_file_that_cannot_be_a_batch_is_told(world: BatchWorld, content: str | bytes) -> None:
    data = b"\xfe\xff" + content if isinstance(content, bytes) and content.startswith(b"\0") else content
    batch = world.upload(data)
    assert world.tick(batch).result == "invalid_request"
    assert world.told(batch)["hint"]


def test_the_same_file_again_is_nothing_new_and_another_is_the_one_that_is_answered(world: BatchWorld) -> None:
    """The replaced file was accepted too: all of it is asked, but its answers have no place any more."""
    first = world.upload([asking("a"), asking("b"), asking("c"), asking("e")])
    with pytest.raises(Unavailable):
        world.tick(first)
    second = world.upload([asking("a"), asking("d"), asking("b", instruction="other")])
    assert second.generation == first.generation + 1
    assert world.upload([asking("a"), asking("d"), asking("b", instruction="other")]).generation == second.generation
    world.run(second)
    assert world.run(first).result == "replaced"
    assert ids(world) == ["a", "d", "b"]
    assert [line["status"] for line in world.out] == ["succeeded", "succeeded", "failed"]
    assert world.out[2]["error"]["code"] == "request_id_reused"
    assert sorted(world.calls) == ["paint a", "paint b", "paint c", "paint d", "paint e"]


def test_a_file_that_is_deleted_answers_what_was_sent_and_fails_the_rest(world: BatchWorld) -> None:
    batch = world.upload([*(asking(f"r-{number}") for number in range(4)), {"instruction": "?"}, asking("雪 5")])
    with pytest.raises(Unavailable):
        world.tick(batch)
    world.objects.versions.clear()
    world.run(batch)
    assert ids(world) == ["r-0", "r-1", "r-2", "r-3", None, "雪 5"], "each line keeps its id"
    assert [line["status"] for line in world.out] == ["succeeded"] * 3 + ["failed"] * 3
    assert world.out[5]["error"]["message"] == "the batch file was deleted before this line was sent"


@pytest.mark.parametrize("boundary", ["before send", "after send"])
def test_of_a_line_that_died_while_it_was_sent_and_whose_file_is_gone_it_is_said_that_nobody_knows(
    world: BatchWorld, boundary: str
) -> None:
    batch = world.upload([asking("a"), asking("b")])

    def happens(_count: int, name: str) -> None:
        if name == boundary:
            raise Died

    with pytest.raises(Died):
        world.tick(batch, Edge(happens))
    world.objects.versions.clear()
    world.run(batch)
    unsure, unsent = (line["error"]["message"] for line in world.out)
    assert unsure == "the batch file was deleted, and this line may not have been sent"
    assert unsent == "the batch file was deleted before this line was sent"
    assert ids(world) == ["a", "b"]


def test_a_file_that_is_gone_at_once_is_none(world: BatchWorld) -> None:
    batch = world.upload([asking("a")])
    world.objects.versions.clear()
    assert world.tick(batch).result == "gone"


def test_it_comes_again_soon_while_things_move_and_ever_later_while_nothing_does(world: BatchWorld) -> None:
    batch = world.upload([asking("a")])
    waits = []
    for seconds in (0, 0, 10, 100, 1000):
        world.clock.advance(seconds)
        with pytest.raises(Unavailable) as caught:
            world.tick(batch)
        waits.append(caught.value.retry_after)
    assert waits == [1, 1, 2.5, 27.5, 60]


def test_a_message_of_yesterday_is_replaced_by_a_new_one(world: BatchWorld) -> None:
    batch = world.upload([asking("a")])
    assert world.tick(batch, age=25 * 3600).result == "renewed"
    ((body, group, _),) = world.batches.sent
    assert (body, group) == (batch.body, KEY)
    world.run(batch)
    assert world.tick(batch, age=25 * 3600).result == "answered"
    assert len(world.batches.sent) == 1


def test_a_message_that_was_received_often_is_replaced_before_it_is_a_dead_letter(world: BatchWorld) -> None:
    batch = world.upload([asking("a")])
    with pytest.raises(Unavailable):
        world.tick(batch, receives=799)
    assert world.tick(batch, receives=800).result == "renewed"
    assert [(body, group) for body, group, _ in world.batches.sent] == [(batch.body, KEY)]


def test_without_time_nothing_is_begun_and_nothing_is_lost(world: BatchWorld) -> None:
    batch = world.upload([asking("a"), asking("b")])
    for seconds in (1, 14, 60, 20):
        with pytest.raises(Unavailable):
            world.tick(batch, seconds=seconds)
    world.answer_requests()
    with pytest.raises(Unavailable, match="answers"):
        world.tick(batch, seconds=25)
    assert world.tick(batch).result == "answered"
    assert len(world.calls) == 2


# Crashes in the middle.

MIXED = [asking("a"), {"custom_id": "b"}, asking("c"), asking("a"), asking("a", instruction="other"), asking("d")]


def undisturbed(content: list[dict[str, Any]]) -> bytes:
    world = BatchWorld(places=2)
    world.run(world.upload(content))
    return world.raw_out


def died_at(content: list[dict[str, Any]], deaths: list[int]) -> tuple[BatchWorld, bool]:
    """Kill the batch at these boundaries, counted from its beginning, and deliver it again each time."""
    world = BatchWorld(places=2)
    batch = world.upload(content)
    passed, left = itertools.count(1), sorted(deaths)

    def happens(_count: int, _name: str) -> None:
        if left and next(passed) >= left[0]:
            left.pop(0)
            raise Died

    for _ in range(1000):
        try:
            world.tick(batch, Edge(happens))
            break
        except Died:
            pass
        except Unavailable:
            world.answer_requests(most=2)
            world.clock.advance(61)
    return world, not left


def test_killed_at_any_call_over_a_port_a_batch_ends_as_if_nothing_had_been() -> None:
    wanted, boundary = undisturbed(MIXED), 0
    for boundary in itertools.count(1):
        world, was_killed = died_at(MIXED, [boundary])
        assert world.raw_out == wanted, boundary
        assert sorted(world.calls) == ["paint a", "paint c", "paint d"], boundary
        assert world.manifest == {"total": 6, "succeeded": 4, "failed": 2}
        if not was_killed:
            break
    assert boundary > 60


@given(
    deaths=st.lists(st.integers(1, 150), min_size=2, max_size=6),
    kinds=st.lists(st.integers(0, 3), min_size=1, max_size=8),
)
def test_killed_again_and_again_no_line_is_passed_over_or_asked_twice(deaths: list[int], kinds: list[int]) -> None:
    content = [
        [asking(f"r-{at}"), {"custom_id": f"r-{at}"}, asking("same"), asking(f"t-{at}", thread_id="one")][kind]
        for at, kind in enumerate(kinds)
    ]
    world, _ = died_at(content, deaths)
    assert world.raw_out == undisturbed(content)
    wanted = {document["custom_id"] for document in content if "instruction" in document}
    assert sorted(world.calls) == sorted(f"paint {custom_id}" for custom_id in wanted)


def test_two_workers_at_once_do_not_get_in_each_others_way(world: BatchWorld) -> None:
    """At each call of the first worker another one takes the batch over: SQS may deliver a message twice."""
    content = [asking("a"), {"custom_id": "b"}, asking("c")]
    for boundary in range(1, 200):
        world = BatchWorld(places=2)
        batch = world.upload(content)

        def overtake(count: int, _name: str, at: int = boundary, world: BatchWorld = world) -> None:
            if count == at:
                world.run(world.upload(content))

        try:
            world.run(batch, edge := Edge(overtake))
        finally:
            assert ids(world) == ["a", "b", "c"]
            assert sorted(world.calls) == ["paint a", "paint c"]
        if edge.count < boundary:
            break


def test_of_a_batch_that_is_stopped_no_more_lines_are_sent_and_each_is_answered(world: BatchWorld) -> None:
    batch = world.upload([asking(f"r-{number}") for number in range(8)] + [{"custom_id": "odd"}])
    with pytest.raises(Unavailable):
        world.tick(batch)
    world.register.stop(batch.name)
    world.run(batch)
    codes = [line["error"] and line["error"]["code"] for line in world.out]
    assert codes == [None] * 3 + ["cancelled"] * 5 + ["invalid_request"]
    assert [line["custom_id"] for line in world.out] == [f"r-{number}" for number in range(8)] + ["odd"]
    assert len(world.calls) == 3
    assert world.manifest == {"total": 9, "succeeded": 3, "failed": 6}
    assert world.register.progress(batch.name).cancelled == 5


def test_a_batch_makes_no_more_calls_than_its_first_line_allows(world: BatchWorld) -> None:
    batch = world.upload([{"max_calls": 4}, *(asking(f"r-{number}") for number in range(7))])
    ended = world.run(batch)
    assert (ended.total, len(world.calls)) == (7, 4)
    codes = [line["error"] and line["error"]["code"] for line in world.out]
    assert codes == [None] * 4 + ["budget_exhausted"] * 3
    assert "first line allows 4 calls" in world.out[-1]["error"]["message"]
    again = world.upload([{"max_calls": 2}, *(asking(f"r-{number}") for number in range(7))])
    world.run(again)
    assert (len(world.calls), world.manifest["succeeded"]) == (6, 6), "what an earlier batch paid is not counted"


def test_a_call_that_was_free_leaves_its_place_to_the_next_line(world: BatchWorld) -> None:
    world.api.script[:] = [stated(400, {"error": {"code": "prompt_blocked", "message": "no"}}), made()]
    batch = world.upload([{"max_calls": 2}, *(asking(f"r-{number}") for number in range(5))])
    world.run(batch)
    codes = [line["error"] and line["error"]["code"] for line in world.out]
    assert codes == ["refused", None, None, "budget_exhausted", "budget_exhausted"]


@pytest.mark.parametrize("first", [{"max_calls": 0}, {"max_calls": "9"}, {"max_calls": True}, {"max_calls": 9, "a": 1}])
def test_what_is_no_bound_is_a_line_with_a_fault(world: BatchWorld, first: dict[str, Any]) -> None:
    world.run(world.upload([first, asking("r-1")]))
    assert [line["error"] and line["error"]["code"] for line in world.out] == ["invalid_request", None]


def test_a_bound_in_a_later_line_is_a_line_with_a_fault(world: BatchWorld) -> None:
    world.run(world.upload([asking("r-1"), {"max_calls": 1}, asking("r-2")]))
    assert [line["error"] and line["error"]["code"] for line in world.out] == [None, "invalid_request", None]


def test_a_line_whose_thread_was_erased_is_answered_so_and_not_asked_again(world: BatchWorld) -> None:
    world.run(world.upload([asking("r-1", thread_id="one")]))
    world.ledger.bury("one")
    world.run(world.upload([asking("r-1", thread_id="one"), asking("r-2")]))
    told = [line["error"] and line["error"]["code"] for line in world.out]
    assert (told, len(world.calls)) == (["forgotten", None], 2)
