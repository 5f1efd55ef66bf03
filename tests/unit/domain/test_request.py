"""A message's body: every rule of its form, and each fault with its field, all of them at once."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.domain import keys, request, request_file
from darkroom.domain.request import Request
from darkroom.domain.request_schema import Folder, ImageRef
from darkroom.errors import Rejected
from tests.fakes.stack import rules
from tests.unit.domain import schema_models
from tests.unit.samples import rejection

BUCKETS = ("my-uploads", "my-results")
GROUP = "campaign/bottle"


def parsed(document: object, group: str = GROUP) -> Request:
    body = document if isinstance(document, str) else json.dumps(document)
    return request.parse(body, group=group, message_id="message-1", rules=rules(*BUCKETS))


def asked(**fields: Any) -> dict[str, Any]:
    return {"instruction": "make it blue"} | fields


def faults(document: object, group: str = GROUP) -> Rejected:
    rejected = rejection(lambda: parsed(document, group))
    assert rejected.code == "invalid_request"
    assert rejected.hint
    return rejected


FULL: dict[str, Any] = {
    "thread_id": "campaign/bottle",
    "request_id": "order-4711-1",
    "instruction": "把景色换成夜色下雪的场景",
    "images": ["s3://my-uploads/bottle.jpg"],
    "parent_turn": 2,
    "model": "gemini-3-pro-image",
    "options": {"size": "16:9", "image_size": "2K"},
    "metadata": {"order": "4711"},
}


def test_a_full_body_is_taken_word_for_word() -> None:
    assert parsed(FULL) == Request(
        thread_id="campaign/bottle",
        request_id="order-4711-1",
        instruction="把景色换成夜色下雪的场景",
        images=(ImageRef("my-uploads", "bottle.jpg"),),
        parent_turn=2,
        model="gemini-3-pro-image",
        options={"size": "16:9", "image_size": "2K"},
        metadata={"order": "4711"},
    )


def test_only_the_instruction_is_required() -> None:
    assert parsed(asked()) == Request(GROUP, "message-1", "make it blue", metadata={})


@pytest.mark.parametrize("space", [" ", "\n", "\u3000", "\t \r\n"])
def test_space_around_an_instruction_is_trimmed(space: str) -> None:
    assert parsed(asked(instruction=f"{space}make  it\nblue{space}")).instruction == "make  it\nblue"


def test_the_longest_of_everything_is_taken() -> None:
    most = asked(
        instruction="雪" * 8000,
        request_id="A" * 128,
        images=["s3://my-uploads/" + "k" * 1024] * 14,
        metadata={f"{number:064d}": "v" * 512 for number in range(16)},
        parent_turn=99_999,
    )
    assert len(parsed(most).images) == 14


def test_an_image_may_be_an_object_and_its_key_is_raw() -> None:
    images = [
        {"bucket": "my-uploads", "key": "a b.jpg", "version_id": "v1"},
        {"bucket": "my-results", "key": "threads/x/00001-ab/image.png"},
        "s3://my-uploads/a%20b+c/ä.jpg",
    ]
    assert parsed(asked(images=images)).images == (
        ImageRef("my-uploads", "a b.jpg", "v1"),
        ImageRef("my-results", "threads/x/00001-ab/image.png"),
        ImageRef("my-uploads", "a%20b+c/ä.jpg"),
    )


def test_every_option_of_the_api_is_taken() -> None:
    options = {
        "size": "1024x1024", "aspect_ratio": "16:9", "quality": "hd", "image_size": "4K", "mime_type": "image/jpeg",
        "response_modalities": ["image", "text"], "temperature": 1, "top_p": 0.5,
    }  # fmt: skip
    assert parsed(asked(options=options)).options == options
    assert parsed(asked(options={"response_modalities": "image-text"})).options == {"response_modalities": "image-text"}


def test_options_that_are_given_empty_are_not_options_that_are_not_given() -> None:
    """Options that are not given are those of the answered turn."""
    assert parsed(asked(options={})).options == {}
    assert parsed(asked()).options is None


@pytest.mark.parametrize(
    ("document", "field", "said"),
    [
        ({}, "instruction", "required"),
        (asked(instruction=""), "instruction", "required"),
        (asked(instruction=" \n\u3000"), "instruction", "required"),
        (asked(instruction="x" * 8001), "instruction", "8000"),
        (asked(instruction=5), "instruction", "string"),
        (asked(instruction=None), "instruction", "string"),
        (asked(instruction="half \ud83d"), "instruction", "Unicode"),
        (asked(thread_id=""), "thread_id", "256 bytes"),
        (asked(thread_id="x" * 257), "thread_id", "256 bytes"),
        (asked(thread_id="a//b"), "thread_id", "segment"),
        (asked(thread_id="a/../b"), "thread_id", "segment"),
        (asked(thread_id="a\nb"), "thread_id", "control"),
        (asked(thread_id="a\ud800"), "thread_id", "surrogate"),
        (asked(thread_id=7), "thread_id", "string"),
        (asked(request_id=""), "request_id", "128"),
        (asked(request_id="x" * 129), "request_id", "128"),
        (asked(request_id="a b"), "request_id", "128"),
        (asked(request_id="a\n"), "request_id", "128"),
        (asked(request_id="a/b"), "request_id", "128"),
        (asked(request_id="é"), "request_id", "128"),
        (asked(images={"bucket": "my-uploads", "key": "a.jpg"}), "images", "list"),
        (asked(images="a.jpg"), "images.0", "s3://"),
        (asked(images=["s3://my-uploads/a.jpg"] * 15), "images", "14"),
        (asked(images=["https://example.com/a.jpg"]), "images.0", "s3://"),
        (asked(images=["data:image/png;base64,AAAA"]), "images.0", "s3://"),
        (asked(images=["a.jpg"]), "images.0", "s3://"),
        (asked(images=["s3://my-uploads"]), "images.0", "s3://"),
        (asked(images=["s3://my-uploads/"]), "images.0.key", "empty"),
        (asked(images=["s3://somebody-elses/a.jpg"]), "images.0", "my-results or my-uploads"),
        (asked(images=["s3://my-uploads/a.jpg", "s3:///a.jpg"]), "images.1.bucket", ""),
        (asked(images=["s3://my-uploads/" + "k" * 1025]), "images.0.key", "1024"),
        (asked(images=["s3://my-uploads/" + "ü" * 600]), "images.0", "1024"),
        (asked(images=[7]), "images.0", "object"),
        (asked(images=[{"bucket": "my-uploads"}]), "images.0.key", "required"),
        (asked(images=[{"bucket": "my-uploads", "key": "a", "url": "x"}]), "images.0.url", "not a known key"),
        (asked(parent_turn=-1), "parent_turn", "at least 0"),
        (asked(parent_turn=100_000), "parent_turn", "at most 99999"),
        (asked(parent_turn=10**40), "parent_turn", "at most 99999"),
        (asked(parent_turn="2"), "parent_turn", "whole number"),
        (asked(parent_turn=1.5), "parent_turn", "whole number"),
        (asked(parent_turn=True), "parent_turn", "whole number"),
        (asked(model=""), "model", "empty"),
        (asked(model="m" * 257), "model", "256"),
        (asked(options={"seed": 2}), "options.seed", "not a known key"),
        (asked(options={"n": 5}), "options.n", "at most 4"),
        (asked(options={"size": 7}), "options.size", "string"),
        (asked(options={"mime_type": "image/gif"}), "options.mime_type", "image/png"),
        (asked(options={"temperature": 2.1}), "options.temperature", "at most 2"),
        (asked(options={"temperature": True}), "options.temperature", "number"),
        (asked(options={"top_p": -0.1}), "options.top_p", "at least 0"),
        (asked(options=["size"]), "options", "object"),
        (asked(metadata={str(number): "" for number in range(17)}), "metadata", "16"),
        (asked(metadata={"k" * 65: "v"}), "metadata", "64"),
        (asked(metadata={"k": "v" * 513}), "metadata.k", "512"),
        (asked(metadata={"k": 5}), "metadata.k", "string"),
        (asked(colour="x"), "colour", "not a known key; remove it or correct its spelling"),
        ({"prompt": "x"}, "instruction", "prompt: is not a known key: did you mean `instruction`?"),
        (asked(Instruction="x"), "Instruction", "did you mean `instruction`?"),
        (asked(instrution="x"), "instrution", "did you mean `instruction`?"),
        (asked(image="x"), "image", "did you mean `images`?"),
        (asked(imageUrls=["x"]), "imageUrls", "did you mean `images`?"),
        (asked(aspectRatio="16:9"), "aspectRatio", "did you mean `options.aspect_ratio`?"),
        (asked(size="1:1"), "size", "did you mean `options.size`?"),
        (asked(parentTurn=1), "parentTurn", "did you mean `parent_turn`?"),
        (asked(custom_id="a"), "custom_id", "did you mean `request_id`?"),
        (asked(options={"aspectRatio": "16:9"}), "options.aspectRatio", "did you mean `aspect_ratio`?"),
        (asked(images=[{"bucket": "my-uploads", "Key": "a"}]), "images.0.key", "Key: is not a known key: did you mean"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_field_and_a_remedy(document: object, field: str, said: str) -> None:
    rejected = faults(document)
    assert rejected.param is not None
    assert rejected.param.startswith(field)
    assert said in rejected.message


@pytest.mark.parametrize(
    "body",
    ["", "hello", "{", "[]", '"make it blue"', "null", "5", '{"instruction": NaN}', "[" * 100_000, "1" * 5000,
     '{"instruction": "a",}'],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    assert faults(body).param == "body"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"instruction": “make it blue”}', 'curly quotes: use " (column 17)'),
        ('{\n  “instruction”: "make it blue"\n}', 'curly quotes: use " (line 2, column 3)'),
        ("{'instruction': 'make it blue'}", 'single quotes: use " (column 2)'),
        ('{"instruction": "blue",}', "a comma before a closing bracket: remove it (column 23)"),
        ('{"instruction": "blue", "images": ["a", ]}', "a comma before a closing bracket: remove it (column 39)"),
        ('{\n"instruction": "blue",\n}', "a comma before a closing bracket: remove it (line 2, column 22)"),
        ('{instruction: "blue"}', 'a name without quotes: write "instruction" (column 2)'),
        ('{"instruction": "a "blue" cat"}', "a missing comma, or a quotation mark inside the words"),
        ('{"instruction": "C:\\photos"}', r"a lone backslash: write \\"),
        ('{"instruction": "one\ntwo"}', "a line break or a tab inside quotes"),
        ('{"instruction": "blue', "a quotation mark that is never closed (column 17)"),
        ('{"instruction" "blue"}', "a missing colon"),
        ('{"instruction": "blue"', "it ends too early"),
        ('{"instruction": "blue"}}', "something after the end of the object"),
        ('{"instruction": "blue", // night\n}', "a comment: remove it"),
        ('{"instruction": None}', "None of Python: write null (column 17)"),
    ],
)
def test_a_slip_of_who_writes_json_by_hand_is_named_with_its_remedy_and_its_place(body: str, said: str) -> None:
    assert f"body: is not JSON: {said}" in faults(body).message


@given(body=st.text("{}[]:,\"'\\ \n/#“aN1", max_size=30))
def test_of_any_text_that_is_not_json_something_is_said(body: str) -> None:
    try:
        json.loads(body)
    except ValueError:
        assert re.search(r"is not JSON: .+ \((line \d+, )?column \d+\)", faults(body).message)


def test_one_string_for_images_is_a_list_of_one() -> None:
    one = asked(images="s3://my-uploads/a.jpg")
    assert parsed(one).images == (ImageRef("my-uploads", "a.jpg"),)
    assert parsed(one).fingerprint == parsed(asked(images=["s3://my-uploads/a.jpg"])).fingerprint
    assert from_file(asked(images="cat.jpg")).images == (ImageRef("my-uploads", "shop/spring/cat.jpg"),)


INVISIBLE = [
    "\u200b", "\u2060 \u200d\ufeff", "\u3164", "\u115f\u1160", "\u2800", "\ufe0f", "\U000e0101", "\u202e\u2066", "\x07",
]  # fmt: skip


@pytest.mark.parametrize("words", INVISIBLE)
def test_an_instruction_that_nobody_can_see_is_none(words: str) -> None:
    rejected = faults(asked(instruction=words))
    assert rejected.message == "instruction: is required: say in words what to make or to change"
    assert rejection(lambda: from_file(asked(instruction=words))).param == "instruction"
    assert rejection(lambda: from_line(asked(instruction=words, custom_id="c"))).param == "instruction"


@pytest.mark.parametrize("words", ["a", "?", "\u200b.", "👍\ufe0f", "猫", "e\u0301", "ㅎ", "⠁"])
def test_one_that_shows_anything_is_one(words: str) -> None:
    assert parsed(asked(instruction=words)).instruction == words


TWICE = [
    ('{"instruction": "a", "instruction": "b"}', "instruction"),
    ('{"instruction": "a", "images": [], "images": []}', "images"),
    ('{"instruction": "a", "options": {"size": "1:1", "size": "16:9"}}', "size"),
    ('{"instruction": "a", "metadata": {"k": "v", "k": "v"}}', "k"),
    ('{"instruction": "a", "images": [{"bucket": "my-uploads", "key": "a", "key": "b"}]}', "key"),
]


@pytest.mark.parametrize(("body", "name"), TWICE)
def test_a_key_that_stands_twice_is_refused_by_name(body: str, name: str) -> None:
    line = (body[:-1] + ', "custom_id": "c"}').encode()
    for refused in (faults(body), rejection(lambda: from_file(body)), rejection(lambda: from_line(line))):
        assert (refused.code, refused.param) == ("invalid_request", name)
        assert refused.message == f"{name}: stands there more than once; keep one of them"
    assert request_file.custom_id(line) == "c"


def test_every_key_that_stands_twice_is_named() -> None:
    message = faults('{"instruction": "a", "model": "m", "model": "m", "instruction": "a"}').message
    assert "instruction: stands" in message
    assert "model: stands" in message


def test_a_key_that_stands_twice_in_an_envelope_is_refused_too() -> None:
    inner = '{"instruction": "a", "instruction": "b"}'
    assert faults({"Type": "Notification", "Message": inner}).param == "instruction"


def test_what_stands_once_beside_it_is_recognised() -> None:
    body = '{"thread_id": "t", "request_id": "r", "instruction": "a", "instruction": "b"}'
    known = request.recognise(body)
    assert (known.thread_id, known.request_id, known.instruction) == ("t", "r", None)
    assert request_file.custom_id(b'{"custom_id": "a", "custom_id": "b", "instruction": "a"}') is None


def test_infinity_is_no_temperature() -> None:
    body = '{"instruction": "a", "options": {"temperature": 1e999}}'
    assert faults(body).param == "options.temperature"


def test_every_fault_is_named_at_once() -> None:
    message = faults({"instruction": "", "images": ["http://x/y"], "parent_turn": -1, "colour": "red"}).message
    for field in ("instruction:", "images.0:", "parent_turn:", "colour:"):
        assert field in message


def test_every_bucket_and_the_group_are_named_at_once() -> None:
    message = faults(asked(images=["s3://foreign/a", "s3://other/b"]) | {"thread_id": "a"}, group="b").message
    for field in ("images.0:", "images.1:", "MessageGroupId:"):
        assert field in message


def test_a_thousand_faults_are_named_up_to_a_bound() -> None:
    assert len(faults(asked(**{f"key-{number}": 1 for number in range(1000)})).message) < 20_000


SCHEMA = schema_models.Body.model_json_schema()


@pytest.mark.parametrize(
    "document",
    [
        FULL,
        asked(),
        asked(images=[{"bucket": "my-uploads", "key": "a b.jpg", "version_id": "v1"}], parent_turn=0),
        asked(images="s3://my-uploads/bottle.jpg"),
        asked(options={"response_modalities": ["image", "text"], "temperature": 1}),
    ],
)
def test_what_is_taken_keeps_to_the_published_schema(document: dict[str, Any]) -> None:
    assert parsed(document)
    jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    "document",
    [
        {},
        asked(instruction=""),
        asked(images=["https://example.com/a.jpg"]),
        asked(images=["s3://my-uploads/a"] * 15),
        asked(options={"seed": 2}),
        asked(request_id="a b"),
        asked(images="https://example.com/a.jpg"),
        asked(prompt="x"),
    ],
)
def test_what_is_refused_for_its_form_breaks_the_published_schema(document: dict[str, Any]) -> None:
    assert faults(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


# The thread and its group.


def test_the_group_is_the_thread_where_none_is_named() -> None:
    assert parsed(asked(), group="any thread: even 猫").thread_id == "any thread: even 猫"


def test_a_group_that_is_no_thread_id_is_named_where_no_thread_is() -> None:
    assert faults(asked(), group="a//b").param == "thread_id"


@pytest.mark.parametrize("group", ["猫/夜", "other", "campaign", hashlib.sha256(b"campaign/bottle").hexdigest()])
def test_any_other_group_than_the_threads_own_is_refused(group: str) -> None:
    rejected = faults(asked(thread_id="campaign/bottle"), group=group)
    assert rejected.param == "MessageGroupId"
    assert "campaign/bottle" in rejected.message


def test_a_thread_that_sqs_cannot_name_comes_in_the_group_of_its_sha256() -> None:
    group = hashlib.sha256("猫/夜".encode()).hexdigest()
    assert parsed(asked(thread_id="猫/夜"), group=group).thread_id == "猫/夜"


def test_a_thread_id_is_normalised_before_its_group_is_looked_at() -> None:
    group = hashlib.sha256("café".encode()).hexdigest()
    assert parsed(asked(thread_id="cafe\u0301"), group=group).thread_id == "café"


# Envelopes.


def sns(message: object) -> dict[str, object]:
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": json.dumps(message)}


def eventbridge(detail: object) -> dict[str, object]:
    return {"version": "0", "id": "e", "detail-type": "PictureWanted", "source": "shop", "detail": detail}


@pytest.mark.parametrize(
    "document",
    [sns(FULL), eventbridge(FULL), sns(eventbridge(FULL)), eventbridge(sns(FULL)), sns(sns(FULL))],
    ids=["sns", "eventbridge", "eventbridge-in-sns", "sns-in-eventbridge", "sns-in-sns"],
)
def test_an_envelope_is_unwrapped(document: object) -> None:
    assert parsed(document) == parsed(FULL)


@pytest.mark.parametrize(
    "document",
    [sns("hello"), sns([1]), eventbridge({}), eventbridge("hello"), sns(asked(colour="red")),
     {"Type": "Notification", "Message": "not json"}, {"Type": "Notification", "Message": 5}],
)  # fmt: skip
def test_what_is_wrong_in_an_envelope_is_wrong(document: object) -> None:
    faults(document)


def test_there_is_an_end_to_unwrapping() -> None:
    document: dict[str, object] = FULL
    for _ in range(10):
        document = eventbridge(document)
    faults(document)


# The fingerprint.


def test_the_same_content_has_the_same_fingerprint_however_it_is_written() -> None:
    shuffled = json.dumps(dict(reversed(FULL.items())), indent=3)
    as_object = FULL | {"images": [{"bucket": "my-uploads", "key": "bottle.jpg"}]}
    spaced = FULL | {"instruction": f"  {FULL['instruction']}\n"}
    prints = {parsed(document).fingerprint for document in (FULL, shuffled, as_object, spaced, sns(FULL))}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"instruction": "something else"},
        {"images": []},
        {"images": ["s3://my-results/bottle.jpg"]},
        {"images": [{"bucket": "my-uploads", "key": "bottle.jpg", "version_id": "v1"}]},
        {"parent_turn": 0},
        {"model": "another"},
        {"options": {}},
        {"options": {"size": "16:9"}},
        {"metadata": {}},
    ],
)
def test_other_content_has_another_fingerprint(other: dict[str, Any]) -> None:
    assert parsed(FULL | other).fingerprint != parsed(FULL).fingerprint


def test_whole_numbers_and_fractions_are_one_number() -> None:
    assert (
        parsed(asked(options={"temperature": 1})).fingerprint == parsed(asked(options={"temperature": 1.0})).fingerprint
    )


# Any input.

json_text = st.text(st.characters(codec=None), max_size=12)  # with halves of surrogate pairs, which JSON can express
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | json_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_text, inner, max_size=3),
    max_leaves=8,
)
good: dict[str, st.SearchStrategy[Any]] = {
    "instruction": st.just("make it blue"),
    "thread_id": st.just(GROUP),
    "request_id": st.just("r-1"),
    "images": st.lists(st.sampled_from(["s3://my-uploads/a", "s3://foreign/b", "s3://"]) | json_values, max_size=3),
    "options": st.dictionaries(st.sampled_from(["size", "temperature", "response_modalities"]), json_values),
    "metadata": st.dictionaries(json_text, json_text, max_size=3),
    "Type": st.just("Notification"),
    "Message": st.just('{"instruction": "inner"}'),
    "detail-type": json_text,
    "detail": json_values,
}
documents = st.fixed_dictionaries({}, optional={key: value | json_values for key, value in good.items()})


def assert_parsed_or_rejected(body: str, group: str = GROUP) -> None:
    """Any rejection can be written down."""
    taken = said_of(body, group)
    if isinstance(taken, Rejected):
        assert taken.code == "invalid_request"
        assert f"{taken.message}{taken.param}".encode()
    else:
        assert taken.instruction.strip()
        assert keys.thread_id(taken.thread_id) == taken.thread_id
        assert str(taken).encode()
        assert len(taken.fingerprint) == 64


def said_of(body: str, group: str) -> Request | Rejected:
    try:
        return parsed(body, group)
    except Rejected as rejected:
        return rejected


@given(body=st.text(max_size=80), group=st.text(max_size=20))
def test_any_text_is_a_request_or_rejected(body: str, group: str) -> None:
    assert_parsed_or_rejected(body, group)


@given(document=json_values | documents)
@example({"instruction": "a", "\ud800": 1})
@example({"instruction": "a", "metadata": {"\ud800": "v"}})
@example({"instruction": "a", "metadata": {"k": "\ud800"}})
@example({"instruction": "a", "images": ["s3://my-uploads/\ud800"]})
@example({"instruction": "a", "model": "\ud800"})
@example({"instruction": "a", "options": {"\ud800": 1}})
def test_any_json_is_a_request_or_rejected(document: object) -> None:
    assert_parsed_or_rejected(json.dumps(document))


def test_a_line_in_another_encoding_is_refused_by_its_name() -> None:
    line = json.dumps({"custom_id": "a", "instruction": "变成红色"}, ensure_ascii=False).encode("gb18030")
    rejected = rejection(
        lambda: request_file.of_line(line, folder=Folder("my-uploads", ""), stem="b", rules=rules(*BUCKETS))
    )
    assert rejected.message == "body: is not in UTF-8; it looks like GB18030 (Chinese)"


# Requests in files and in lines.

FOLDER = Folder("my-uploads", "shop/spring/")


def from_file(document: object, folder: Folder = FOLDER) -> Request:
    text = document if isinstance(document, str) else json.dumps(document)
    return request_file.of_file(text, folder=folder, thread_id="shop/cat", request_id="upload-1", rules=rules(*BUCKETS))


def from_line(document: object, folder: Folder = FOLDER) -> Request:
    line = document if isinstance(document, bytes) else json.dumps(document).encode()
    return request_file.of_line(line, folder=folder, stem="shop/spring/all", rules=rules(*BUCKETS))


@pytest.mark.parametrize("taken_from", [from_file, lambda document: from_line(document | {"custom_id": "c"})])
@pytest.mark.parametrize(
    ("named", "key"),
    [
        ("cat.jpg", "shop/spring/cat.jpg"),
        ("./cat.jpg", "shop/spring/cat.jpg"),
        ("../cat.jpg", "shop/cat.jpg"),
        ("../../cat.jpg", "cat.jpg"),
        ("a/./b/../cat.jpg", "shop/spring/a/cat.jpg"),
        ("a//cat.jpg", "shop/spring/a//cat.jpg"),
        ("猫 1%20+.jpg", "shop/spring/猫 1%20+.jpg"),
        ("...", "shop/spring/..."),
        ("s3://my-results/x/../cat.jpg", "x/../cat.jpg"),
    ],
)
def test_a_picture_may_be_named_relative_to_the_files_own_folder(
    taken_from: Callable[[dict[str, Any]], Request], named: str, key: str
) -> None:
    bucket = "my-results" if named.startswith("s3:") else "my-uploads"
    assert taken_from(asked(images=[named])).images == (ImageRef(bucket, key),)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("/cat.jpg", "relative"),
        ("//cat.jpg", "relative"),
        ("https://example.com/cat.jpg", "relative"),
        ("../../../cat.jpg", "out of the bucket"),
        ("../../../../shop/cat.jpg", "out of the bucket"),
        ("", "not a folder"),
        (".", "not a folder"),
        ("..", "not a folder"),
        ("cats/", "not a folder"),
        ("s3://strangers/cat.jpg", "must lie in"),
        ("k" * 1030, "at most 1024"),
        ("雪" * 400, "over 1024 bytes"),
    ],
)
def test_a_picture_that_lies_nowhere_in_the_bucket_is_a_fault(named: str, said: str) -> None:
    rejected = rejection(lambda: from_file(asked(images=["good.jpg", named])))
    assert rejected.param
    assert rejected.param.startswith("images.1")
    assert said in rejected.message
    assert "upload the file again" in str(rejected.hint)


def test_a_message_knows_no_relative_keys() -> None:
    assert faults(asked(images=["cat.jpg"])).param == "images.0"


def test_a_file_in_no_folder_names_its_neighbours() -> None:
    assert from_file(asked(images=["cat.jpg"]), Folder("my-uploads", "")).images[0].key == "cat.jpg"


def test_what_a_file_does_not_name_is_that_of_its_upload() -> None:
    assert (from_file(asked()).thread_id, from_file(asked()).request_id) == ("shop/cat", "upload-1")
    named = from_file(asked(thread_id="camp/cafe\u0301", request_id="r"))
    assert (named.thread_id, named.request_id) == ("camp/café", "r")


def test_a_line_is_its_own_thread_unless_it_names_one() -> None:
    line = from_line(asked(custom_id="sku:1.a"))
    assert (line.thread_id, line.request_id) == ("shop/spring/all/sku:1.a", "sku:1.a")
    assert from_line(asked(custom_id="..")).thread_id.startswith("key-")
    assert from_line(asked(custom_id="a", thread_id="camp")).thread_id == "camp"


def test_an_envelope_is_for_messages_alone() -> None:
    assert rejection(lambda: from_file({"Type": "Notification", "Message": json.dumps(asked())})).code


def test_the_same_request_is_the_same_wherever_it_comes_from() -> None:
    full = FULL | {"thread_id": "campaign/bottle"}
    line = {name: value for name, value in full.items() if name != "request_id"} | {"custom_id": full["request_id"]}
    assert parsed(full).fingerprint == from_file(full).fingerprint == from_line(line).fingerprint


@given(custom_id=st.from_regex(r"\A[A-Za-z0-9._:-]{1,128}\Z"))
@example("custom-" + "a" * 63)
def test_an_id_that_may_be_a_request_id_is_one(custom_id: str) -> None:
    assert request_file.request_id_of(custom_id) == from_line(asked(custom_id=custom_id)).request_id == custom_id


@given(custom_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128))
@example("SKU 12/3")
@example("杯子-1")
@example("a/b")
@example("\x00")
def test_any_string_is_an_id_and_its_request_may_be_sent(custom_id: str) -> None:
    line = from_line(asked(custom_id=custom_id))
    assert request_file.custom_id(json.dumps(asked(custom_id=custom_id)).encode()) == custom_id
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", line.request_id)
    assert parsed(line.body, keys.message_group(line.thread_id)) == line


def test_the_request_id_of_any_other_id_follows_from_it() -> None:
    line = from_line(asked(custom_id="SKU 12/3"))
    assert line.request_id == f"custom-{hashlib.sha256(b'SKU 12/3').hexdigest()}"
    assert line.thread_id == f"shop/spring/all/{line.request_id}"


def test_no_two_ids_have_one_request_id_or_one_thread() -> None:
    derived = request_file.request_id_of("a b")
    lines = [from_line(asked(custom_id=name)) for name in ("a b", derived, "a/b", "caf\u00e9", "cafe\u0301", "a", "a ")]
    assert len({line.request_id for line in lines}) == len({line.thread_id for line in lines}) == len(lines)


@pytest.mark.parametrize(("number", "custom_id"), [("4711", "4711"), ("0.5", "0.5"), ("-1", "-1")])
def test_a_number_is_an_id_as_text(number: str, custom_id: str) -> None:
    line = f'{{"custom_id": {number}, "instruction": "blue"}}'.encode()
    assert request_file.custom_id(line) == from_line(line).request_id == custom_id


FOREIGN = {
    "OpenAI": {
        "custom_id": "a", "method": "POST", "url": "/v1/images/generations",
        "body": {"model": "gpt-image-1", "prompt": "A cat", "size": "1024x1024"},
    },
    "OpenAI ": {
        "custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
        "body": {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "A cat"}]},
    },
    "Gemini": {"key": "a", "request": {"contents": [{"parts": [{"text": "A cat"}, {"inline_data": {"data": "AA"}}]}]}},
    "Anthropic": {
        "custom_id": "a", "params": {"messages": [{"role": "user", "content": [{"type": "text", "text": "A cat"}]}]},
    },
}  # fmt: skip


@pytest.mark.parametrize("whose", FOREIGN)
def test_a_line_for_the_batches_of_another_service_is_named_with_the_line_as_it_should_be(whose: str) -> None:
    rejected = rejection(lambda: from_line(FOREIGN[whose]))
    shown = re.search(rf"body: is a line for the batches of {whose.strip()}: write (\{{.*\}}),", rejected.message)
    assert shown, rejected.message
    line = from_line(shown[1].encode())
    assert (line.request_id, line.instruction) == ("a", "A cat")
    assert line.options == ({"size": "1024x1024"} if whose == "OpenAI" else None)
    assert rejected.param == "body"


@given(
    document=st.fixed_dictionaries(
        {"custom_id": json_values, "key": json_values, "method": json_values},
        optional={
            "body": st.dictionaries(st.sampled_from(["prompt", "size", "messages"]), json_values),
            "request": st.dictionaries(st.sampled_from(["contents", "text"]), json_values),
        },
    )
)
def test_whatever_another_services_line_says_it_is_refused_in_few_words(document: object) -> None:
    rejected = rejection(lambda: from_line(document))
    assert rejected.code == "invalid_request"
    assert len(rejected.message.encode()) < 4000


def test_words_without_end_are_not_quoted_without_end() -> None:
    line = {"custom_id": "x" * 1000, "method": "POST", "body": {"prompt": "x" * 100_000, "size": "x" * 1000}}
    assert len(rejection(lambda: from_line(line)).message) < 500


@pytest.mark.parametrize("custom_id", [None, True, "", "x" * 129, 10**200, ["a"], "\ud800"])
def test_a_line_needs_an_id_and_a_faulty_one_is_not_quoted(custom_id: object) -> None:
    line = json.dumps(asked(custom_id=custom_id)).encode()
    assert rejection(lambda: from_line(line)).param == "custom_id"
    assert request_file.custom_id(line) is None


def test_the_id_of_a_faulty_line_is_known() -> None:
    assert request_file.custom_id(b'{"custom_id": "a", "colour": 1}') == "a"
    assert request_file.custom_id(b"\xff") is None
    assert request_file.custom_id(b"[1]") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"seed": ' + "9" * 5000 + "}", "has a number of more digits than can be read"),
        ("[" * 200_000, "has too many brackets inside each other"),
        ('{"seed": NaN}', "is not JSON (NaN is not JSON)"),
    ],
)
def test_json_that_python_cannot_read_is_told_in_our_words(body: str, said: str) -> None:
    with pytest.raises(Rejected) as refused:
        request.json_object(body, "Fix it.")
    assert refused.value.message.endswith(said)


def test_a_key_that_is_near_to_none_is_told_no_other() -> None:
    with pytest.raises(Rejected) as refused:
        parsed(asked(MessageId="1"))
    assert "did you mean" not in f"{refused.value.message} {refused.value.hint}"


def test_a_message_may_have_a_turn_judged_again_and_says_nothing_else() -> None:
    given = parsed({"repairs": 3, "request_id": "repair-1"})
    assert (given.thread_id, given.request_id, given.repairs, given.instruction) == (GROUP, "repair-1", 3, "")
    assert json.loads(given.body) == {"thread_id": GROUP, "request_id": "repair-1", "repairs": 3}
    assert parsed(json.loads(given.body)) == given
    assert given.fingerprint != parsed({"repairs": 4, "request_id": "repair-1"}).fingerprint


@pytest.mark.parametrize("beside", ["instruction", "images", "parent_turn", "model", "options", "metadata"])
def test_what_a_turn_has_does_not_stand_beside_it(beside: str) -> None:
    refused = faults({"repairs": 3, beside: FULL[beside]})
    assert refused.message == f"{beside}: must not stand beside `repairs`: the turn has its own"
    assert faults({"repairs": 3, "colour": "red"}).param == "colour"


@pytest.mark.parametrize("turn", [0, 100_000, 1.5, True, None, "3"])
def test_what_is_judged_again_is_the_number_of_a_turn(turn: object) -> None:
    assert faults({"repairs": turn}).param == "repairs"


def test_no_file_has_a_turn_judged_again() -> None:
    assert rejection(lambda: from_file(asked(repairs=3))).param == "repairs"
    assert rejection(lambda: from_line(asked(custom_id="a", repairs=3))).param == "repairs"


def test_the_fingerprints_of_earlier_releases_stay() -> None:
    """Otherwise an update would refuse ids that the ledger already has."""
    given = Request("t", "r", "a cat", (ImageRef("uploads", "cat.jpg"),), 2, "m", {"size": "1:1"}, {"order": "1"})
    assert given.fingerprint == "bb5193502356c858b87a4502dcf5d27bb4f4f4571531a9e8ab9fcf4bee7e0923"
