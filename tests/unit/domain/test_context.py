"""The part of a thread that is sent with a request: the words of the branch, and a few of its pictures."""

import hashlib
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.domain import context
from darkroom.domain.context import Context, Image
from darkroom.domain.outcome import Outcome, Picture, Source
from darkroom.providers.dialect import ApiRequest, DialectSettings
from darkroom.providers.dialects.nebula import NEBULA
from tests.unit.samples import image, picture, rejection, source, turn

MEGABYTE = 1_000_000


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


# Few different pictures, so that the same one often occurs twice.
shas = st.sampled_from([digest(name) for name in "abcdef"])
words = st.text(max_size=12)


@st.composite
def branches(draw: st.DrawFn) -> tuple[Outcome, ...]:
    turns = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        made = draw(st.lists(shas, min_size=1, max_size=3))
        turns.append(
            turn(
                number,
                parent=number - 1 or None,
                instruction=draw(words),
                text=draw(st.none() | words),
                sources=[source(f"{number}-{at}.jpg", sha) for at, sha in enumerate(draw(st.lists(shas, max_size=2)))],
                images=[
                    picture(f"{number}/image-{at}.png", sha, primary=at == len(made)) for at, sha in enumerate(made, 1)
                ],
            )
        )
    return tuple(turns)


attachments = st.lists(shas.map(lambda sha: Image(b"x", "image/png", sha)), max_size=3)
most = st.integers(0, 4)


def composed(branch: Sequence[Outcome], attached: Sequence[Image], room: int, instruction: str = "now") -> Context:
    places = context.remembered(branch, [each.sha256 for each in attached], room)
    older = [(place, Image(b"y", "image/png", place.sha256)) for place in places]
    return context.compose(branch, instruction, attached, older)


@given(branch=branches(), attached=attachments, room=most, instruction=words.filter(bool))
def test_user_and_model_take_turns_and_the_user_has_the_last_word(
    branch: tuple[Outcome, ...], attached: list[Image], room: int, instruction: str
) -> None:
    sent = composed(branch, attached, room, instruction)
    assert [content.role for content in sent.contents] == ["user", "model"] * len(branch) + ["user"]
    assert sent.instruction == sent.contents[-1].text == instruction


@given(branch=branches(), attached=attachments, room=most)
def test_every_word_of_the_branch_is_there_in_order(
    branch: tuple[Outcome, ...], attached: list[Image], room: int
) -> None:
    *history, _ = composed(branch, attached, room).contents
    assert [content.text for content in history[::2]] == [answered.instruction for answered in branch]
    for content, answered in zip(history[1::2], branch, strict=True):
        assert content.text == (answered.text or "") or (not answered.text and content.text)
        assert content.text or content.images


@given(branch=branches(), attached=attachments, room=most)
def test_no_picture_is_sent_twice(branch: tuple[Outcome, ...], attached: list[Image], room: int) -> None:
    sent = [each.sha256 for each in composed(branch, attached, room).images]
    assert len(sent) == len(set(sent))


@given(branch=branches(), attached=attachments, room=most)
def test_every_picture_that_is_attached_is_sent_with_the_instruction(
    branch: tuple[Outcome, ...], attached: list[Image], room: int
) -> None:
    last = composed(branch, attached, room).contents[-1]
    assert [each.sha256 for each in last.images] == list(dict.fromkeys(each.sha256 for each in attached))


@given(branch=branches(), attached=attachments, room=most)
def test_older_pictures_fill_the_room_in_the_order_of_their_weight(
    branch: tuple[Outcome, ...], attached: list[Image], room: int
) -> None:
    here = [each.sha256 for each in attached]
    chosen = context.remembered(branch, here, room)
    first_source = next((answered.sources[0] for answered in branch if answered.sources), None)
    newest = branch[-1].primary if branch else None
    by_weight = [place for place in (newest, first_source) if place and place.sha256 not in here]
    if len(by_weight) == 2 and by_weight[0].sha256 == by_weight[1].sha256:
        del by_weight[1]
    assert list(chosen) == by_weight[: max(0, room - len(here))]


@given(branch=branches().filter(bool), attached=attachments, room=st.integers(1, 4))
def test_the_newest_result_is_shown_in_the_last_turn_of_the_model(
    branch: tuple[Outcome, ...], attached: list[Image], room: int
) -> None:
    newest = branch[-1].primary
    assert newest
    if newest.sha256 in [each.sha256 for each in attached] or room <= len(attached):
        return
    *_, shown, _ = composed(branch, attached, room).contents
    assert [each.sha256 for each in shown.images] == [newest.sha256]


@given(branch=branches(), attached=attachments, room=most)
def test_flattened_it_is_one_turn_with_the_newest_picture_and_the_same_words(
    branch: tuple[Outcome, ...], attached: list[Image], room: int
) -> None:
    sent = composed(branch, attached, room)
    flat = sent.flattened()
    (only,) = flat.contents
    older = [each for content in sent.contents[:-1] for each in content.images]
    assert (only.role, only.text) == ("user", sent.instruction)
    assert list(only.images) == older[-1:] + list(sent.contents[-1].images)
    assert flat.mode != "conversation"


def test_the_first_source_stands_where_it_was_given() -> None:
    branch = (turn(1, sources=[source("cat.jpg", digest("cat"))]), turn(2, parent=1))
    sent = composed(branch, [], 3)
    assert [each.sha256 for each in sent.contents[0].images] == [digest("cat")]
    assert [each.sha256 for each in sent.contents[3].images] == [f"{2:064x}"]


def test_the_mode_follows_from_history_and_pictures() -> None:
    assert composed((), [], 3).mode == "text_to_image"
    assert composed((), [image()], 3).mode == "image_to_image"
    assert composed((turn(1),), [image()], 3).mode == "conversation"


def limit_each(branch: Sequence[Outcome], instruction: str, sizes: Sequence[int]) -> int:
    """The limit of each picture in a request of 20 MB."""
    return context.limit_each(branch, instruction, sizes, 20 * MEGABYTE, NEBULA.limits)


def sent_bytes(sent: Context) -> int:
    """The length of the documented call's body."""
    return len(NEBULA.call(ApiRequest(sent, "gemini-3.1-flash-image", {}), DialectSettings()).body)


sizes = st.integers(0, 7 * MEGABYTE)


def at_most(limit: int, pictures: Sequence[Image]) -> list[Image]:
    return [Image(each.data[:limit], each.media_type, each.sha256) for each in pictures]


@given(attached=st.lists(sizes, max_size=6), words=st.integers(0, 20))
@example(attached=[7 * MEGABYTE] * 6, words=20)
def test_a_request_with_pictures_of_their_share_never_passes_20_megabytes(attached: list[int], words: int) -> None:
    pictures = [Image(bytes(size), "image/png", digest(f"now-{at}")) for at, size in enumerate(attached)]
    branch = (turn(1, text="t" * 20_000), turn(2, parent=1, instruction='"雪\n' * 2000))
    newest = Image(bytes(7 * MEGABYTE), "image/png", branch[1].images[0].sha256)
    instruction = "w" * (words * 400 + 1)
    limit = limit_each(branch, instruction, [len(each.data) for each in (*pictures, newest)])
    (shown,) = at_most(limit, [newest])
    sent = context.compose(branch, instruction, at_most(limit, pictures), [(branch[1].images[0], shown)])
    assert sent_bytes(sent) <= 20 * MEGABYTE
    assert shown in sent.contents[3].images


def test_where_all_fit_each_may_be_as_large_as_the_api_takes_it() -> None:
    assert limit_each((), "now", [7 * MEGABYTE, 7 * MEGABYTE]) == NEBULA.limits.image_bytes


def test_what_a_small_picture_leaves_is_shared_by_the_large_ones() -> None:
    alone = limit_each((), "now", [7 * MEGABYTE] * 3)
    assert limit_each((), "now", [7 * MEGABYTE] * 3 + [1000]) > alone - 1000
    assert limit_each((), "now", [7 * MEGABYTE] * 4) < alone


def test_words_that_leave_no_room_for_a_picture_are_refused() -> None:
    branch = tuple(turn(number, parent=number - 1 or None, text="\x01" * 20_000) for number in range(1, 170))
    refused = rejection(lambda: limit_each(branch, "now", [7 * MEGABYTE]))
    assert refused.code == "image_too_large"


def test_a_source_that_is_a_result_of_the_branch_is_sent_once() -> None:
    """A result of turn 1 was attached to turn 2, and the request answers turn 2."""
    first: Picture = picture("1/image.png", digest("result"))
    branch = (
        turn(1, images=[first]),
        turn(2, parent=1, sources=[Source("results", first.key, "etag", first.sha256)]),
    )
    sent = [each.sha256 for each in composed(branch, [], 3).images]
    assert sent == [digest("result"), f"{2:064x}"]
