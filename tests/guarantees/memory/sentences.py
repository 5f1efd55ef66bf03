"""The promise, sentence by sentence, as checks of a world: at every moment, and at the end."""

from collections import Counter
from datetime import datetime
from typing import Any

from darkroom.domain.keys import rejected_message_key, spool_key
from darkroom.domain.outcome import Outcome
from darkroom.domain.timing import BUDGET_SECONDS, MAX_AGE_SECONDS
from darkroom.turns.publisher import turn_key
from tests.guarantees.memory.provider import Call
from tests.guarantees.memory.world import Judged, Sent, World

OF_THE_REQUEST = {"refused", "no_image", "invalid_request", "unknown_parent"}


def hold_so_far(world: World) -> None:
    """Check everything that holds at every moment."""
    assert not world.objects.overwritten, "nothing that was written is written over"
    assert not world.queue.forgotten, "nothing is lost"
    refused = [*world.requests_mapping.refused, *world.probes_mapping.refused]
    assert not refused, f"Lambda takes nothing for a loop: {refused}"
    assert not world.journal.bugs, f"no attempt broke but by what was done to it: {world.journal.bugs}"
    for key in world.objects.writes:
        if key.startswith("threads/") and key.endswith("/result.json"):
            _is_committed(world, world.objects.document("results", key))
    for sent in world.sent:
        assert len(_charged(world, sent)) <= world.max_paid_calls, f"paid {sent} more often than is allowed"
        _is_not_called_once_cancelled(world, sent)
    for turns in world.ledger.turns.values():
        _are_judged_for_nothing(world, turns)
    _keep_the_daily_limit(world)


def are_kept(world: World) -> None:
    """Check everything that holds when the queues are empty."""
    hold_so_far(world)
    assert not world.queue.entries, "nothing is left over"
    for thread in {sent.thread for sent in world.sent}:
        _is_in_order(world, thread)
    for sent in world.sent:
        _has_one_outcome(world, sent)
        _was_paid_once(world, sent)
    for judged in world.judged:
        _was_judged(world, judged)
    _count_alike(world)
    _leave_no_answers(world)


def _leave_no_answers(world: World) -> None:
    """Without a break, the raw answers of ordinary successes are gone."""
    if world.breaks or world.disturbed:
        return
    for turn in (turn for turns in world.ledger.turns.values() for turn in turns):
        first = spool_key(str(turn.thread_id), str(turn.request_id), 1).removesuffix("1")
        is_needed = turn.status == "failed" or turn.warnings
        assert is_needed or not world.objects.keys("spool", first), "no raw answer is left of what went well"


def _is_committed(world: World, document: dict[str, Any]) -> None:
    turns = world.ledger.turns.get(document["thread_id"], [])
    assert document in [turn.as_document() for turn in turns], "a result.json's turn is in the table"
    for image in document["images"]:
        assert (image["bucket"], image["key"]) in world.objects.objects, "a result.json's pictures can be read"


def _is_not_called_once_cancelled(world: World, sent: Sent) -> None:
    """Check that a cancelled request makes no call. One that no worker had, and that was sent again, is asked later."""
    entry = world.ledger.entries.get((sent.thread, sent.request_id))
    if sent.calls_at_cancel is not None and (entry is None or world.ledger.is_cancelled(entry.claim)):
        calls = [call for call in world.api.of(sent.instruction) if call.number > sent.calls_at_cancel]
        assert not calls, f"{sent} is not called once it was cancelled"


def _keep_the_daily_limit(world: World) -> None:
    charged = Counter(call.day for call in world.api.calls if not call.is_certainly_free)
    for day, calls in charged.items():
        assert not world.daily_call_limit or calls <= world.daily_call_limit, f"{calls} calls on {day}"
        assert calls <= world.ledger.calls.get(day, 0), f"{calls} calls on {day}, and fewer counted"


def _is_in_order(world: World, thread: str) -> None:
    """Turns are numbered, published once each in the order of sending, and each sees the turn before it."""
    turns = world.ledger.turns.get(thread, [])
    by_id = _first_sent(world, thread)
    assert [turn.turn for turn in turns] == list(range(1, len(turns) + 1)), "turns are numbered"
    over = turns[world.max_turns :]
    assert all(turn.cost.paid_calls and by_id[str(turn.request_id)].was_redriven for turn in over), (
        "a thread is bounded"
    )
    asked = [turn for turn in turns if turn.repairs is None]
    announced = [key for key in world.objects.writes if _is_turn_of(key, thread)]
    assert sorted(announced) == sorted(map(turn_key, turns)), "each turn has its one result.json"
    in_line = [sent for turn in asked if not (sent := by_id[str(turn.request_id)]).was_redriven]
    assert in_line == [sent for sent in world.sent if sent in in_line], "turns are in the order of sending"
    if any(sent.was_redriven for sent in by_id.values()):
        return  # later requests went ahead of dead letters, and may have come in between
    for turn in asked:
        _answers_the_right_turn(world, turns, turn, by_id[str(turn.request_id)])


def _first_sent(world: World, thread: str) -> dict[str, Sent]:
    """The message that each request began with. One that found its thread full is forgotten when that is erased."""
    sent = [sent for sent in reversed(world.sent) if sent.thread == thread]
    lasting = [each for each in sent if each.told_at_erase != "too_many_turns"]
    return {each.request_id: each for each in (*sent, *lasting)}


def _is_turn_of(key: str, thread: str) -> bool:
    return key.startswith(f"threads/{thread}/") and key.endswith("/result.json")


def _answers_the_right_turn(world: World, turns: list[Outcome], turn: Outcome, sent: Sent) -> None:
    before = {
        int(earlier.turn or 0): earlier for earlier in turns[: int(turn.turn or 0) - 1] if earlier.status == "succeeded"
    }
    if turn.instruction != sent.instruction:
        return  # its id was taken by a later request with other content, which is not known here
    expected = max(before, default=0) if sent.parent_turn is None else sent.parent_turn
    if expected and expected not in before:
        assert turn.error is not None
        assert turn.error.code == "unknown_parent", turn
        return
    assert (turn.parent_turn or 0) == expected, f"{turn} answers the newest turn that succeeded, or the one it names"
    if turn.status == "succeeded":
        branch = [turn]
        while branch[0].parent_turn and world.dialects[turn.dialect].history == "turns":
            branch.insert(0, before[branch[0].parent_turn])
        said = [call.words for call in world.api.calls if call.instruction == turn.instruction]
        assert tuple(each.instruction for each in branch) in said, "the API was shown as much of the branch as it takes"


def _has_one_outcome(world: World, sent: Sent) -> None:
    ended = [turn for turn in world.ledger.turns.get(sent.thread, []) if turn.request_id == sent.request_id]
    assert len(ended) <= 1, f"{sent} is one turn"
    refused = rejected_message_key(sent.message_id)
    if sent.told_at_erase:
        _stays_erased(world, sent, ended)
        return
    if ended and ended[0].instruction == sent.instruction:
        assert world.objects.writes.count(refused) == 0, f"{sent} has one outcome"
        _has_its_reason(world, ended[0], sent)
        return
    assert world.objects.writes.count(refused) == 1, f"{sent} has an outcome"
    code = world.objects.document("results", refused)["error"]["code"]
    same_id = [other for other in world.sent if (other.thread, other.request_id) == (sent.thread, sent.request_id)]
    if code == "forgotten":
        same = {other.told_at_erase for other in same_id if other.instruction == sent.instruction}
        assert same & {"a turn", "forgotten"}, "only what was erased is forgotten"
    elif code == "request_id_reused":
        assert any(other.instruction != sent.instruction for other in same_id), "its id stands for another request"
    else:
        assert (code, ended) == ("too_many_turns", []), f"{sent} is refused for a reason"
        assert len(world.ledger.turns[sent.thread]) >= world.max_turns, "the thread is full"


def _stays_erased(world: World, sent: Sent, ended: list[Outcome]) -> None:
    """An erased outcome can no longer be seen, except for a refusal without words.

    The ledger forgets `too_many_turns`. If its message comes once more, it is a new request to a thread with room.
    """
    if sent.told_at_erase == "too_many_turns" and ended and ended[0].instruction == sent.instruction:
        _has_its_reason(world, ended[0], sent)
        return
    taken = {"a turn": "forgotten"}.get(str(sent.told_at_erase), sent.told_at_erase)
    refused = rejected_message_key(sent.message_id)
    assert world.objects.writes.count(refused) <= 1, f"{sent} has one outcome"
    assert not ended or ended[0].instruction != sent.instruction, f"{sent} was erased"
    if refused in world.objects.writes:
        told = world.objects.document("results", refused)
        assert told["error"]["code"] == taken, f"{sent} is told why it takes no turn"
        assert taken != "forgotten" or not told["instruction"], "its words are not told again"


def _has_its_reason(world: World, ended: Outcome, sent: Sent) -> None:
    """Check that no request fails without its own fault before everything was tried."""
    code = ended.error.code if ended.error else None
    finished = datetime.fromisoformat(ended.timing.finished_at).timestamp() + 0.001
    if code == "provider_unavailable":
        refusals = [call.at for call in world.api.of(sent.instruction) if call.manner.consequence == "waits"]
        held_back = world.ledger.entries[sent.thread, sent.request_id].claim.refused_since or finished
        first, last = min(held_back, *refusals), max(refusals)
        asked = datetime.fromisoformat(ended.timing.requested_at).timestamp()
        is_old = finished - asked >= MAX_AGE_SECONDS
        assert is_old or finished - first >= world.give_up_after, "no request fails for the provider's trouble too soon"
        assert is_old or last - first >= world.give_up_after, "nor without a last call"
    elif code == "outcome_unknown":
        assert len(_lost(world, sent)) >= world.max_paid_calls, "nothing is given up that may be asked again"
    elif code == "internal_error":
        assert min(ended.attempts - 1, world.breaks) >= 5, "five attempts broke"
        assert (sent.thread, sent.request_id) in world.dead.copies, "a copy is left of what was given up"
    elif code == "budget_exhausted":
        asked = datetime.fromisoformat(ended.timing.requested_at).timestamp()
        assert finished - asked >= BUDGET_SECONDS, "it waited nine days"
    elif code == "cancelled":
        claim = world.ledger.entries[sent.thread, sent.request_id].claim
        assert world.ledger.is_cancelled(claim), "only what a person cancelled ends so"
        assert not [call for call in world.api.of(sent.instruction) if call.manner.consequence == "free"], (
            "what was answered ends as it would have"
        )
    elif code is not None:
        assert code in OF_THE_REQUEST, code
        answered = {call.manner.consequence for call in world.api.of(sent.instruction)}
        assert code == "unknown_parent" or answered & {"paid", "free"}, "what fails was answered so"


def _are_judged_for_nothing(world: World, turns: list[Outcome]) -> None:
    """A turn that was judged again costs nothing, and is what the first judgement should have made of it."""
    judged = [turn for turn in turns if turn.repairs is not None]
    assert len({turn.repairs for turn in judged}) == len(judged), "a turn is judged to one turn at most"
    for turn in judged:
        old, claim = (
            turns[int(turn.repairs or 0) - 1],
            world.ledger.entries[str(turn.thread_id), str(turn.request_id)].claim,
        )
        assert (turn.status, turn.cost.paid_calls, claim.calls) == ("succeeded", 0, 0), "judging costs nothing"
        assert old.status == "failed", "what has its pictures is not judged"
        assert old.cost.paid_calls, "what was not paid is not judged"
        for said in ("instruction", "model", "options", "mode", "parent_turn", "sources"):
            assert getattr(turn, said) == getattr(old, said), f"{said} of {turn} is not that of {old}"


def _was_judged(world: World, judged: Judged) -> None:
    """Each request to judge a turn again has an outcome, with a reason if there is no picture."""
    turns = [turn for turn in (*world.ledger.turns.get(judged.thread, []), *world.erased) if turn.repairs]
    made = [turn for turn in turns if (turn.thread_id, turn.request_id) == (judged.thread, judged.request_id)]
    refused = rejected_message_key(judged.message_id)
    assert made or refused in world.objects.writes, f"{judged} has an outcome"
    if refused in world.objects.writes:
        code = world.objects.document("results", refused)["error"]["code"]
        assert code in ("no_image", "invalid_request", "too_many_turns", "internal_error", "forgotten"), code
        assert code != "internal_error" or world.breaks >= 5, "five attempts broke"


def _was_paid_once(world: World, sent: Sent) -> None:
    if not _lost(world, sent):
        assert len(_charged(world, sent)) <= 1, f"{sent} is paid once where nothing was lost"


def _lost(world: World, sent: Sent) -> list[object]:
    """The calls whose outcome cannot be known, by the world's account and by the API's."""
    broken = [call for call in world.disturbed if call[:2] == (sent.thread, sent.request_id)]
    return [*broken, *(call for call in world.api.of(sent.instruction) if call.manner.consequence == "lost")]


def _charged(world: World, sent: Sent) -> list[Call]:
    return [call for call in world.api.of(sent.instruction) if not call.is_certainly_free]


def _count_alike(world: World) -> None:
    """The days' counters, the outcomes and the API agree on the paid calls."""
    told = sum(turn.cost.paid_calls for turns in (*world.ledger.turns.values(), world.erased) for turn in turns)
    claims = [entry.claim for entry in world.ledger.entries.values()]
    # The day of a late answer is known only if no call followed it.
    stale = sum(claim.answered_by not in (None, claim.calls) and not claim.charged for claim in claims)
    counted = sum(world.ledger.calls.values()) - world.calls_of_others
    assert told <= counted <= told + stale, f"the days count {counted}, the outcomes say {told}"
    charged = sum(not call.is_certainly_free for call in world.api.calls)
    assert charged <= told <= charged + len(world.disturbed), "and the API counts as much"
