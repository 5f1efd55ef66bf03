"""The provider in trouble: calls stop soon, one request probes it, and all continue when it has recovered."""

import pytest

from darkroom.domain import request
from darkroom.domain.keys import spool_key
from darkroom.domain.message import Message
from darkroom.domain.request import Request
from darkroom.domain.timing import (
    BREAKER_OPENS_AT,
    BREAKER_PAUSE_SECONDS,
    LEASE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_BREAKER_PAUSE_SECONDS,
    MAX_DOUBTFUL_CALLS,
    MAX_RETRY_AFTER_SECONDS,
    PROBE_SECONDS,
)
from darkroom.errors import Ambiguous, Cause, Unavailable
from darkroom.turns.ports import Admission, Claim
from tests.fakes.edge import Died, Edge
from tests.fakes.image_api import made, png, stated
from tests.fakes.queue import sent_message
from tests.fakes.stack import rules
from tests.unit.turns.world import THROTTLED, World

BAD_KEY = stated(401, {"error": {"code": "invalid_api_key", "message": "no"}})
DOWN = Unavailable("unreachable", "down")
ASKED = {"instruction": "a", "request_id": "r"}


def wait(world: World, number: int, **about: object) -> Unavailable:
    """Deliver a request of a new thread, which has to wait."""
    return world.wait({"instruction": "a"}, thread=f"t-{number}", message_id=f"m-{number}", **about)


def test_a_dead_provider_is_called_a_few_times_and_not_by_everybody(world: World) -> None:
    world.script(DOWN)
    causes = {wait(world, number).cause for number in range(40)}
    assert (len(world.api.questions), causes) == (BREAKER_OPENS_AT, {"unreachable"})


def test_a_bad_key_is_tried_once_and_fetched_anew_for_each_probe(world: World) -> None:
    world.script(BAD_KEY)
    assert {wait(world, number).cause for number in range(40)} == {"credentials"}
    assert (len(world.api.questions), world.api.distrusted) == (1, 1)
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    wait(world, 1)
    assert (len(world.api.questions), world.api.distrusted) == (2, 3)


def test_a_key_that_is_not_set_is_looked_for_again_by_each_probe(world: World) -> None:
    def prepare(_question: object) -> None:
        raise Unavailable("credentials", "the image API's key is not set")

    world.api.prepare = prepare  # type: ignore[method-assign,assignment]
    wait(world, 1)
    wait(world, 2)
    assert world.api.distrusted == 0
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    wait(world, 1)
    assert world.api.distrusted == 1


def test_of_those_that_wait_one_leaves_a_copy_that_comes_back_sooner(world: World) -> None:
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    ((body, thread, request_id),) = world.probes.sent
    assert (thread, request_id) == ("t-2", "m-2")
    waits = []
    for _ in range(20):
        world.clock.advance(PROBE_SECONDS)
        waits.append(wait(world, 2, is_probe=True).retry_after or 0)
    assert max(waits) == PROBE_SECONDS
    assert (wait(world, 2).retry_after or 0) > PROBE_SECONDS
    world.script(made())
    world.clock.advance(PROBE_SECONDS)
    ended = world.send(body, thread="t-2", message_id="another id", is_probe=True)
    assert (ended.status, ended.request_id) == ("succeeded", "m-2")
    again = world.send({"instruction": "a"}, thread="t-2", message_id="m-2")
    assert (again, len(world.ledger.turns["t-2"])) == (ended, 1)


def test_a_copy_waits_while_its_request_is_in_hand(world: World) -> None:
    """The copy ends with the request, or continues to probe the provider."""
    world.script(DOWN)
    for _ in range(BREAKER_OPENS_AT):
        world.wait(ASKED)
    in_hand = sent_message(ASKED)
    assert isinstance(world.ledger.claim(parsed(in_hand), "2026-11-22T12:00:00.000Z"), Claim)
    assert world.wait(ASKED, message_id="copy", is_probe=True).cause == "held"


def parsed(message: Message) -> Request:
    return request.parse(message.body, group=message.group, message_id=message.message_id, rules=rules())


def test_when_a_probe_succeeds_everything_flows(world: World) -> None:
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    world.script(made())
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    for number in range(10):
        assert world.send({"instruction": "a"}, thread=f"t-{number}", message_id=f"m-{number}").status == "succeeded"


def test_a_copy_whose_provider_is_well_waits_like_any_request(world: World) -> None:
    """The trouble is then the request's own, and frequent probes are of no use."""
    world.script(*[DOWN] * 9, made())
    for _ in range(9):
        world.wait(ASKED, is_probe=True)
        world.breaker.succeeded("stack-model", "unreachable")
    world.script(DOWN)
    assert (world.wait(ASKED, is_probe=True).retry_after or 0) > PROBE_SECONDS


def test_what_is_refused_is_told_to_its_sender_and_to_nobody_for_a_copy(world: World) -> None:
    world.script(BAD_KEY)
    world.wait(ASKED)
    world.max_turns = 0  # the operator changes this in between
    world.script(made())
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    world.ledger.entries.clear()
    ((body, thread, _),) = world.probes.sent
    world.send(body, thread=thread, message_id="copy", is_probe=True)
    assert world.objects.keys("results") == []
    world.send(ASKED, message_id="its own")
    assert world.objects.keys("results") == ["rejected/messages/its own/result.json"]


def test_nobody_is_given_up_without_having_been_tried_at_the_end(world: World) -> None:
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    world.clock.advance(world.give_up_after)
    world.breaker.failed("stack-model", "another", DOWN, is_first=True)
    sent_before = len(world.api.questions)
    ended = world.send({"instruction": "a"}, thread="t-9", message_id="m-9")
    assert ended.error
    assert (ended.error.code, len(world.api.questions)) == ("provider_unavailable", sent_before + 1)
    world.script(made())
    assert world.send({"instruction": "a"}, thread="t-8", message_id="m-8").status == "succeeded"


def test_throttling_is_waited_out_for_as_long_as_the_provider_says(world: World) -> None:
    world.script(stated(429, {"code": 429, "msg": "slow down"}, retry_after="40"))
    for number in range(5):
        wait(world, number)
    world.script(made())
    world.clock.advance(39)
    assert wait(world, 9).cause == "throttled"
    world.clock.advance(1)
    assert world.send({"instruction": "a"}, thread="t-9", message_id="m-9").status == "succeeded"


def test_a_request_that_fails_alone_keeps_nobody_back(world: World) -> None:
    for _ in range(20):
        world.script(THROTTLED)
        world.wait(ASKED)
        world.script(made())
        number = len(world.ledger.turns)
        assert world.send({"instruction": "b"}, thread=f"well-{number}", message_id="m").status == "succeeded"
    assert world.probes.sent == []


def test_answers_that_get_lost_open_the_breaker_too(world: World) -> None:
    world.script(Ambiguous("cut"))
    for number in range(10):
        wait(world, number)
    assert len(world.api.questions) == BREAKER_OPENS_AT


def test_a_spool_that_cannot_be_read_is_no_answer_even_for_the_last_time(world: World) -> None:
    """A worker died over a paid answer, the request has waited long enough, and S3 fails for the next worker."""
    world.give_up_after = 0
    world.script(Died())
    with pytest.raises(Died):
        world.send(ASKED)
    world.clock.advance(LEASE_SECONDS + 1)
    head = {"status": "200", "seconds": "1", "headers": "{}"}
    world.objects.write_once("spool", spool_key("t", "r", 1), made().body, "x", head)
    read = world.objects.read

    def fails(*_: object, **__: object) -> None:
        raise Unavailable("aws", "it passes")

    world.objects.read = fails  # type: ignore[method-assign]
    assert world.wait(ASKED).cause == "aws"
    world.objects.read = read  # type: ignore[method-assign]
    assert (world.send(ASKED).status, len(world.api.questions)) == ("succeeded", 1)


def test_nobody_is_given_up_on_the_breakers_word_though_the_time_is_over_in_the_middle_of_a_try(world: World) -> None:
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    world.clock.advance(world.give_up_after - 1)
    world.breaker.failed("stack-model", "another", DOWN, is_first=True)
    admit, sent_before = world.breaker.admit, len(world.api.questions)

    def admitted_late(model: str, request: str, *, is_last: bool, is_new: bool) -> Admission:
        world.clock.advance(2)
        return admit(model, request, is_last=is_last, is_new=is_new)

    world.breaker.admit = admitted_late  # type: ignore[method-assign]
    assert wait(world, 9).retry_after == 1
    world.script(made())
    assert world.send({"instruction": "a"}, thread="t-9", message_id="m-9").status == "succeeded"
    assert len(world.api.questions) == sent_before + 1


def test_a_try_without_time_for_a_call_takes_no_probes_place(world: World) -> None:
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    assert wait(world, 1, time_left=100).cause == "time"
    world.script(made())
    assert world.send({"instruction": "a"}, thread="t-2", message_id="m-2").status == "succeeded"


def test_a_probe_whose_history_has_to_be_flattened_goes_on_at_once(world: World) -> None:
    world.send({"instruction": "a"}, thread="t-1", message_id="first")
    world.script(DOWN)
    for number in range(10):
        wait(world, number)
    world.clock.advance(BREAKER_PAUSE_SECONDS)
    world.script(stated(400, {"error": {"message": "missing thought_signature"}}), made())
    assert world.send({"instruction": "a"}, thread="t-1", message_id="m-1").status == "succeeded"


@pytest.mark.parametrize("cause", ["throttled", "account"])
def test_all_are_back_within_five_minutes_however_long_the_provider_says(world: World, cause: Cause) -> None:
    world.script(Unavailable(cause, "come back tomorrow", retry_after=86_400))
    assert (wait(world, 1).retry_after or 0) <= 5 * 60


def test_a_request_that_the_provider_always_takes_for_an_empty_account_keeps_others_back_once(world: World) -> None:
    """For example, an error quotes an instruction about money."""
    no_money = stated(402, {"error": {"message": "payment required"}})
    world.script(no_money)
    world.wait(ASKED)
    assert wait(world, 0).cause == "account"
    for number in range(20):
        world.clock.advance(BREAKER_PAUSE_SECONDS)
        world.script(made())
        assert world.send({"instruction": "b"}, thread=f"well-{number}", message_id="m").status == "succeeded"
        world.script(no_money)
        world.wait(ASKED)


def test_who_is_held_back_reads_no_pictures(world: World) -> None:
    world.objects.put("uploads", "cat.png", png())
    world.script(BAD_KEY)
    wait(world, 1)
    asked = {"instruction": "a", "images": ["s3://uploads/cat.png"]}
    edge = Edge(lambda _count, name: seen.append(name))
    seen: list[str] = []
    world.objects = edge.around(world.objects)
    assert world.wait(asked).cause == "credentials"
    assert seen == []


def test_nobody_waits_longer_than_until_giving_up(world: World) -> None:
    world.give_up_after = 100
    world.script(stated(429, {"code": 429, "msg": "slow down"}, retry_after="200"))
    assert (world.wait(ASKED).retry_after or 0) <= 100


def test_an_answer_that_is_a_task_ends_its_request_and_holds_all_others_back(world: World) -> None:
    """A second call would buy the same task."""
    world.script(stated(200, {"code": 200, "data": [{"status": "submitted", "task_id": "t"}]}))
    world.send(ASKED)
    ended = world.result(1, "r")
    assert (ended["error"]["code"], ended["cost"]["paid_calls"]) == ("no_image", 1)
    assert {wait(world, number).cause for number in range(9)} == {"configuration"}
    assert len(world.api.questions) == 1
    world.clock.advance(MAX_BREAKER_PAUSE_SECONDS)
    world.script(made())
    world.send({"instruction": "a"}, thread="t-1", message_id="m-1")
    assert world.result(1, "m-1", "t-1")["status"] == "succeeded"


PLAIN = stated(500, {"error": {"message": "an internal error"}})


def test_a_request_that_always_fails_holds_no_healthy_one_up(world: World) -> None:
    for number in range(2):
        world.script(PLAIN)
        for _ in range(BREAKER_OPENS_AT):
            world.wait(ASKED)
        world.script(made())
        assert world.send({"instruction": "b"}, thread=f"well-{number}", message_id="m").status == "succeeded"


def test_requests_that_always_fail_keep_others_waiting_for_less_than_a_minute(world: World) -> None:
    """Five requests and their probes fail at each call. A new request comes every 20 seconds."""
    start, waited = world.clock(), list[float]()
    due = [(start, f"bad-{number}", False) for number in range(5)]
    due += [(start + 1 + 20 * number, f"well-{number}", False) for number in range(60)]
    while due:
        due.sort()
        when, name, is_copy = due.pop(0)
        world.clock.now = max(world.clock(), when)
        world.script(PLAIN if name.startswith("bad") else made())
        copies = len(world.probes.sent)
        try:
            world.send({"instruction": "a"}, thread=name, message_id=name, is_probe=is_copy)
        except Unavailable as trouble:
            if world.clock() < start + 1200 or name.startswith("well"):
                due.append((world.clock() + (trouble.retry_after or 0), name, is_copy))
        else:
            if name.startswith("well"):
                waited.append(world.clock() - (start + 1 + 20 * int(name.removeprefix("well-"))))
        due += [(world.clock(), thread, True) for _, thread, _ in world.probes.sent[copies:]]
    assert len(waited) >= 60
    assert max(waited) < 60, sorted(waited)[-10:]


def test_failures_that_nobody_can_prove_free_are_bounded_while_the_provider_is_well(world: World) -> None:
    """A relay may lose every answer that it pays for. Others succeed, so the failures belong to this request."""
    ended = None
    for number in range(40):
        world.script(PLAIN)
        try:
            ended = world.send(ASKED)
            break
        except Unavailable:
            world.clock.advance(MAX_BACKOFF_SECONDS)
        world.script(made())
        world.send({"instruction": "b"}, thread=f"well-{number}", message_id="m")
    assert ended
    assert ended.error
    assert (ended.error.code, ended.cost.paid_calls) == ("outcome_unknown", world.max_paid_calls)
    assert number + 1 == MAX_DOUBTFUL_CALLS + world.max_paid_calls


def test_in_an_outage_they_stay_free_and_are_probes_of_every_five_minutes_at_most(world: World) -> None:
    world.script(PLAIN)
    waits = []
    for _ in range(60):
        waits.append(world.wait(ASKED, is_probe=True).retry_after or 0)
        world.clock.advance(waits[-1])
    assert min(waits[-40:]) >= MAX_RETRY_AFTER_SECONDS
    assert max(waits) <= MAX_BACKOFF_SECONDS
    world.script(made())
    assert world.send(ASKED).cost.paid_calls == 1


def test_a_provider_that_was_never_reached_was_certainly_not_paid(world: World) -> None:
    for number in range(20):
        world.script(DOWN)
        world.wait(ASKED)
        world.clock.advance(MAX_BACKOFF_SECONDS)
        world.script(made())
        world.send({"instruction": "b"}, thread=f"well-{number}", message_id="m")
    assert world.send(ASKED).cost.paid_calls == 1
