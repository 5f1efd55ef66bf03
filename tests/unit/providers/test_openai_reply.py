"""The dialect `openai`: its options, its endpoints, and the meaning of answers and errors."""

import json
from base64 import b64encode
from typing import Any

import pytest

from darkroom.domain.context import Content, Context, Image
from darkroom.domain.request_schema import MAX_IMAGES
from darkroom.domain.validation import Faults, record
from darkroom.errors import Ambiguous, Cause, Rejected, Unavailable
from darkroom.providers.dialect import Answer, ApiCall, ApiRequest, DialectSettings
from darkroom.providers.dialects.openai import OPENAI, OPTIONS
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import CHUNK_BYTES, File, chunks
from tests.unit.providers import forms
from tests.unit.samples import encoded, image, noise, pictures_in, reply

PNG, JPEG = encoded("PNG"), encoded("JPEG")
USAGE = {"total_tokens": 100, "input_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}
DOCUMENTED: dict[str, Any] = {
    "created": 1713833628, "background": "opaque", "output_format": "png", "quality": "high", "size": "1024x1024",
    "data": [{"b64_json": b64encode(PNG).decode()}], "usage": USAGE,
}  # fmt: skip


def call(*images: Image, words: str = "a cat", **options: Any) -> ApiCall:
    """The call with these pictures and words."""
    return OPENAI.call(
        ApiRequest(Context((Content("user", words, images),)), "gpt-image-2", options), DialectSettings()
    )


def failure(code: str | None, status: int = 400, message: str = "no", **more: Any) -> Reply:
    """An error as OpenAI states it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": code} | more
    return reply({"error": error}, status, x_request_id="req_1")


def rejected(given: Reply) -> Rejected:
    with pytest.raises(Rejected) as caught:
        OPENAI.interpret(given)
    return caught.value


def trouble(given: Reply) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        OPENAI.interpret(given)
    return caught.value


def faults(**options: Any) -> Faults:
    found: Faults = []
    record(OPTIONS)("options", options, found)
    return found


# Requests.


def test_words_alone_are_json() -> None:
    sent = call(words="一只猫", n=2, size="auto")
    assert (sent.path, sent.media_type) == ("/v1/images/generations", "application/json")
    assert json.loads(sent.body[:]) == {"model": "gpt-image-2", "prompt": "一只猫", "n": 2, "size": "auto"}


def test_pictures_are_the_files_of_a_form() -> None:
    sent = call(image(PNG), Image(JPEG, "image/jpeg", "5" * 64), words="snow", n=2)
    assert sent.path == "/v1/images/edits"
    assert forms.fields(sent.media_type, sent.body[:]) == [
        ("model", "gpt-image-2"), ("prompt", "snow"), ("n", "2"),
        ("image[]", forms.File("image/png", PNG)), ("image[]", forms.File("image/jpeg", JPEG)),
    ]  # fmt: skip


@pytest.mark.parametrize("words", ["--", "\r\n--darkroom-", 'name="prompt"', "\r\n\r\n", "line\nline\r\n", "猫 🐈"])
def test_words_cannot_break_out_of_a_form(words: str) -> None:
    sent = call(image(PNG), words=words)
    assert ("prompt", words) in forms.fields(sent.media_type, sent.body[:])


def test_a_picture_that_holds_another_forms_boundary_stays_whole() -> None:
    first = call(image(PNG))
    boundary = first.media_type.partition("boundary=")[2].encode()
    hostile = (
        PNG
        + b"\r\n--"
        + boundary
        + b"--\r\n\r\n--"
        + boundary
        + b'\r\nContent-Disposition: form-data; name="n"\r\n\r\n9'
    )
    sent = call(image(hostile))
    assert forms.fields(sent.media_type, sent.body[:])[-1] == ("image[]", forms.File("image/png", hostile))


def test_the_same_call_has_the_same_boundary_and_another_has_another() -> None:
    assert call(image(PNG)).media_type == call(image(PNG)).media_type
    others = (call(image(JPEG)), call(image(PNG), words="a dog"), call(image(PNG), n=2))
    assert len({call(image(PNG)).media_type, *(each.media_type for each in others)}) == 4


def test_a_form_streams_from_disk() -> None:
    """Each of its parts fits into one chunk."""
    large = File([noise("PNG")] * 800)
    sent = call(Image(large, "image/png", "5" * 64))
    assert len(sent.body) > 4 * CHUNK_BYTES
    assert max(map(len, chunks(sent.body))) <= CHUNK_BYTES


def test_each_of_the_two_calls_is_sent_the_options_that_it_takes() -> None:
    """The conversation keeps the other call's options, because its next turn may be that call."""
    both = {"moderation": "low", "input_fidelity": "high"}
    assert json.loads(call(**both).body[:]).keys() == {"model", "prompt", "moderation"}
    sent = call(image(PNG), **both)
    assert [name for name, _ in forms.fields(sent.media_type, sent.body[:])] == [
        "model", "prompt", "input_fidelity", "image[]",
    ]  # fmt: skip


def test_a_request_has_no_more_pictures_than_the_api_takes() -> None:
    assert MAX_IMAGES + 1 <= 16  # the attached pictures, and the newest result


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"size": size}
            for size in ("auto", "1024x1024", "1536x1024", "1024x1536", "1536x864", "3840x2160", "2160x3840")
        ),
        *({"quality": quality} for quality in ("auto", "low", "medium", "high", "xhigh", "max")),
        *({"n": n} for n in (1, 4)),
        *({"output_compression": share} for share in (0, 100)),
        {"background": "transparent", "output_format": "webp", "input_fidelity": "low", "moderation": "auto"},
        {"user": "u", "safety_identifier": "s" * 64},
        {"size": None},
    ],
)
def test_the_documented_options_are_taken(options: dict[str, Any]) -> None:
    assert faults(**options) == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("size", size) for size in ("1:1", "1000x1000", "4096x1024", "3840x3840", "3200x1024")),
        *(("size", size) for size in ("0x16", "01024x1024", "1024x1024 ", 7)),
        *(("n", n) for n in (0, 5, "2", True, 1.5)),
        ("quality", "hd"), ("background", ""), ("output_format", "gif"), ("output_compression", 101),
        ("input_fidelity", "auto"), ("moderation", "high"), ("user", ""), ("safety_identifier", "s" * 65),
        ("aspect_ratio", "1:1"), ("response_format", "url"), ("mask", "s3://a/b"),
    ],
)  # fmt: skip
def test_other_options_are_refused_by_name(name: str, given: Any) -> None:
    assert [fault.field for fault in faults(**{name: given})] == [f"options.{name}"]


# The meaning of answers.


def test_the_documented_answer_has_its_pictures_its_name_and_its_usage() -> None:
    two = DOCUMENTED | {"data": [{"b64_json": b64encode(data).decode()} for data in (PNG, JPEG)]}
    answer = OPENAI.interpret(reply(two, x_request_id="req_1"))
    assert pictures_in(answer) == (PNG, JPEG)
    assert (answer.usage, answer.provider_request_id, answer.warnings) == (USAGE, "req_1", ())


def test_an_answer_in_another_form_is_understood_and_keeps_its_usage() -> None:
    answer: Answer = OPENAI.interpret(reply({"output": [{"result": b64encode(PNG).decode()}], "usage": USAGE}))
    assert (pictures_in(answer), answer.usage) == ((PNG,), USAGE)


@pytest.mark.parametrize("usage", [None, [], "many", {"total_tokens": "NaN"}, {"x" * 99: 1}])
def test_a_usage_that_is_none_is_passed_over(usage: Any) -> None:
    answer = OPENAI.interpret(reply(DOCUMENTED | {"usage": usage}))
    assert (pictures_in(answer), answer.usage) == ((PNG,), None)


def test_an_answer_that_breaks_off_is_ambiguous() -> None:
    whole = json.dumps(DOCUMENTED).encode()
    with pytest.raises(Ambiguous):
        OPENAI.interpret(reply(whole[: whole.index(b"b64_json") + 40]))


def test_an_answer_without_a_picture_was_paid() -> None:
    none = rejected(reply(DOCUMENTED | {"data": []}))
    assert (none.code, none.charged) == ("no_image", True)


# The meaning of errors.


@pytest.mark.parametrize("code", ["moderation_blocked", "content_policy_violation"])
def test_a_refusal_is_never_retried(code: str) -> None:
    refused = rejected(failure(code, message="Your request was rejected by the safety system."))
    assert (refused.code, refused.charged, refused.provider_request_id) == ("refused", False, "req_1")
    assert refused.text == "Your request was rejected by the safety system."


@pytest.mark.parametrize(
    ("status", "code", "message", "cause"),
    [
        (400, "billing_hard_limit_reached", "Billing hard limit has been reached.", "account"),
        (429, "insufficient_quota", "You exceeded your current quota, please check your plan.", "account"),
        (429, "billing_not_active", "Your account is not active.", "account"),
        (401, "account_deactivated", "The account has been deactivated.", "account"),
        (401, "invalid_api_key", "Incorrect API key provided: sk-abc***def.", "credentials"),
        (401, None, "You must be a member of an organization to use the API.", "credentials"),
        (403, None, "Your organization must be verified to use the model `gpt-image-2`.", "credentials"),
        (403, "unsupported_country_region_territory", "Country not supported.", "credentials"),
        (403, "model_not_found", "Project `p` does not have access to model `gpt-image-2`", "model"),
        (404, "model_not_found", "The model `gpt-image-1` does not exist or you do not have access to it.", "model"),
        (429, "rate_limit_exceeded", "Rate limit reached for gpt-image-2 on images per min.", "throttled"),
        (429, None, "Too many requests", "throttled"),
        (500, None, "The server had an error while processing your request.", "unreachable"),
        (503, None, "The engine is currently overloaded.", "throttled"),
    ],
)
def test_trouble_is_told_by_its_cause(status: int, code: str | None, message: str, cause: Cause) -> None:
    assert trouble(failure(code, status, message)).cause == cause


def test_a_rate_limit_says_when_to_come_back() -> None:
    limited = failure("rate_limit_exceeded", 429)
    assert trouble(Reply(429, {"retry-after": "12"}, limited.body, 1.0)).retry_after == 12


@pytest.mark.parametrize("param", ["moderation", "safety_identifier", "size", "background"])
def test_a_wrong_option_is_named_whatever_its_name_reminds_of(param: str) -> None:
    """A word in a message is neither a refusal nor a trouble of the account."""
    named = rejected(failure("unknown_parameter", message=f"Unknown parameter: '{param}'.", param=param))
    assert (named.code, named.param) == ("invalid_request", f"options.{param}")


def test_a_wrong_model_is_the_operators_trouble() -> None:
    assert trouble(failure("invalid_value", message="Invalid value: 'gpt-9'.", param="model")).cause == "model"


@pytest.mark.parametrize(
    ("code", "message", "param", "expected"),
    [
        ("invalid_image_file", "Invalid image file or mode for image 1.", "image", "unsupported_image"),
        (None, "The image is too large: each must be less than 50MB.", "image", "image_too_large"),
        ("string_above_max_length", "Invalid 'prompt': string too long.", "prompt", "invalid_request"),
    ],
)
def test_a_fault_of_pictures_or_words_is_the_requests_own(
    code: str | None, message: str, param: str, expected: str
) -> None:
    assert rejected(failure(code, message=message, param=param)).code == expected


def test_an_error_that_quotes_the_instruction_is_judged_by_its_code() -> None:
    quoting = failure("rate_limit_exceeded", 429, "moderation_blocked: insufficient_quota, safety")
    assert trouble(quoting).cause == "throttled"


@pytest.mark.parametrize(
    "error", ["no", {"code": ["moderation_blocked"]}, {"code": None, "param": 7}, {"code": {}}, []]
)
def test_an_error_of_another_form_is_judged_as_everywhere(error: Any) -> None:
    with pytest.raises((Rejected, Unavailable, Ambiguous)):
        OPENAI.interpret(reply({"error": error}, 400))


def test_pictures_beside_an_error_were_made() -> None:
    both = DOCUMENTED | {"error": {"code": "rate_limit_exceeded", "message": "one of two"}}
    assert pictures_in(OPENAI.interpret(reply(both, 429))) == (PNG,)
