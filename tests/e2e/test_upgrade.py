"""Upgrades the stack of the release before this one, with work in every state. All of it ends as the contract promises.

The old release's own tree deploys the old stack, and `old_work` leaves work in it. Then this tree updates the stack in
the same emulator, as `git pull && make up` does. The mappings are paused meanwhile, so that each state stands still.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from darkroom.aws.dynamodb import listing
from darkroom.aws.dynamodb.table import Table
from local.stack import aws, lifecycle, ports
from tests.e2e import leaks, old_release, old_work, operating
from tests.e2e.conftest import Stack
from tests.e2e.deliveries import REQUESTS, UPLOADS, pause, resume, show
from tests.e2e.old_release import NoHistoryError
from tests.e2e.old_stack import Old
from tests.e2e.old_work import GOOD_LINES, LANE_PHOTOS, LONG_THREAD_TURNS, PARAMETERS, line
from tests.e2e.provider import Mood, Provider, provider
from tests.e2e.road import Doors, eventually, made_for, photo
from tests.e2e.test_redrive import redrive
from tests.e2e.verdict import Document, Evidence, complaints, gathered

pytestmark = pytest.mark.slow  # leases of the old release last a minute

REST_SECONDS = 180.0  # on an idle machine it takes little more than a minute
TURNS_BEFORE = {
    **dict.fromkeys(("finished", "paired", "file", "spoilt", "known", "broken", "small/small-1"), 1),
    **dict.fromkeys(("half/line-01", "half/line-03", "erased"), 1),
    "talk": 2,
    "long": LONG_THREAD_TURNS,
}
TURNS_AFTER = {
    **TURNS_BEFORE,
    **dict.fromkeys(("killed", "spooled", "unpublished", "unannounced", "lost", "under-way", "over-the-limit"), 1),
    **dict.fromkeys(("trouble-alone", "cancelled", "pair", "album", "dead", "dead-upload", "small/small-2"), 1),
    **dict.fromkeys(("unseen-photo", "unseen-batch/unseen-line"), 1),
    **dict.fromkeys((f"half/{name}" for name in GOOD_LINES), 1),
    **dict.fromkeys((f"lane/{number:02}" for number in range(LANE_PHOTOS)), 1),
    **dict.fromkeys(("trouble", "unseen", "finished", "spoilt"), 2),
    "talk": 4,
    "long": LONG_THREAD_TURNS + 2,
}
del TURNS_AFTER["erased"]


@dataclass(frozen=True)
class Upgraded(Doors):
    """The stack after the upgrade, when everything has ended. `before` holds the results of the old release."""

    api: Provider
    before: Evidence
    after: Evidence

    def only(self, thread: str) -> Document:
        """Return the single turn of a thread."""
        (result,) = self.results(thread)
        return result

    def refusals(self, kind: str) -> list[Document]:
        """Return the outcomes of `messages` or `uploads` that took no turn."""
        return [document for key in self.keys(f"rejected/{kind}/") if (document := self.document(key))]

    def paid(self, words: str) -> int:
        """Count the calls with exactly these words that the provider may have charged."""
        return sum(call.is_paid and call.words == words for call in self.api.calls(words))

    def seen(self, words: str) -> tuple[str, ...]:
        """Return the SHA-256 of each picture that was sent with these words."""
        (call,) = self.api.calls(words)
        return call.context


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Unpack the old release's tree. Its stack goes down at the end."""
    folder = tmp_path_factory.mktemp("release")
    try:
        old_release.unpack(folder)
    except NoHistoryError as why:
        pytest.skip(f"The tree of release {old_release.RELEASE} is not to be had. {why}")
    try:
        yield folder
    finally:
        lifecycle.down(old_release.homes(folder), None, print)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def upgraded(tree: Path) -> Iterator[Upgraded]:
    with provider("sk-upgrade") as api, ThreadPoolExecutor() as beside:
        old = Old(old_release.bring_up(tree, ports.any_free(), api, PARAMETERS), api, beside)
        over_the_limit = leave_work(old)
        before = gathered(old, api, [], [])
        api.mood = lambda words: Mood("dropped" if words == "lost" else "fine")
        new = Doors(upgrade(old))
        show(new.stack, over_the_limit)
        redrive(new.stack)
        go_on(new)
        send_again(new)
        come_to_rest(new)
        steer(new)
        yield Upgraded(new.stack, api, before, gathered(new, api, [], []))


def leave_work(old: Old) -> str:
    """Leave work in every state. Return the receipt handle of the message that waits for the daily limit."""
    old_work.leave_dead_letters(old)
    old_work.leave_finished_work(old)
    old_work.leave_requests_that_wait_for_the_provider(old)
    old_work.leave_a_broken_request(old)
    old_work.leave_a_batch_half_done(old)
    pause(old.stack, *REQUESTS)
    old_work.leave_an_open_call(old)
    old_work.leave_an_answer_in_the_spool(old)
    old_work.leave_answers_that_are_not_published(old)
    old_work.leave_a_call_that_was_lost(old)
    old_work.leave_photos_in_a_lane(old)
    old_work.leave_photos_without_words(old)
    pause(old.stack, *UPLOADS)
    old_work.leave_unseen_work(old)
    old_work.leave_a_call_under_way(old)
    return old_work.leave_a_request_over_the_daily_limit(old)


def upgrade(old: Old) -> Stack:
    """Run this tree's `make up`, with a higher daily limit, and resume the mappings after the deployment.

    It speaks nebula whatever `--dialect` says, because the old release knows no other dialect.
    """
    home = old.stack.home
    wanted = lifecycle.Wanted(
        port=home.port,
        image_api_url=old.api.url,
        image_api_key=old.api.key,
        parameters={**PARAMETERS, "DailyCallLimit": str(2 * old_work.DAILY_CALLS)},
        homes=home.homes,
    )
    up = old.beside.submit(lifecycle.up, wanted, print)
    eventually(lambda: is_updated(old.stack) or up.done())
    operating.run(old.stack, "cancel", "cancelled", "r")
    resume(old.stack)
    return Stack(home, up.result(), aws.clients(home.endpoint))


def is_updated(stack: Stack) -> bool:
    """Whether the deployment is done. An emulator of the old release is started anew first, and is away meanwhile."""
    try:
        (found,) = stack.aws.cloudformation.describe_stacks(StackName="darkroom")["Stacks"]
    except (ConnectionClosedError, EndpointConnectionError):
        return False
    return found["StackStatus"] == "UPDATE_COMPLETE"


def go_on(new: Doors) -> None:
    """Go on with work that people began before the upgrade."""
    new.upload("pair.txt", "pair at night")
    new.upload("threads/album/01.txt", "album at night")
    new.upload("finished.txt", "finished at night")
    new.upload("small.jsonl", f"{line('small-1')}\n{line('small-2')}")
    for thread in ("talk", "long"):
        new.send(thread, {"instruction": f"{thread} at night", "request_id": "night"})
        new.send(thread, {"instruction": f"{thread} once more", "request_id": "more", "parent_turn": 1})
    new.send("spoilt", {"instruction": "spoilt at night"})


def send_again(new: Doors) -> None:
    """Upload files that change nothing, and send requests that the old release knows."""
    new.upload("finished.jpg", photo(), instruction="finished at dawn")
    new.upload("paired.jpg", photo("gold"))
    new.upload("paired.txt", "paired at dawn")
    new.upload("file.json", json.dumps({"instruction": "file at dawn"}))
    new.send("known", {"instruction": "known", "request_id": "r", "metadata": {"order": "4711"}})
    new.send("known", {"instruction": "another", "request_id": "r"})
    for thread in ("killed", "spooled", "unpublished", "unannounced", "under-way", "over-the-limit", "dead"):
        new.send(thread, {"instruction": thread, "request_id": "r"})
    new.send("trouble", {"instruction": "trouble 1", "request_id": "r-1", "model": old_work.TROUBLED_MODEL})


def come_to_rest(new: Doors) -> None:
    """Wait until no message is left. If some stay, the tests name the requests that have not ended."""
    with suppress(AssertionError):
        eventually(lambda: not new.left() or None, REST_SECONDS)


def steer(new: Doors) -> None:
    """Erase a thread of the old release, and put the turns of the others into the index."""
    operating.run(new.stack, "forget", "erased", "--yes")
    operating.run(new.stack, "reindex")


def ending(result: Document) -> tuple[str, int]:
    """Return how a request ended, and the number of calls in its outcome."""
    return result["error"]["code"] if result["error"] else "succeeded", result["cost"]["paid_calls"]


# All work.


def test_every_request_ends_in_exactly_one_outcome(upgraded: Upgraded) -> None:
    outcomes = Counter((result["thread_id"], result["request_id"]) for result in upgraded.after.results)
    assert set(outcomes.values()) == {1}
    assert Counter(result["thread_id"] for result in upgraded.after.results) == TURNS_AFTER


def test_what_had_ended_before_the_upgrade_stays_as_it_was(upgraded: Upgraded) -> None:
    before, after = upgraded.before.results, upgraded.after.results
    assert Counter(result["thread_id"] for result in before) == TURNS_BEFORE
    assert [result for result in before if result not in after and result["thread_id"] != "erased"] == []


def test_the_outcomes_count_every_call_that_may_have_been_paid(upgraded: Upgraded) -> None:
    erased = [result for result in upgraded.before.results if result["thread_id"] == "erased"]
    counted = sum(result["cost"]["paid_calls"] for result in [*upgraded.after.results, *erased])
    assert counted == sum(call.is_paid for call in upgraded.api.calls())


def test_queues_are_empty_table_and_results_agree_and_turns_answer_those_before_them(upgraded: Upgraded) -> None:
    """Other tests look at refusals, and at the two turns that name their parent."""
    known = ("rejected/", "talk: turn 4 ", f"long: turn {LONG_THREAD_TURNS + 2} ")
    assert [complaint for complaint in complaints(upgraded.after) if not complaint.startswith(known)] == []


# Interrupted work.


@pytest.mark.parametrize("thread", ["spooled", "unpublished", "unannounced"])
def test_an_answer_that_the_old_release_has_kept_is_published_and_not_paid_again(
    upgraded: Upgraded, thread: str
) -> None:
    assert ending(upgraded.only(thread)) == ("succeeded", 1)
    assert upgraded.paid(thread) == 1


def test_a_call_that_a_killed_worker_left_open_is_made_once_more(upgraded: Upgraded) -> None:
    assert ending(upgraded.only("killed")) == ("succeeded", 2)
    assert upgraded.paid("killed") == 2


def test_a_call_that_is_under_way_during_the_upgrade_ends_or_is_made_once_more(upgraded: Upgraded) -> None:
    """AWS lets the old worker finish. The emulator kills it."""
    paid = upgraded.paid("under-way")
    assert paid in (1, 2)
    assert ending(upgraded.only("under-way")) == ("succeeded", paid)


def test_a_call_that_was_lost_before_the_upgrade_counts_after_it(upgraded: Upgraded) -> None:
    assert ending(upgraded.only("lost")) == ("outcome_unknown", 2)
    assert upgraded.paid("lost") == 2


# Waiting work.


def test_requests_that_wait_for_the_provider_are_answered_in_their_order(upgraded: Upgraded) -> None:
    results = [*upgraded.results("trouble"), upgraded.only("trouble-alone")]
    assert [result["instruction"] for result in results] == ["trouble 1", "trouble 2", "trouble-alone"]
    assert [ending(result) for result in results] == [("succeeded", 1)] * 3
    assert [upgraded.paid(result["instruction"]) for result in results] == [1] * 3


def test_a_request_that_waits_for_the_daily_limit_is_answered_once_the_limit_is_higher(upgraded: Upgraded) -> None:
    assert ending(upgraded.only("over-the-limit")) == ("succeeded", 1)
    assert upgraded.paid("over-the-limit") == 1


def test_each_photo_of_a_lane_is_answered_once(upgraded: Upgraded) -> None:
    results = [upgraded.only(f"lane/{number:02}") for number in range(LANE_PHOTOS)]
    assert [ending(result) for result in results] == [("succeeded", 1)] * LANE_PHOTOS
    assert upgraded.paid("lane") == LANE_PHOTOS


@pytest.mark.parametrize(("thread", "key"), [("pair", "pair.jpg"), ("album", "threads/album/photo.jpg")])
def test_a_photo_that_waits_is_answered_with_a_text_that_comes_after_the_upgrade(
    upgraded: Upgraded, thread: str, key: str
) -> None:
    result = upgraded.only(thread)
    assert (result["instruction"], ending(result)) == (f"{thread} at night", ("succeeded", 1))
    assert [source["key"] for source in result["sources"]] == [key]


def test_a_photo_without_any_text_ends_as_needs_instruction(upgraded: Upgraded) -> None:
    codes = {refusal["upload"]["key"]: refusal["error"]["code"] for refusal in upgraded.refusals("uploads")}
    assert codes["lonely.jpg"] == "needs_instruction"


def test_work_that_the_old_release_has_never_seen_is_answered(upgraded: Upgraded) -> None:
    results = [*upgraded.results("unseen"), upgraded.only("unseen-photo"), upgraded.only("unseen-batch/unseen-line")]
    assert [result["instruction"] for result in results] == ["unseen 1", "unseen 2", "unseen photo", "unseen-line"]
    assert [ending(result) for result in results] == [("succeeded", 1)] * 4


def test_a_request_that_waited_in_the_old_release_can_be_cancelled(upgraded: Upgraded) -> None:
    assert ending(upgraded.only("cancelled")) == ("cancelled", 0)
    assert upgraded.paid("trouble cancelled") == 0


# Batches.


def test_a_batch_that_was_half_done_is_answered_line_by_line(upgraded: Upgraded) -> None:
    ids = [None if number in (2, 12) else f"line-{number:02}" for number in range(1, 13)]
    answers = [json.loads(answer) for answer in upgraded.text("batches/half.jsonl.out").splitlines()]
    assert [answer["custom_id"] for answer in answers] == ids
    assert [answer["status"] for answer in answers] == ["succeeded" if name else "failed" for name in ids]
    assert upgraded.document("batches/half.jsonl.manifest.json") == {"total": 12, "succeeded": 10, "failed": 2}
    assert [ending(upgraded.only(f"half/{name}")) for name in GOOD_LINES] == [("succeeded", 1)] * 10


def test_a_batch_file_with_one_line_more_pays_for_that_line_alone(upgraded: Upgraded) -> None:
    assert upgraded.document("batches/small.jsonl.manifest.json") == {"total": 2, "succeeded": 2, "failed": 0}
    assert [upgraded.paid(name) for name in ("small-1", "small-2")] == [1, 1]


# Dead letters.


def test_dead_requests_and_uploads_are_answered_once_they_are_redriven(upgraded: Upgraded) -> None:
    for name in ("dead", "dead-upload"):
        assert ending(upgraded.only(name)) == ("succeeded", 1)
        assert upgraded.paid(name) == 1


def test_a_dead_request_that_has_its_outcome_is_not_tried_again(upgraded: Upgraded) -> None:
    assert ending(upgraded.only("broken")) == ("internal_error", 0)
    assert upgraded.paid("trouble broken") == 0


def test_a_dead_message_that_is_no_request_is_refused_once(upgraded: Upgraded) -> None:
    refused = [refusal for refusal in upgraded.refusals("messages") if refusal["error"]["code"] == "invalid_request"]
    assert [refusal["body"] for refusal in refused] == ["no JSON"]


# Finished work.


def test_an_upload_that_the_old_release_has_answered_starts_nothing_and_new_words_are_the_next_turn(
    upgraded: Upgraded,
) -> None:
    first, second = upgraded.results("finished")
    assert [first["instruction"], second["instruction"]] == ["finished at dawn", "finished at night"]
    assert (second["parent_turn"], second["mode"]) == (1, "conversation")
    assert [upgraded.paid(f"{name} at dawn") for name in ("finished", "paired", "file")] == [1, 1, 1]


def test_a_request_that_the_old_release_has_answered_is_not_paid_again(upgraded: Upgraded) -> None:
    assert upgraded.only("known")["metadata"] == {"order": "4711"}
    assert upgraded.paid("known") == 1


def test_an_id_that_the_old_release_knows_is_refused_for_other_words(upgraded: Upgraded) -> None:
    reused = [refusal for refusal in upgraded.refusals("messages") if refusal["error"]["code"] == "request_id_reused"]
    assert [(refusal["thread_id"], refusal["instruction"]) for refusal in reused] == [("known", "another")]
    assert upgraded.paid("another") == 0


@pytest.mark.parametrize(("thread", "turns"), [("talk", 2), ("long", LONG_THREAD_TURNS)])
def test_a_conversation_goes_on_and_branches(upgraded: Upgraded, thread: str, turns: int) -> None:
    results = upgraded.results(thread)
    night, more = results[turns:]
    assert [(each["instruction"], each["parent_turn"]) for each in (night, more)] == [
        (f"{thread} at night", turns),
        (f"{thread} once more", 1),
    ]
    assert picture(upgraded, results[turns - 1]) in upgraded.seen(f"{thread} at night")
    assert picture(upgraded, results[0]) in upgraded.seen(f"{thread} once more")


def picture(upgraded: Upgraded, result: Document) -> str:
    """Return the SHA-256 of the picture that the next turn sees."""
    return next(made_for(upgraded.stack, image) for image in result["images"] if image["primary"])


def test_the_photo_of_a_turn_that_failed_goes_with_the_next_words(upgraded: Upgraded) -> None:
    failed, made = upgraded.results("spoilt")
    assert [ending(failed), ending(made)] == [("no_image", 1), ("succeeded", 1)]
    assert (made["mode"], made["sources"]) == ("image_to_image", failed["sources"])


def test_a_thread_of_the_old_release_can_be_erased(upgraded: Upgraded) -> None:
    assert upgraded.keys("threads/erased/") == []
    assert "erased at dawn" not in json.dumps(list(upgraded.after.items), default=str)


def test_the_index_knows_every_turn_of_both_releases(upgraded: Upgraded) -> None:
    table = Table(upgraded.stack.aws.dynamodb, upgraded.stack.env["THREADS_TABLE"])
    days = {result["timing"]["finished_at"][:10] for result in upgraded.after.results}
    listed = Counter(item["thread_id"] for day in days for item in listing.ended(table, day))
    del listed[listing.REFUSED]
    assert listed == TURNS_AFTER


def test_nothing_that_people_said_is_in_a_log_of_either_release(upgraded: Upgraded) -> None:
    assert leaks.search(upgraded.stack).leaks == []
