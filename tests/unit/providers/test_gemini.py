"""The dialect `gemini`: its requests, and the meaning of each kind of reply. No server is needed."""

import base64
import json
from typing import Any

import pytest

from darkroom.domain.context import Content, Context, Image
from darkroom.domain.validation import Faults
from darkroom.errors import Ambiguous, Cause, Code, Rejected, Unavailable
from darkroom.providers.dialect import Answer, ApiRequest, DialectSettings, Encoded
from darkroom.providers.dialects.gemini import GEMINI, OPTIONS
from darkroom.providers.reply import CUT, Reply
from darkroom.streaming import json_document
from darkroom.streaming.blob import File, sha256
from darkroom.streaming.json_document import LONG_BYTES
from tests.fakes.image_api import png

CAT, NIGHT = png("orange"), png("navy")
SIGNATURE = "c2lnbmVk"


def inline(data: bytes, *, is_url_safe: bool = False, **more: Any) -> dict[str, Any]:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    return {"inlineData": {"mimeType": "image/png", "data": encode(data).decode()}, **more}


def answered(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> Reply:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return replied({"candidates": [candidate], "responseId": "resp-1", **more})


def replied(document: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, headers, File([json.dumps(document).encode()]), 1.0, "gemini")


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> Reply:
    return replied({"error": {"code": code, "message": message, "status": status, "details": list(details)}}, code)


def pictures(answer: Answer) -> list[bytes]:
    return [each.decoded()[:] for each in answer.pictures if isinstance(each, Encoded)]


def states(answer: Answer) -> list[Any]:
    return [json.loads(each.state[:] or b"null") for each in answer.pictures if isinstance(each, Encoded)]


def rejection(reply: Reply) -> Rejected:
    with pytest.raises(Rejected) as caught:
        GEMINI.interpret(reply)
    return caught.value


def trouble(reply: Reply) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        GEMINI.interpret(reply)
    return caught.value


# Requests.


def body(context: Context, **options: Any) -> Any:
    call = GEMINI.call(ApiRequest(context, "gemini-3.1-flash-image", options), DialectSettings())
    return json.loads(call.body[:])


def conversation(state: bytes = b"") -> Context:
    made = Image(NIGHT, "image/png", sha256(NIGHT), state)
    turns = Content("user", "a cat"), Content("model", "Here it is.", (made,)), Content("user", "at night")
    return Context(turns)


@pytest.mark.parametrize("name", ["gemini-3.1-flash-image", "models/gemini-3-pro-image"])
def test_the_model_stands_in_the_path(name: str) -> None:
    call = GEMINI.call(ApiRequest(conversation(), name, {}), DialectSettings())
    assert call.path == f"/v1beta/models/{name.removeprefix('models/')}:generateContent"


@pytest.mark.parametrize("name", ["../../v1/files", "a/b", "x?key=1", "x:stream", "a b", "-x", "模型", "", "x" * 129])
def test_a_model_that_would_lead_elsewhere_is_refused_for_nothing(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        GEMINI.call(ApiRequest(conversation(), name, {}), DialectSettings())
    assert (caught.value.code, caught.value.param, caught.value.charged) == ("invalid_request", "model", False)


def test_a_picture_without_a_signature_is_shown_by_the_user() -> None:
    """The API would refuse it in a model's turn. It may come from another provider or another model."""
    _, model, last = body(conversation())["contents"]
    assert model == {"role": "model", "parts": [{"text": "Here it is."}]}
    assert last == {"role": "user", "parts": [{"text": "at night"}, inline(NIGHT)]}


def test_a_model_that_said_nothing_says_that_it_made_a_picture() -> None:
    made = Image(NIGHT, "image/png", sha256(NIGHT))
    turns = Content("user", "a cat", (made,)), Content("model", "", (made,)), Content("user", "at night")
    first, model, _ = body(Context(turns))["contents"]
    assert (first["parts"], model["parts"]) == ([{"text": "a cat"}, inline(NIGHT)], [{"text": "(1 image)"}])


def test_what_came_with_the_picture_goes_back_in_its_place() -> None:
    given = answered({"text": "Look:", "thoughtSignature": "dGV4dA=="}, inline(NIGHT, thoughtSignature=SIGNATURE))
    (made,) = GEMINI.interpret(given).pictures
    assert isinstance(made, Encoded)
    _, model, _ = body(conversation(made.state[:]))["contents"]
    assert model["parts"] == [
        {"text": "Look:", "thoughtSignature": "dGV4dA=="},
        inline(NIGHT, thoughtSignature=SIGNATURE),
    ]


@pytest.mark.parametrize("state", [b"", b"{", b"7", b"[]", b'["x"]', b"null", b"[" * 5000])
def test_what_cannot_be_read_of_it_is_left_out(state: bytes) -> None:
    _, model, last = body(conversation(state))["contents"]
    assert model["parts"] == [{"text": "Here it is."}]
    assert last["parts"] == [{"text": "at night"}, inline(NIGHT)]


def test_a_flattened_history_has_no_signature() -> None:
    state = json.dumps([{"thoughtSignature": SIGNATURE}]).encode()
    (content,) = body(conversation(state).flattened())["contents"]
    assert content == {"role": "user", "parts": [{"text": "at night"}, inline(NIGHT)]}


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("response_modalities", "image", ["IMAGE"]),
        ("response_modalities", "image-text", ["TEXT", "IMAGE"]),
        ("response_modalities", ["Text", "IMAGE"], ["TEXT", "IMAGE"]),
        ("aspect_ratio", "21:9", "21:9"),
        ("image_size", "4K", "4K"),
        ("temperature", 1, 1.0),
        ("top_p", 0.5, 0.5),
    ],
)
def test_an_option_is_taken(name: str, given: Any, taken: Any) -> None:
    faults: Faults = []
    assert (OPTIONS[name](name, given, faults), faults) == (taken, [])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("response_modalities", "text"),
        ("response_modalities", ["IMAGE", "AUDIO"]),
        ("response_modalities", 7),
        ("response_modalities", [7]),
        ("aspect_ratio", "7:3"),
        ("aspect_ratio", ["16:9"]),
        ("image_size", "4k"),
        ("temperature", 3),
        ("top_p", "high"),
    ],
)
def test_an_option_that_the_api_does_not_take_is_refused(name: str, given: Any) -> None:
    faults: Faults = []
    OPTIONS[name](name, given, faults)
    assert [fault.field for fault in faults] == [name]


# Answers.


def test_an_answer_has_its_pictures_its_words_and_its_name() -> None:
    answer = GEMINI.interpret(answered({"text": "One."}, inline(CAT), {"text": "Two."}, inline(NIGHT)))
    assert pictures(answer) == [CAT, NIGHT]
    assert (answer.text, answer.provider_request_id) == ("One.\nTwo.", "resp-1")


def test_a_relays_own_name_for_the_call_is_the_one_that_helps() -> None:
    reply = answered(inline(CAT))
    named = Reply(reply.status, {"x-oneapi-request-id": "relay-1"}, reply.body, reply.seconds, reply.dialect)
    assert GEMINI.interpret(named).provider_request_id == "relay-1"
    assert (GEMINI.request_id(named), GEMINI.request_id(reply)) == ("relay-1", "resp-1")


@pytest.mark.parametrize("is_url_safe", [True, False])
def test_either_alphabet_of_base64_is_read(is_url_safe: bool) -> None:
    jpeg = png("teal", size=(60, 40), kind="JPEG")
    assert pictures(GEMINI.interpret(answered(inline(jpeg, is_url_safe=is_url_safe)))) == [jpeg]


def test_the_names_of_its_definition_are_read_too() -> None:
    part = {"inline_data": {"mime_type": "image/png", "data": inline(CAT)["inlineData"]["data"]}}
    answer = GEMINI.interpret(answered({**part, "thought_signature": SIGNATURE}))
    assert (pictures(answer), states(answer)) == ([CAT], [[{"thoughtSignature": SIGNATURE}]])


def test_a_draft_gives_way_to_the_picture_and_its_words_are_nobodys() -> None:
    parts = {"text": "Hm.", "thought": True}, inline(CAT, thought=True), inline(NIGHT)
    answer = GEMINI.interpret(answered(*parts))
    assert (pictures(answer), answer.text, answer.warnings) == ([NIGHT], None, ())


def test_of_drafts_alone_the_newest_is_published_with_a_warning() -> None:
    answer = GEMINI.interpret(answered(inline(CAT, thought=True), inline(NIGHT, thought=True), reason="NO_IMAGE"))
    assert (pictures(answer), [each.code for each in answer.warnings]) == ([NIGHT], ["draft"])


def test_a_draft_is_not_published_where_the_picture_was_refused() -> None:
    assert rejection(answered(inline(CAT, thought=True), reason="IMAGE_SAFETY")).code == "refused"


def test_each_picture_has_beside_it_its_own_turn_without_drafts_and_other_pictures() -> None:
    parts = (
        {"text": "Hm.", "thought": True, "thoughtSignature": "bm8="},
        {"text": "Two:"},
        inline(CAT, thoughtSignature="Y2F0"),
        inline(NIGHT, thoughtSignature="bmlnaHQ="),
    )
    assert states(GEMINI.interpret(answered(*parts))) == [
        [{"text": "Two:"}, {"thoughtSignature": "Y2F0"}],
        [{"text": "Two:"}, {"thoughtSignature": "bmlnaHQ="}],
    ]


def test_an_answer_without_signatures_leaves_nothing_beside_its_picture() -> None:
    assert states(GEMINI.interpret(answered({"text": "Here."}, inline(CAT)))) == [None]


def test_a_signature_of_any_length_stays_on_the_disk() -> None:
    long = "QUJD" * LONG_BYTES
    (made,) = GEMINI.interpret(answered(inline(CAT, thoughtSignature=long))).pictures
    assert isinstance(made, Encoded)
    assert json.loads(made.state[:]) == [{"thoughtSignature": long}]
    assert not isinstance(made.state, bytes)
    (part,) = json_document.parsed(made.state)
    assert isinstance(part["thoughtSignature"], json_document.LongString)


@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS", "OTHER", "SAFETY", None])
def test_a_picture_is_a_picture_whatever_ended_the_answer(reason: str | None) -> None:
    assert pictures(GEMINI.interpret(answered(inline(CAT), reason=reason))) == [CAT]


@pytest.mark.parametrize(
    "reason",
    ["SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION",
     "IMAGE_RECITATION", "LANGUAGE", "ESCALATION", "MODEL_ARMOR", "JAILBREAK", "SOME_NEW_SAFETY"],
)  # fmt: skip
def test_a_refusal_is_told_with_its_reason_whichever_way_it_comes(reason: str) -> None:
    for reply in (answered(reason=reason), replied({"promptFeedback": {"blockReason": reason}})):
        refused = rejection(reply)
        assert (refused.code, refused.charged) == ("refused", True)
        assert reason in refused.message


def test_a_prompt_that_was_blocked_is_refused_whatever_for() -> None:
    assert rejection(replied({"promptFeedback": {"blockReason": "OTHER"}})).code == "refused"


def test_a_key_of_googles_that_an_error_quotes_is_not_told() -> None:
    """The key may be that of a relay."""
    told = rejection(error(400, "INVALID_ARGUMENT", "bad request with AIzaSyA1b2C3d4E5f6G7h8I9j0"))
    assert "SyA1b2" not in told.message


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS"])
def test_an_answer_that_ended_without_a_picture_is_none_and_no_refusal(reason: str) -> None:
    for parts in ((), ({"text": "I would draw it so."},)):
        ended = rejection(answered(*parts, reason=reason))
        assert (ended.code, ended.charged) == ("no_image", True)
        assert reason in ended.message


def test_words_without_a_picture_are_a_refusal_or_a_question() -> None:
    refused = rejection(answered({"text": "Which cat do you mean?"}))
    assert (refused.code, refused.text, refused.charged) == ("refused", "Which cat do you mean?", True)


def test_an_answer_with_nothing_in_it_is_no_picture() -> None:
    assert rejection(replied({"candidates": []})).code == "no_image"
    assert rejection(answered()).code == "no_image"


@pytest.mark.parametrize("reason", ["MISSING_THOUGHT_SIGNATURE"])
def test_a_signature_that_is_missed_within_an_answer_has_the_history_flattened(reason: str) -> None:
    missed = trouble(answered(reason=reason))
    assert (missed.cause, missed.retry_after) == ("thought_signature", 0)


def test_an_account_that_is_kept_from_this_is_the_operators() -> None:
    assert trouble(replied({"promptFeedback": {"blockReason": "PUP_LIMITED_DISABLED"}})).cause == "account"
    assert trouble(error(403, "PERMISSION_DENIED", "PUP_LIMITED_DISABLED")).cause == "account"


def test_an_address_or_a_picture_in_the_words_is_found_as_a_relay_puts_it() -> None:
    uri = {"fileData": {"mimeType": "image/png", "fileUri": "https://files.example/a.png"}}
    assert GEMINI.interpret(answered(uri)).pictures == ("https://files.example/a.png",)
    shown = f"![cat](data:image/png;base64,{base64.b64encode(CAT).decode()})"
    assert pictures(GEMINI.interpret(answered({"text": shown}))) == [CAT]


def test_what_a_relay_wraps_is_read() -> None:
    wrapped = replied({"code": 200, "data": json.loads(answered(inline(CAT)).body[:])})
    assert pictures(GEMINI.interpret(wrapped)) == [CAT]


def test_an_answer_that_was_cut_is_ambiguous() -> None:
    whole = answered(inline(CAT)).body[:]
    with pytest.raises(Ambiguous):
        GEMINI.interpret(Reply(200, {CUT: "IncompleteRead"}, whole[:60], 1.0, "gemini"))


def test_an_answer_that_came_whole_is_whole_whatever_its_line_did() -> None:
    whole = answered(inline(CAT, thoughtSignature=SIGNATURE)).body
    answer = GEMINI.interpret(Reply(200, {CUT: "IncompleteRead"}, whole, 1.0, "gemini"))
    assert (pictures(answer), states(answer)) == ([CAT], [[{"thoughtSignature": SIGNATURE}]])


# Errors.


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "23.5s"}
QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
DAILY = {"@type": QUOTA, "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
MINUTE = {"@type": QUOTA, "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}
BILLING = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("reply", "cause", "seconds"),
    [
        (error(429, "RESOURCE_EXHAUSTED", BILLING, MINUTE, RETRY), "throttled", 23.5),
        (error(429, "RESOURCE_EXHAUSTED", BILLING), "throttled", None),
        (error(429, "RESOURCE_EXHAUSTED", BILLING, DAILY, RETRY), "account", 23.5),
        (error(429, "RESOURCE_EXHAUSTED", f"{BILLING} Quota exceeded, limit: 0"), "account", None),
        (error(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), "account", None),
        (error(400, "FAILED_PRECONDITION", "Please enable billing: billing is not enabled."), "account", None),
        (error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "credentials", None),
        (error(400, "INVALID_ARGUMENT", "no", {"reason": "API_KEY_INVALID"}), "credentials", None),
        (error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), "credentials", None),
        (error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), "credentials", None),
        (error(403, "PERMISSION_DENIED", "The caller does not have permission"), "credentials", None),
        (error(404, "NOT_FOUND", "models/x is not found for API version v1beta"), "model", None),
        (error(503, "UNAVAILABLE", "The model is overloaded.", RETRY), "throttled", 23.5),
        (error(503, "UNAVAILABLE", "Service unavailable."), "unreachable", None),
        (error(500, "INTERNAL", "An internal error has occurred."), "unreachable", None),
        (error(400, "INVALID_ARGUMENT", "Image part is missing a thought_signature", RETRY), "thought_signature", 0),
        (error(400, "INVALID_ARGUMENT", "Thought signature is not valid."), "thought_signature", 0),
    ],
)
def test_an_error_has_its_cause_and_its_delay(reply: Reply, cause: Cause, seconds: float | None) -> None:
    found = trouble(reply)
    assert (found.cause, found.retry_after) == (cause, seconds)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error(400, "INVALID_ARGUMENT", "Unable to process input image: unsupported image"), "unsupported_image"),
        (error(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), "image_too_large"),
        (error(400, "INVALID_ARGUMENT", "The aspect ratio is not offered."), "invalid_request"),
        (error(400, "INVALID_ARGUMENT", "blocked by our safety settings"), "refused"),
    ],
)
def test_what_is_the_requests_own_fault_ends_it_for_nothing(reply: Reply, code: Code) -> None:
    ended = rejection(reply)
    assert (ended.code, ended.charged) == (code, False)


def test_a_deadline_may_have_been_paid() -> None:
    with pytest.raises(Ambiguous):
        GEMINI.interpret(error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."))


def test_a_streams_error_stands_in_a_list() -> None:
    listed = replied([json.loads(error(429, "RESOURCE_EXHAUSTED", BILLING, RETRY).body[:])], 429)
    assert (trouble(listed).cause, trouble(listed).retry_after) == ("throttled", 23.5)


def test_the_words_of_an_instruction_say_nothing_of_an_error() -> None:
    words = "a sign that says: daily quota, blocked by our safety policy"
    quoted = error(400, "INVALID_ARGUMENT", f"cannot read {words}")
    asked = Reply(quoted.status, {}, quoted.body, 1.0, "gemini", asked=words)
    assert rejection(asked).code == "invalid_request"


def test_a_picture_beside_an_error_was_made() -> None:
    document = {
        **json.loads(answered(inline(CAT)).body[:]),
        "error": {"code": 500, "message": "no", "status": "INTERNAL"},
    }
    assert pictures(GEMINI.interpret(replied(document))) == [CAT]
