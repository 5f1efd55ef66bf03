"""The errors of the dialect `gemini` by their cause, and the reasons for an answer without a picture.

An error is `{"error": {"code", "message", "status", "details"}}` (https://ai.google.dev/api). An answer without a
picture gives its reason in `promptFeedback.blockReason` or in a candidate's `finishReason`.
"""

import json
import re
from typing import Any

from darkroom.errors import Cause, DarkroomError, Rejected, Unavailable
from darkroom.providers import error_rules
from darkroom.providers.error_rules import SAY_MORE
from darkroom.providers.reply import QUOTED_CHARACTERS, Reply, redacted

_REFUSING = frozenset(
    ("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION",
     "IMAGE_RECITATION", "LANGUAGE", "ESCALATION", "MODEL_ARMOR", "JAILBREAK")
)  # fmt: skip
_WITHOUT = frozenset(("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS"))
_NO_SIGNATURE = "MISSING_THOUGHT_SIGNATURE"
_DISABLED = "PUP_LIMITED_DISABLED"
_A_DAY = re.compile(r"per.?day|daily", re.IGNORECASE)
_NOTHING_LEFT = re.compile(r"limit: 0\b|credits are depleted|prepayment", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
MAX_DETAILS = 100  # of an error that are read


def stated(document: dict[str, Any], reply: Reply) -> DarkroomError | None:
    """The error that a reply states in Google's form, if it states one."""
    error = document.get("error")
    if not isinstance(error, dict) or "candidates" in document:
        return None
    told = error_rules.stated(document, reply)
    if told is None:
        return None
    status, details = str(error.get("status", "")), _details(error)
    delay = _retry_delay(details)
    said = f"the image API said: {told.message}"
    if _NOTHING_LEFT.search(told.words):
        return Unavailable("account", said, retry_after=delay)
    if told.number == 429 or status == "RESOURCE_EXHAUSTED":
        cause: Cause = "account" if _is_of_the_day(told.words, details) else "throttled"
        return Unavailable(cause, said, retry_after=_first(delay, error_rules.retry_after(reply)))
    if _DISABLED.lower() in told.words or _has_reason(details, _DISABLED):
        return Unavailable("account", said)
    if _has_reason(details, "API_KEY_INVALID"):
        return Unavailable("credentials", said)
    judged = error_rules.error(told, reply)
    if isinstance(judged, Unavailable) and delay is not None and judged.cause != "thought_signature":
        judged.retry_after = delay
    return judged


def without_picture(
    document: dict[str, Any], text: str | None, request_id: str | None, *, has_draft: bool
) -> Rejected | Unavailable | None:
    """The error for a paid answer without a final picture; None if Google's form gives no reason."""
    reasons, said = _reasons(document), _said(document)
    if _NO_SIGNATURE in reasons:
        return Unavailable("thought_signature", f"the image API requires its thought signatures{said}", retry_after=0)
    if _DISABLED in reasons:
        return Unavailable("account", f"the image API has disabled this use for the account{said}")
    if _refuses(document, reasons) or (text and not has_draft and not _WITHOUT & set(reasons)):
        return Rejected(
            "refused", f"the model answered without a picture{said}",
            hint="The model refuses or asks a question: `text` has its words, if any. Say it differently.",
            text=text, charged=True, provider_request_id=request_id,
        )  # fmt: skip
    if has_draft or not (_WITHOUT & set(reasons)):
        return None
    return Rejected(
        "no_image", f"the image API answered without a picture{said}",
        hint=SAY_MORE, text=text, charged=True, provider_request_id=request_id,
    )  # fmt: skip


def _refuses(document: dict[str, Any], reasons: list[str]) -> bool:
    """Whether the prompt was blocked, for any reason, or a rule stopped the answer."""
    feedback = document.get("promptFeedback")
    if isinstance(feedback, dict) and isinstance(feedback.get("blockReason"), str):
        return True
    return any(each in _REFUSING or (each not in _WITHOUT and error_rules.is_refusal("", each)) for each in reasons)


def _reasons(document: dict[str, Any]) -> list[str]:
    """The API's reasons to stop, as it spells them."""
    feedback, listed = document.get("promptFeedback"), document.get("candidates")
    candidates = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    named = [feedback.get("blockReason")] if isinstance(feedback, dict) else []
    named += [candidate.get("finishReason") for candidate in candidates]
    return [each for each in named if isinstance(each, str) and re.fullmatch(r"[A-Z_]{1,64}", each)]


def _said(document: dict[str, Any]) -> str:
    reasons = ", ".join(dict.fromkeys(each for each in _reasons(document) if each != "STOP"))
    return f" ({redacted(reasons)[:QUOTED_CHARACTERS]})" if reasons else ""


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    listed = error.get("details")
    return [each for each in listed[:MAX_DETAILS] if isinstance(each, dict)] if isinstance(listed, list) else []


def _has_reason(details: list[dict[str, Any]], reason: str) -> bool:
    return any(each.get("reason") == reason for each in details)


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """The delay of `google.rpc.RetryInfo` in seconds."""
    said = (each.get("retryDelay") for each in details)
    found = (_DELAY.fullmatch(each) for each in said if isinstance(each, str))
    return next((float(each[1]) for each in found if each), None)


def _is_of_the_day(words: str, details: list[dict[str, Any]]) -> bool:
    """Whether the account has used up its daily quota, so that a short wait does not help."""
    quotas = json.dumps([each.get("violations") for each in details], default=str)[: error_rules.WORDS_CHARACTERS]
    return bool(_A_DAY.search(quotas) or _A_DAY.search(words))


def _first(*values: float | None) -> float | None:
    return next((each for each in values if each is not None), None)
