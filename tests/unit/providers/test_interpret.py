"""The meaning of the image API's replies: a test for each known kind, and the lists of free and ambiguous ones."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.errors import Ambiguous, DarkroomError, Rejected, Unavailable
from darkroom.providers.dialect import MAX_PICTURES, Answer
from darkroom.providers.dialects.nebula_reply import interpret
from darkroom.providers.reply import Reply, redacted
from tests.unit.samples import encoded, pictures_in, rejection, reply, unavailability, verdict

PNG = encoded("PNG")
JPEG = encoded("JPEG")
B64 = base64.b64encode(PNG).decode()
URL = "https://cdn.example.com/a.png"


def wrapped(*items: object, **more: object) -> dict[str, object]:
    """The documented form of an answer."""
    return {"code": 200, "msg": "操作成功", "data": {"data": list(items), "created": 1757320007}} | more


def item(**fields: str) -> dict[str, str]:
    return {"url": "", "b64_json": "", "revised_prompt": ""} | fields


def stated(code: object, message: str, kind: str = "one_api_error") -> dict[str, object]:
    """An error in the form of similar APIs."""
    return {"error": {"message": message, "type": kind, "code": code}}


def documented(code: int, message: str) -> dict[str, object]:
    """An error in the documented form."""
    return {"code": code, "msg": message, "data": None}


def row(number: int, what: str, given_reply: Reply, *expected: Any) -> Any:
    return pytest.param(given_reply, *expected, id=f"row-{number:02d}-{what}")


@pytest.mark.parametrize(
    ("given_reply", "pictures"),
    [
        pytest.param(reply(wrapped(item(b64_json=B64))), [PNG], id="documented-b64_json"),
        pytest.param(reply(wrapped(item(url=URL))), [URL], id="documented-url"),
        row(1, "unwrapped", reply({"created": 1, "data": [{"b64_json": B64}]}), [PNG]),
        row(1, "unwrapped-url", reply({"created": 1, "data": [{"url": URL}]}), [URL]),
        row(12, "data-prefix", reply(wrapped(item(b64_json="data:image/png;base64," + B64))), [PNG]),
        row(12, "newlines", reply(wrapped(item(b64_json=base64.encodebytes(PNG).decode()))), [PNG]),
        row(12, "no-padding", reply(wrapped(item(b64_json=B64.rstrip("=")))), [PNG]),
        row(12, "url-safe", reply(wrapped(item(b64_json=base64.urlsafe_b64encode(b"\xfb\xff" + PNG).decode()))),
            [b"\xfb\xff" + PNG]),
        row(12, "url-with-data-uri", reply(wrapped(item(url="data:image/png;base64," + B64))), [PNG]),
        row(12, "b64_json-with-url", reply(wrapped(item(b64_json=URL))), [URL]),
        row(12, "markdown-url", reply(wrapped(item(revised_prompt=f"Here it is:\n![a cat]({URL})"))), [URL]),
        row(12, "markdown-data-uri",
            reply(wrapped(item(revised_prompt=f"![cat](data:image/png;base64,{B64}) done"))), [PNG]),
        row(13, "jpeg-labelled-png", reply(wrapped(
            item(b64_json="data:image/png;base64," + base64.b64encode(JPEG).decode()))), [JPEG]),
        row(14, "several-in-order", reply(wrapped(item(b64_json=B64), item(url=URL),
            item(b64_json=base64.b64encode(JPEG).decode()))), [PNG, URL, JPEG]),
        row(22, "wrong-content-type", reply(wrapped(item(b64_json=B64)), content_type="text/html"), [PNG]),
        row(22, "bom", reply(b"\xef\xbb\xbf" + json.dumps(wrapped(item(b64_json=B64))).encode()), [PNG]),
    ],
)  # fmt: skip
def test_a_picture_is_found_in_whatever_form_it_comes(given_reply: Reply, pictures: list[bytes | str]) -> None:
    assert list(pictures_in(interpret(given_reply))) == pictures


def test_the_words_beside_a_picture_are_kept_without_the_picture() -> None:
    answer = interpret(reply(wrapped(item(revised_prompt=f"Here it is. ![a cat]({URL})"))))
    assert answer.text == "Here it is."


def test_the_words_of_all_the_items_are_kept_in_order() -> None:
    answer = interpret(
        reply(wrapped(item(b64_json=B64, revised_prompt="a draft"), item(url=URL, revised_prompt="done")))
    )
    assert answer.text == "a draft\ndone"


@pytest.mark.parametrize(
    ("given_reply", "code", "charged"),
    [
        row(2, "words-only", reply(wrapped(item(revised_prompt="Which cat do you mean?"))), "refused", True),
        row(2, "words-only-unwrapped", reply({"data": [{"text": "I cannot do that."}]}), "refused", True),
        row(3, "data-null", reply({"code": 200, "msg": "ok", "data": None}), "no_image", True),
        row(3, "data-empty", reply({"created": 1, "data": []}), "no_image", True),
        row(3, "data-missing", reply({"code": 200, "msg": "ok"}), "no_image", True),
        row(3, "data-empty-wrapped", reply(wrapped()), "no_image", True),
        row(3, "all-fields-empty", reply(wrapped(item())), "no_image", True),
        row(3, "json-that-is-no-object", reply([1, 2, 3]), "no_image", True),
        row(4, "code-in-200", reply(documented(400, "参数错误")), "invalid_request", False),
        row(4, "error-in-200", reply(stated("invalid_request", "size is wrong")), "invalid_request", False),
        row(5, "invalid_request-as-500",
            reply(stated("invalid_request", "size is not a size"), 500), "invalid_request", False),
        row(5, "convert_request_failed-as-500",
            reply(stated("convert_request_failed", "cannot convert"), 500), "invalid_request", False),
        row(5, "sensitive-as-500", reply(stated("sensitive_words_detected", "words"), 500), "refused", False),
        row(5, "sensitive-words-as-500", reply(documented(500, "包含敏感词")), "refused", False),
        row(23, "A15-mime-type", reply(stated(400, "Unhandled generated data mime type: image/jpeg"), 400),
            "unsupported_image", False),
        row(18, "prompt_blocked", reply(stated("prompt_blocked", "the prompt was blocked"), 400), "refused", False),
        row(18, "InputTextSensitiveContentDetected",
            reply(stated("InputTextSensitiveContentDetected", "try another"), 400), "refused", False),
        row(18, "IMAGE_SAFETY", reply(stated(400, "blocked: finish reason IMAGE_SAFETY"), 400), "refused", False),
        row(18, "mingan-ci", reply(documented(400, "请求包含敏感词，请修改")), "refused", False),
        row(18, "as-429", reply(stated("prompt_blocked", "the prompt was blocked"), 429), "refused", False),
        row(18, "beside-other-words", reply(stated("content_filter", "insufficient context"), 400), "refused", False),
        row(18, "as-403", reply(stated("content_policy_violation", "not allowed"), 403), "refused", False),
        row(19, "empty_response-400", reply(stated("empty_response", "no candidates"), 400), "no_image", False),
        row(19, "empty_response-502", reply(stated("empty_response", "no candidates"), 502), "no_image", False),
        pytest.param(reply(documented(400, "bad size"), 400), "invalid_request", False, id="documented-400"),
        pytest.param(reply(documented(413, "too much"), 413), "image_too_large", False, id="stated-413"),
        pytest.param(reply(b"<h1>Request Entity Too Large</h1>", 413), "image_too_large", False, id="page-413"),
        pytest.param(reply(stated(400, "the image exceeds 7 MB"), 400), "image_too_large", False, id="image-exceeds"),
        pytest.param(reply(stated(400, "Unsupported image format"), 400), "unsupported_image", False, id="image-type"),
    ],
)  # fmt: skip
def test_the_requests_own_fault_or_a_refusal_ends_it(given_reply: Reply, code: str, charged: bool) -> None:
    rejected = rejection(lambda: interpret(given_reply))
    assert (rejected.code, rejected.charged) == (code, charged)


def test_a_refusal_in_words_keeps_the_models_words() -> None:
    rejected = rejection(lambda: interpret(reply(wrapped(item(revised_prompt="Which cat?")))))
    assert rejected.text == "Which cat?"


def test_success_false_is_an_error_by_its_code() -> None:
    """It may have a code or none."""
    assert rejection(lambda: interpret(reply({"success": False, "code": 400, "message": "bad size"})))
    assert unavailability(lambda: interpret(reply({"success": False, "message": "try again"})))


@pytest.mark.parametrize(
    ("given_reply", "cause"),
    [
        row(4, "401-in-200", reply(documented(401, "无效的令牌")), "credentials"),
        row(5, "insufficient_user_quota-as-500",
            reply(stated("insufficient_user_quota", "用户额度不足"), 500), "account"),
        row(6, "401-exhausted", reply(stated("", "该令牌额度已用尽"), 401), "account"),
        row(6, "401-key", reply(stated("invalid_api_key", "Incorrect API key"), 401), "credentials"),
        row(
            6, "400-key", reply(stated(400, "API key not valid. Please pass a valid API key."), 400), "credentials"
        ),
        row(6, "400-key-expired", reply(stated(400, "API key expired. Please renew it."), 400), "credentials"),
        row(6, "500-quota", reply(stated("", "image generation quota exceeded"), 500), "account"),
        row(6, "402", reply(stated("", "Payment Required"), 402), "account"),
        row(6, "403-balance", reply(documented(403, "余额不足"), 403), "account"),
        row(6, "403-ip", reply(stated("access_denied", "your IP is not in the allow-list"), 403), "credentials"),
        row(6, "403-model", reply(stated("", "This token has no access to model gemini-x"), 403), "credentials"),
        row(7, "no-channel", reply(stated("model_not_found", "no available channel for model gemini-x"), 503), "model"),
        row(7, "no-channel-zh", reply(stated("", "当前分组下对于模型 gemini-x 无可用渠道"), 503), "model"),
        row(7, "A11-no-model-for-pictures", reply(stated(
            "convert_request_failed",
            "not supported model for image generation, only imagen models are supported"), 500), "model"),
        row(8, "429-empty", reply(b"", 429), "throttled"),
        row(8, "429-stated", reply(documented(429, "rate limit"), 429), "throttled"),
        row(16, "thought-signature", reply(
            stated(400, "Image part is missing a thought_signature in functionCall parts"), 400), "thought_signature"),
        row(17, "retired-404", reply(
            stated(404, "models/gemini-2.5-flash-image-preview is not found for API version v1beta"), 404), "model"),
        row(17, "retired-400", reply(stated("", "The model gemini-x has been deprecated"), 400), "model"),
        row(17, "retired-503", reply(stated("", "model gemini-x does not exist"), 503), "model"),
        row(22, "redirect", reply(b"", 302, location="https://elsewhere.example.com/"), "configuration"),
        row(22, "redirect-with-json", reply({"moved": True}, 307), "configuration"),
        pytest.param(reply(b"<html>Bad gateway?</html>", 401), "credentials", id="page-401"),
        pytest.param(reply(b"<html></html>", 402), "account", id="page-402"),
        pytest.param(reply(b"<html></html>", 403), "credentials", id="page-403"),
        pytest.param(reply(b"<html></html>", 404), "configuration", id="page-404"),
        pytest.param(reply(b"<html></html>", 405), "configuration", id="page-405"),
        pytest.param(reply(b"<html></html>", 407), "configuration", id="page-407"),
        pytest.param(reply(b"<html></html>", 429), "throttled", id="page-429"),
        pytest.param(reply(b"<html></html>", 503), "unreachable", id="page-503"),
        pytest.param(reply(b"<html></html>", 521), "unreachable", id="page-521"),
        pytest.param(reply(b"<html></html>", 522), "unreachable", id="page-522"),
        pytest.param(reply(b"<html></html>", 523), "unreachable", id="page-523"),
        pytest.param(reply(documented(500, "internal error"), 500), "unreachable", id="stated-500"),
        pytest.param(reply(stated("bad_response", "upstream"), 502), "unreachable", id="stated-502"),
        pytest.param(reply(documented(520, "unknown"), 520), "unreachable", id="stated-520"),
        pytest.param(reply({}, 500), "unreachable", id="stated-without-a-word"),
    ],
)  # fmt: skip
def test_the_providers_or_the_operators_trouble_is_free_and_waits(given_reply: Reply, cause: str) -> None:
    assert unavailability(lambda: interpret(given_reply)).cause == cause


@pytest.mark.parametrize(
    "given_reply",
    [
        row(9, "504-html", reply(b"<html>504 Gateway Time-out</html>", 504)),
        row(9, "524-html", reply(b"<!DOCTYPE html><title>524: A timeout occurred</title>", 524)),
        row(9, "504-stated", reply(stated("bad_response_status_code", "upstream timed out"), 504)),
        row(9, "524-stated", reply(documented(524, "a timeout occurred"), 524)),
        row(9, "504-stated-in-200", reply(documented(504, "timeout"))),
        row(11, "truncated", reply(json.dumps(wrapped(item(b64_json=B64))).encode()[:-90])),
        row(11, "empty-200", reply(b"")),
        row(22, "html-200", reply(b"<html>Welcome</html>")),
        pytest.param(reply(b"<html></html>", 520), id="page-520"),
        pytest.param(reply(b"<html></html>", 500), id="page-500"),
        pytest.param(reply(b"<html></html>", 502), id="page-502"),
        pytest.param(reply(b"<html></html>", 400), id="page-400"),
        pytest.param(reply(b"", 418), id="page-418"),
        pytest.param(
            reply(stated("bad_response_status_code", "bad response status code 524"), 500), id="a-relay-lost-it-524"
        ),
        pytest.param(
            reply(stated("bad_response_status_code", "bad response status code 502"), 500), id="a-relay-lost-it-502"
        ),
        pytest.param(reply(stated("bad_response_status_code", "bad gateway"), 502), id="a-relay-lost-it-by-its-status"),
        pytest.param(reply(documented(500, "upstream: bad status 500")), id="a-relay-lost-it-with-a-200"),
        pytest.param(reply(stated("read_response_body_failed", "no more"), 500), id="a-relay-could-not-read-it"),
        pytest.param(reply(stated("", "failed to read the upstream body"), 502), id="a-relay-failed-to-read-it"),
        pytest.param(reply(stated("", "unexpected EOF"), 500), id="a-relay-met-the-end"),
        pytest.param(
            reply(stated("do_request_failed", 'Post "https://a.example/v1": EOF'), 500),
            id="a-relay-met-the-end-at-once",
        ),
        pytest.param(reply(stated("", "read tcp 10.0.0.1:5: connection reset by peer"), 500), id="a-relay-was-reset"),
        pytest.param(reply(stated("", "context deadline exceeded"), 500), id="a-relay-lost-its-patience"),
        pytest.param(
            reply(stated("", "net/http: timeout awaiting response headers"), 503), id="a-relay-waited-in-vain"
        ),
        pytest.param(reply(stated("", "upstream request timeout"), 500), id="a-relay-timed-out"),
    ],
)
def test_what_may_have_been_paid_is_ambiguous(given_reply: Reply) -> None:
    with pytest.raises(Ambiguous):
        interpret(given_reply)


@pytest.mark.parametrize(
    ("given_reply", "cause"),
    [
        (reply(stated("bad_response_status_code", "bad response status code 503"), 500), "unreachable"),
        (reply(stated("bad_response_status_code", "bad response status code 429"), 500), "unreachable"),
        (reply(stated("bad_response_status_code", "slow down"), 429), "throttled"),
        (reply(stated("do_request_failed", "dial tcp 10.0.0.1:443: connect: connection refused"), 500), "unreachable"),
        (reply(stated("do_request_failed", "dial tcp: lookup a.example: no such host: EOF"), 500), "unreachable"),
        (reply(stated("", "net/http: TLS handshake timeout: unexpected EOF"), 500), "unreachable"),
        (reply(stated("", "an internal error"), 500), "unreachable"),
    ],
)
def test_an_answer_that_a_relay_never_asked_for_is_free(given_reply: Reply, cause: str) -> None:
    assert unavailability(lambda: interpret(given_reply)).cause == cause


def test_a_request_that_is_cut_short_is_no_lost_answer() -> None:
    assert rejection(lambda: interpret(reply(stated("", "unexpected EOF"), 400))).code == "invalid_request"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0.5", 0.5), (" 7 ", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("soon", None)],
)
def test_retry_after_is_honoured_where_it_names_seconds(header: str, seconds: float | None) -> None:
    """This holds for a page and for a stated error."""
    assert unavailability(lambda: interpret(reply(b"", 429, retry_after=header))).retry_after == seconds
    assert (
        unavailability(lambda: interpret(reply(documented(429, "slow"), 429, retry_after=header))).retry_after
        == seconds
    )


def test_a_throttled_call_without_retry_after_is_left_to_the_backoff() -> None:
    assert unavailability(lambda: interpret(reply(b"", 429))).retry_after is None


def test_a_missing_thought_signature_is_tried_again_at_once() -> None:
    """Row 16."""
    trouble = unavailability(lambda: interpret(reply(stated(400, "missing a thought_signature"), 400)))
    assert trouble.retry_after == 0


def test_a_retired_model_is_said_by_name() -> None:
    """Row 17."""
    trouble = unavailability(lambda: interpret(reply(stated("", "model gemini-2.0-old does not exist"), 404)))
    assert "gemini-2.0-old" in trouble.message


@pytest.mark.parametrize(
    "given_reply",
    [
        row(20, "header", reply(wrapped(item(b64_json=B64)), x_oneapi_request_id="20261122abc")),
        row(20, "header-unwrapped", reply({"data": [{"url": URL}]}, x_oneapi_request_id="20261122abc")),
        row(20, "header-of-a-refusal", reply(stated("prompt_blocked", "no"), 400, x_oneapi_request_id="20261122abc")),
        row(20, "header-of-words-only", reply(wrapped(item(revised_prompt="no")), x_oneapi_request_id="20261122abc")),
        row(20, "message", reply(stated("prompt_blocked", "no (request id: 20261122abc)"), 400)),
        row(20, "message-as-500", reply(stated("invalid_request", "bad size (request id: 20261122abc)"), 500)),
        row(20, "long-message", reply(stated("prompt_blocked", "no, " * 300 + "(request id: 20261122abc)"), 400)),
    ],
)
def test_the_providers_request_id_is_kept(given_reply: Reply) -> None:
    said = verdict(given_reply)
    assert isinstance(said, Answer | Rejected)
    assert said.provider_request_id == "20261122abc"


@pytest.mark.parametrize(
    "given_reply",
    [
        reply(stated("prompt_blocked", "'paint (request id: my-secret) in snow' is refused"), 400),
        reply(stated("prompt_blocked", "refused (request id: 画一只猫)"), 400),
        reply(stated("prompt_blocked", "refused"), 400, x_request_id="paint a cat"),
    ],
)
def test_what_does_not_look_like_a_request_id_is_none(given_reply: Reply) -> None:
    """The id is logged, and such words may be a quoted instruction."""
    said = verdict(given_reply)
    assert isinstance(said, Rejected)
    assert said.provider_request_id is None


KEY = "sk-abcDEF1234567890abcDEF1234567890"
PICTURE_B64 = base64.b64encode(bytes(range(256)) * 4).decode()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param(f"Incorrect API key provided: {KEY}.", KEY[3:], id="key"),
        pytest.param(f"Authorization: Bearer {KEY}", KEY[3:], id="bearer-and-key"),
        pytest.param("authorization: bearer abcDEF1234567890.x-y", "abcDEF1234567890", id="bearer"),
        pytest.param(f"bad image data:image/png;base64,{PICTURE_B64}", PICTURE_B64[:200], id="picture"),
        pytest.param(f"bad image {PICTURE_B64[:-2]}", PICTURE_B64[100:200], id="bare-picture"),
        pytest.param(
            "bad image " + base64.encodebytes(bytes(range(256))).decode(),
            base64.encodebytes(bytes(range(256))).decode().splitlines()[1],
            id="picture-in-lines-of-76",
        ),
    ],
)
def test_no_key_and_no_picture_gets_into_a_message(text: str, secret: str) -> None:
    assert secret not in redacted(text)
    for given_reply in (
        reply(text.encode(), 500),
        reply(text.encode(), 403),
        reply(documented(400, text), 400),
        reply(stated("server_error", text), 500),
        reply(stated("prompt_blocked", text), 400),
        reply(stated("", text), 504),
    ):
        said = verdict(given_reply)
        assert isinstance(said, DarkroomError)
        assert secret not in str(said)
        assert secret not in str(getattr(said, "text", ""))


def test_the_first_words_of_a_page_are_kept_for_the_operator() -> None:
    """Row 22."""
    said = verdict(reply(b"<html><title>502 Bad Gateway</title>" + b"x " * 5000, 502))
    assert "502 Bad Gateway" in str(said)
    assert len(str(said)) < 1000


@given(data=st.binary(min_size=1, max_size=300), form=st.sampled_from(["b64_json", "url"]), cut=st.booleans(),
       alphabet=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]), line=st.integers(1, 80),
       label=st.sampled_from(["data:image/png;base64,", "data:image/jpeg;base64,", "data:;base64,"]))  # fmt: skip
def test_base64_comes_back_in_every_tolerated_form(
    data: bytes, form: str, cut: bool, alphabet: Any, line: int, label: str
) -> None:
    text = alphabet(data).decode()
    text = text.rstrip("=") if cut else text
    text = "\r\n".join(text[start : start + line] for start in range(0, len(text), line)) + "\n"
    value = label + text if form == "url" else text
    assert pictures_in(interpret(reply(wrapped(item(**{form: value}))))) == (data,)
    assert pictures_in(interpret(reply(wrapped(item(b64_json=label + text))))) == (data,)


@pytest.mark.parametrize("junk", ["not base64 at all!", "Zg===Zg", "A", "ÿÿÿÿ", "data:image/png;base64"])
def test_what_is_no_base64_is_a_picture_of_no_bytes(junk: str) -> None:
    """It was paid, so it is an answer. Its inspection finds that it holds no picture."""
    assert pictures_in(interpret(reply(wrapped(item(b64_json=junk))))) == (b"",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
json_strings = st.text(st.characters(codec=None), max_size=20)  # with half surrogate pairs, which JSON can express
fields = ("code", "msg", "message", "data", "error", "success", "created", "type", "url", "b64_json", "revised_prompt",
          "text", "content", "detail")  # fmt: skip
likely_documents = st.recursive(
    json_values | json_strings | st.sampled_from([200, 400, "429", "504", "prompt_blocked", B64, URL, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(fields), inner, max_size=5),
    max_leaves=20,
)
statuses = st.integers(100, 599)


def assert_fit_to_be_stored(said: Answer | DarkroomError) -> None:
    """Check that each text of the answer can be written as UTF-8."""
    texts = [said.text, said.provider_request_id] if isinstance(said, Answer | Rejected) else []
    texts += [str(said)] if isinstance(said, DarkroomError) else []
    for text in filter(None, texts):
        text.encode()


@given(body=st.binary(max_size=400), status=statuses)
def test_any_bytes_are_an_answer_or_one_of_three_errors(body: bytes, status: int) -> None:
    assert_fit_to_be_stored(verdict(reply(body, status)))


@given(document=json_values, status=statuses)
def test_any_json_is_an_answer_or_one_of_three_errors(document: object, status: int) -> None:
    assert_fit_to_be_stored(verdict(reply(document, status)))


@given(document=likely_documents, status=statuses, header=st.text(max_size=20))
@example({"data": [{"revised_prompt": "\ud83d a half"}]}, 200, "")
@example({"data": [{"url": URL, "revised_prompt": "\ud83d a half"}]}, 200, "")
@example({"error": {"message": "\ud83d a half"}}, 400, "")
def test_any_likely_json_is_an_answer_or_one_of_three_errors(document: object, status: int, header: str) -> None:
    raw = json.dumps(document).encode()
    assert_fit_to_be_stored(verdict(reply(raw, status, retry_after=header)))


@given(status=statuses)
def test_a_page_is_never_an_answer_and_never_rejected_but_for_its_size(status: int) -> None:
    said = verdict(reply(b"<html>oops</html>", status))
    assert isinstance(said, Rejected if status == 413 else Unavailable | Ambiguous)


@given(status=statuses.filter(lambda status: status >= 400), message=st.text(max_size=60))
def test_an_error_that_the_api_states_is_ambiguous_only_as_a_timeout(status: int, message: str) -> None:
    said = verdict(reply({"code": status, "msg": f"it said {message}", "data": None}, status))
    assert isinstance(said, Ambiguous) == (status in (504, 524))


@given(document=likely_documents, status=statuses)
def test_the_same_reply_is_always_judged_the_same(document: object, status: int) -> None:
    given_reply = reply(json.dumps(document).encode(), status)
    first, second = verdict(given_reply), verdict(given_reply)
    assert (type(first), str(first)) == (type(second), str(second))


@pytest.mark.parametrize("code", [1, 201, "OK"])
def test_pictures_beside_a_code_that_nobody_knows_were_made_and_are_not_paid_again(code: object) -> None:
    made = {"code": code, "msg": "", "data": {"data": [{"b64_json": base64.b64encode(b"a picture").decode()}]}}
    assert pictures_in(interpret(Reply(200, {}, json.dumps(made).encode(), 1))) == (b"a picture",)


@pytest.mark.parametrize("said", [{"error": {"message": "no"}}, {"success": False}])
def test_pictures_beside_an_error_are_an_error(said: dict[str, object]) -> None:
    made = {**said, "data": [{"b64_json": base64.b64encode(b"a picture").decode()}]}
    with pytest.raises(Unavailable):
        interpret(Reply(200, {}, json.dumps(made).encode(), 1))


def test_a_reason_for_stopping_is_a_refusal_too() -> None:
    with pytest.raises(Rejected) as caught:
        interpret(Reply(200, {}, json.dumps({"data": [{"finish_reason": "IMAGE_SAFETY"}]}).encode(), 1))
    assert (caught.value.code, caught.value.charged) == ("refused", True)


def test_an_option_that_a_model_does_not_support_is_the_requests_fault() -> None:
    said = {"error": {"code": "invalid_request", "message": "image_size 4K is not supported for model gemini-x"}}
    with pytest.raises(Rejected) as caught:
        interpret(Reply(400, {}, json.dumps(said).encode(), 1))
    assert caught.value.code == "invalid_request"


def test_too_many_requests_are_throttling_though_they_speak_of_a_quota() -> None:
    said = {"error": {"code": 429, "message": "Quota exceeded for requests per minute; check your billing details"}}
    with pytest.raises(Unavailable) as caught:
        interpret(Reply(429, {}, json.dumps(said).encode(), 1))
    assert caught.value.cause == "throttled"


@pytest.mark.parametrize(
    "date",
    ["Mon, 1 Jan 99999999999999 00:00:00 GMT", "Mon, 1 Jan 2026 00:00:00 +999999999999999999", "Mon, 1 Jan 0000 0:0:0"],
)
def test_a_date_of_no_calendar_is_left_to_the_backoff(date: str) -> None:
    headers = {"retry-after": date, "date": "Wed, 21 Oct 2026 07:27:00 GMT"}
    assert unavailability(lambda: interpret(Reply(429, headers, b"", 1.0))).retry_after is None


@pytest.mark.parametrize(
    "beginning",
    ["![", "![](https://", "![](data:image/ ", "content", "violat", "models/", "model!", "model" + "!" * 99],
)
def test_words_full_of_beginnings_are_judged_in_linear_time(beginning: str) -> None:
    words = beginning * (500_000 // len(beginning))
    started = time.process_time()
    for given_reply in (reply(wrapped(item(revised_prompt=words))), reply(stated("", words), 500)):
        assert isinstance(verdict(given_reply), DarkroomError)
    assert isinstance(verdict(reply(wrapped({"finish_reason": words}))), Rejected)
    assert time.process_time() - started < 10


def test_what_is_said_after_a_picture_that_is_quoted_counts() -> None:
    message = f"data:image/png;base64,{'A' * 100_000} is not supported: image format"
    assert rejection(lambda: interpret(reply(stated(400, message), 400))).code == "unsupported_image"


def test_a_date_to_retry_after_counts_from_when_it_was_said() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:00 GMT"}
    with pytest.raises(Unavailable) as caught:
        interpret(Reply(429, headers, b"", 1))
    assert caught.value.retry_after == 60


@pytest.mark.parametrize(
    ("number", "message", "cause"),
    [
        (403, "your IP address was blocked by the allow-list", "credentials"),
        (403, "account restricted after repeated violations of the terms", "account"),
        (429, "requests per minute limit violated", "throttled"),
        (404, "model gemini-x not found (model names are case-sensitive)", "model"),
        (403, "账号审核中", "credentials"),
    ],
)
def test_words_that_only_look_like_a_refusal_fail_no_request(number: int, message: str, cause: str) -> None:
    with pytest.raises(Unavailable) as caught:
        interpret(Reply(number, {}, json.dumps({"error": {"message": message}}).encode(), 1))
    assert caught.value.cause == cause


@pytest.mark.parametrize("message", ["内容审核未通过", "审核不通过", "this prompt violates our content policy"])
def test_a_refusal_is_one_in_whatever_words(message: str) -> None:
    with pytest.raises(Rejected) as caught:
        interpret(Reply(400, {}, json.dumps({"code": 400, "msg": message, "data": None}).encode(), 1))
    assert caught.value.code == "refused"


def test_of_endless_pictures_the_last_are_looked_at() -> None:
    given = reply(wrapped(*[item(url=f"https://example.com/{number}.png") for number in range(1000)]))
    pictures = interpret(given).pictures
    assert (len(pictures), pictures[-1]) == (MAX_PICTURES, "https://example.com/999.png")


@pytest.mark.parametrize("words", ["correct the white balance", "a billing desk", "the location is not supported"])
def test_an_instruction_that_an_error_quotes_is_no_trouble_of_the_operators(words: str) -> None:
    said = reply({"error": {"code": "bad_prompt", "message": f"Prompt not understood: {words}"}}, 400)
    assert rejection(lambda: interpret(said)).code == "invalid_request"


@pytest.mark.parametrize("words", ["here it is", "画好了" * 10_000])
def test_a_large_picture_among_words_is_found_and_not_held_in_memory(words: str) -> None:
    picture = bytes(range(256)) * 8000
    text = f'{words}\n![a "cat"](data:image/png;base64,{base64.b64encode(picture).decode()}) and {words}'
    answer = interpret(reply(wrapped(item(text=text + f" ![]({URL})"))))
    assert pictures_in(answer) == (picture, URL)
    assert answer.text == f"{words}\n and {words}"


def test_a_success_that_says_more_than_any_answer_was_paid_and_is_not_paid_again() -> None:
    body = b'{"data": [' + b"1," * 1_000_000 + b"1]}"
    refused = rejection(lambda: interpret(reply(body)))
    assert (refused.code, refused.charged) == ("no_image", True)
    assert not isinstance(verdict(reply(body, 400)), Rejected)


def test_half_a_letter_in_long_words_can_be_written_down() -> None:
    """An emoji is two escapes in JSON, and the words may be cut between them."""
    for words in ("\ud83d" * 20_000, "a" + "😀" * 20_000):
        answer = interpret(reply(json.dumps(wrapped(item(b64_json=B64, text=words))).encode()))
        assert (answer.text or "").encode()


def test_words_full_of_what_may_be_pictures_take_little_time() -> None:
    started = time.process_time()
    interpret(reply(wrapped(item(b64_json=B64, text="x data:image/)" * 200_000))))
    assert time.process_time() - started < 5
