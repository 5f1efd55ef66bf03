"""The image API's errors: those that it states in JSON, and the pages of proxies in front of it."""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from itertools import takewhile
from typing import Any, NamedTuple

from darkroom.errors import ASK_AGAIN, Ambiguous, Cause, Code, DarkroomError, Rejected, Unavailable
from darkroom.providers.reply import QUOTED_CHARACTERS, Reply, redacted

WORDS_CHARACTERS = 20_000  # of an error's words that are matched
REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id")
SAY_MORE = f"Say what the picture should show. {ASK_AGAIN}"


class Stated(NamedTuple):
    """An error that the API itself states. `number` is its code, if that is a number; otherwise the HTTP status."""

    number: int
    words: str
    message: str
    request_id: str | None

    @property
    def said(self) -> str:
        """The error as a sentence of Darkroom's."""
        return f"the image API said: {self.message}"


# A reply that is no JSON comes from a proxy in front of the API. With these statuses, certainly nothing was made.
_FREE_PAGES: Mapping[int, Cause] = {
    401: "credentials",
    402: "account",
    403: "credentials",
    404: "configuration",
    405: "configuration",
    407: "configuration",
    429: "throttled",
    503: "unreachable",
    521: "unreachable",
    522: "unreachable",
    523: "unreachable",
}


def page(reply: Reply) -> DarkroomError:
    said = redacted(reply.body[:2000].decode(errors="replace"))[:QUOTED_CHARACTERS]
    message = f"the image API answered {reply.status} with something that is no JSON: {said or '(empty)'}"
    if 300 <= reply.status < 400:
        return redirect(reply)
    if cause := _FREE_PAGES.get(reply.status):
        return Unavailable(cause, message, retry_after=retry_after(reply))
    if reply.status == 413:
        return _too_large(message, _named(reply, said))
    return Ambiguous(message)


def endless(reply: Reply, why: str) -> DarkroomError:
    """The error for JSON that is no usable answer. If its status is a success, it was paid, and is not paid again."""
    if reply.status >= 300:
        return page(reply)
    message = f"the image API's answer cannot be used: {why}"
    return Rejected("no_image", message, hint=ASK_AGAIN, charged=True, provider_request_id=_named(reply, ""))


def redirect(reply: Reply) -> Unavailable:
    return Unavailable("configuration", f"the image API's address answers with a redirect ({reply.status})")


def retry_after(reply: Reply) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or as a date; None if it asks for none."""
    value = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value):
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(reply.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):  # no date, one of two without a zone, an impossible one
        return None
    return max(0.0, wait.total_seconds())


def request_id(reply: Reply) -> str | None:
    """The provider's id of the call, from a header."""
    return _named(reply, "")


def _named(reply: Reply, message: str) -> str | None:
    """The provider's id of the call, from a header or from the end of a message.

    It is logged, so it must look like an id. Elsewhere in a message it may be part of a quoted instruction.
    """
    header = next((value for name in REQUEST_ID_HEADERS if (value := reply.headers.get(name))), "")
    at_end = re.search(r"\(request id: ([^()]*)\)[\s.]*$", message)
    candidates = (header.strip(), at_end[1] if at_end else "")
    return next((name for name in candidates if re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", name)), None)


_SHORTEST_QUOTED, _QUOTED_FROM = 4, 24  # characters of an instruction
_SUCCESS = (None, 0, 200, "0", "200", "success", "ok")


def stated(document: Mapping[str, Any], reply: Reply) -> Stated | None:
    """The error that a document states, if it states one."""
    status, error, code = reply.status, _error_in(document), document.get("code")
    if error and isinstance(error, dict):
        parts = [error.get("code"), error.get("type"), error.get("message")]
    elif error or _says_no(document) or status >= 400 or code not in _SUCCESS:
        parts = [code, error, document.get("msg") or document.get("message") or document.get("detail")]
    else:
        return None
    said = [str(part) for part in parts if part not in (None, "")]
    number = next((int(part) for part in said if re.fullmatch(r"[1-5]\d\d", part)), status)
    message = said[-1] if said else json.dumps(document, default=str)
    words, named = _words(_unquoted(" ".join(said), reply.asked)), _named(reply, _unquoted(message, reply.asked))
    return Stated(number, words, redacted(message)[:QUOTED_CHARACTERS], named)


def says_no_at_all(document: Mapping[str, Any]) -> bool:
    """Whether a document holds an error, or says that it is one."""
    return bool(_error_in(document)) or _says_no(document)


def _says_no(document: Mapping[str, Any]) -> bool:
    return document.get("success") is False or document.get("status") in ("error", "failed", "failure", "fail")


def _error_in(document: Mapping[str, Any]) -> Any:
    """The error in a document: its own, the first of several, or that of the object in `data`."""
    errors, inner = document.get("errors"), document.get("data")
    first = errors[0] if isinstance(errors, list) and errors else errors
    return document.get("error") or first or (inner.get("error") if isinstance(inner, dict) else None)


def _unquoted(text: str, asked: str) -> str:
    """The text without the instruction that it quotes, in full or in part from its beginning."""
    for form in (asked, json.dumps(asked)[1:-1], json.dumps(asked, ensure_ascii=False)[1:-1]):
        begin = text.find(form[:_QUOTED_FROM]) if len(form) >= _SHORTEST_QUOTED else -1
        if begin >= 0:
            same = takewhile(lambda pair: pair[0] == pair[1], zip(text[begin:], form, strict=False))
            text = text[:begin] + text[begin + sum(1 for _ in same) :]
    return text


def is_refusal(said: str, reasons: str) -> bool:
    """Whether an answer's own words, or its reasons to stop, say that it is a refusal."""
    return bool(re.search(_REFUSED, _words(said)) or re.search(_REFUSING_REASON, _words(reasons)))


def _words(said: str) -> str:
    """The words that patterns match. Pictures are left out: they would push later words beyond the limit."""
    return redacted(said)[:WORDS_CHARACTERS].lower()


# Every repetition is bounded, because the matched text may be hostile.
def _any_of(*patterns: str) -> str:
    return "|".join(patterns)


_SIGNATURE = _any_of("thought[_ ]?signature")
_EMPTY_ACCOUNT = _any_of(
    r"insufficient.{0,12}(quota|balance|credit|fund)", r"\b(account|no|low|your) balance\b",
    r"\bbalance\b.{0,20}\b(insufficient|not enough|too low|exhausted|used up)", "arrears", "payment required",
    "余额", "欠费",
)  # fmt: skip
_SUSPENDED = _any_of(r"account\b.{0,40}\b(restricted|suspended|disabled|banned)", "(账号|账户).{0,20}(封|限制|停用)")
_BILLING = r"billing\b.{0,20}\b(limit|details?|account|inactive|disabled|required|not enabled)"
_QUOTA = _any_of(r"quota\b.{0,20}\bexceed", _BILLING, "额度")
_REFUSED = _any_of(
    "prompt_blocked", r"(?<!case.)sensitive", "safety", "moderation", "content_policy", "content policy",
    "content_filter", "prohibited_content", "blocklist",
    r"(polic|guideline|content|terms)\w{0,20}\b.{0,60}\bviolat",
    r"violat\w{0,20}\b.{0,60}\b(polic|guideline|content|terms)",
    "敏感", "违规", "内容.{0,4}审核", "(未|不)(能)?通过.{0,6}审核", "审核.{0,4}(未|不)", "不合规",
)  # fmt: skip
_REFUSING_REASON = _any_of("safety", "prohibit", "block", "spii", "recitation", "filter", "refus", "policy")
_MODEL = _any_of(
    "model_not_found", r"no (available )?channel", "无可用渠道", r"(unknown|no such) model",
    r"model\W{1,9}(\S{1,200} )?(is |was |has been |does |could )?not (be )?(found|exist|supported|available)",
    r"model\W{1,9}(\S{1,200} )?(is |was |has been |does |could )?no longer",
    r"model\W{1,9}(\S{1,200} )?(is |was |has been )?(retired|deprecated|shut ?down|discontinued)",
    r"\b(not supported|unsupported) model\b", r"only .{0,40}\bmodels? (is|are) supported",
    "模型不存在", "模型.{0,20}(下线|停用|不支持)", r"models/\S{1,200} is not found",
)  # fmt: skip
_CREDENTIALS = _any_of(
    "invalid_api_key",
    "invalid api key",
    r"api.?key.{0,20}(not valid|invalid|expired)",
    "unauthori[sz]ed",
    "invalid token",
    "token expired",
    "user location is not supported",
    "令牌",
)
_THROTTLED = _any_of(r"rate.?limit", "too many requests", "resource_exhausted", "overloaded", "限流", "频率")
_EMPTY = _any_of("empty_response", "empty response", "no image generated")
_LARGE = _any_of(
    r"(image|picture|file|payload|body)\b.{0,40}\b(too large|exceed|too big)",
    r"request (is|was|entity|body|payload)?.{0,12}too (large|big)",
    "图片过大",
    "图片.{0,10}超过",
)
_IMAGE = _any_of(
    r"(unsupported|unhandled|invalid|unknown|corrupt\w*|broken)\b.{0,20}\b(image|picture|mime|media)",
    r"(image|picture)\b.{0,40}\b(unsupported|not supported|invalid|decode|corrupt)", "图片格式",
)  # fmt: skip
# A relay asked the provider, and lost its answer: a picture may have been made.
_BAD_STATUS = r"bad.?(response.?)?status"
_RELAYED_STATUS = rf"{_BAD_STATUS}(.?code)?\D{{0,12}}(\d\d\d)\b"
_LOST = _any_of(
    "read_response_body_failed", r"read(ing)?\b.{0,20}\bbody\b.{0,40}\bfail", r"fail\w*\b.{0,20}\bread\b.{0,30}\bbody",
    r"unexpected eof", r":\s*eof\b", r"connection reset", r"broken pipe", r"stream error", r"server sent goaway",
    r"awaiting (response )?headers", r"context (deadline exceeded|canceled)",
    r"(?<!connect )time.?out.{0,20}\bupstream", r"upstream\b.{0,40}\btime(d)?.?out",
)  # fmt: skip
_NEVER_ASKED = _any_of(r"\bdial\b", "no such host", "connection refused", "handshake", "proxyconnect")
_INVALID = _any_of(
    "invalid_request", "invalid request", "convert_request_failed", "invalid_argument", "invalid_parameter"
)


def error(stated: Stated, reply: Reply) -> DarkroomError:
    """The error for a statement. Its code and message decide first, then its number, then the HTTP status."""
    number, words = stated.number, stated.words
    if number in (504, 524) or reply.status in (504, 524):
        return Ambiguous(stated.said)
    if re.search(_SIGNATURE, words):
        return Unavailable("thought_signature", stated.said, retry_after=0)
    if re.search(_SUSPENDED, words):
        return trouble("account", stated, reply)
    if re.search(_REFUSED, words):  # before all else: a refusal is never retried, whatever its number
        return refused(stated)
    if cause := _operators_trouble(number, words):
        return trouble(cause, stated, reply)
    if _is_lost(number, words):
        return Ambiguous(stated.said)
    if re.search(_EMPTY, words):
        return Rejected("no_image", stated.said, hint=SAY_MORE, provider_request_id=stated.request_id)
    if number == 413 or re.search(_LARGE, words):
        return _too_large(stated.said, stated.request_id)
    if number in (400, 406, 409, 410, 415, 422) or re.search(_INVALID, words):
        return invalid_request(stated, "unsupported_image" if re.search(_IMAGE, words) else "invalid_request")
    return Unavailable("unreachable", stated.said, retry_after=retry_after(reply), is_doubtful=True)


def refused(stated: Stated) -> Rejected:
    """The error for an instruction or a picture that the provider refuses."""
    return Rejected(
        "refused", stated.said, text=stated.message, provider_request_id=stated.request_id,
        hint="The provider refuses this instruction or picture; say it differently. It is never retried.",
    )  # fmt: skip


def trouble(cause: Cause, stated: Stated, reply: Reply) -> Unavailable:
    """The error for a trouble of the provider's or the operator's."""
    return Unavailable(cause, stated.said, retry_after=retry_after(reply))


def invalid_request(stated: Stated, code: Code = "invalid_request", param: str | None = None) -> Rejected:
    """The error for a fault of the request itself."""
    hint = "Fix the fault that the image API names."
    return Rejected(code, stated.said, hint=hint, param=param, provider_request_id=stated.request_id)


def _is_lost(number: int, words: str) -> bool:
    """Whether a relay says that it asked the provider and has no answer.

    An error of 4xx may mean that the relay's own request was cut short. A status that is free on a page is also free
    if a relay reports it.
    """
    if number < 500 or re.search(_NEVER_ASKED, words):
        return False
    if re.search(_BAD_STATUS, words):
        relayed = re.search(_RELAYED_STATUS, words)
        status = int(relayed[3]) if relayed else number
        return status >= 500 and status not in _FREE_PAGES
    return bool(re.search(_LOST, words))


def _operators_trouble(number: int, words: str) -> Cause | None:
    if number == 402 or re.search(_EMPTY_ACCOUNT, words):
        return "account"
    if number == 429:
        return "throttled"
    if re.search(_QUOTA, words):
        return "account"
    if re.search(_MODEL, words):
        return "model"
    if number in (401, 403) or re.search(_CREDENTIALS, words):
        return "credentials"
    if number in (404, 405):
        return "configuration"
    return "throttled" if re.search(_THROTTLED, words) else None


def _too_large(said: str, request_id: str | None) -> Rejected:
    return Rejected(
        "image_too_large", said, param="images", hint="Attach fewer or smaller pictures.",
        provider_request_id=request_id,
    )  # fmt: skip
