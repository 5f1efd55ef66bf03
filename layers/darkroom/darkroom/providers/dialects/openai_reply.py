"""Interprets replies of the dialect `openai`: a pure function of the raw reply.

This module reads the documented answer and the documented error codes. `any_form` reads everything else.
"""

from collections.abc import Mapping
from typing import Any, Literal

from darkroom.errors import FIELD_CHARACTERS, Cause, DarkroomError
from darkroom.providers import error_rules, usage
from darkroom.providers.dialect import Answer
from darkroom.providers.dialects import nebula_reply
from darkroom.providers.reply import Reply

ENVELOPE = frozenset(
    ("created", "data", "usage", "background", "output_format", "quality", "size", "safety_identifier")
)
_CODES: Mapping[str, Cause | Literal["refused"]] = {
    **dict.fromkeys(("moderation_blocked", "content_policy_violation"), "refused"),
    **dict.fromkeys(("billing_hard_limit_reached", "insufficient_quota", "billing_not_active"), "account"),
    **dict.fromkeys(("invalid_api_key", "unsupported_country_region_territory"), "credentials"),
    "account_deactivated": "account",
    "model_not_found": "model",
    "rate_limit_exceeded": "throttled",
}
MAX_ERROR_BYTES = 100_000
_OF_THE_PICTURES = ("image", "image[]")


def interpret(reply: Reply) -> Answer:
    """The answer in a reply. If there is none, raises Rejected, Unavailable or Ambiguous, according to the reply."""
    said = nebula_reply.parsed(reply) if reply.status == 200 or len(reply.body) < MAX_ERROR_BYTES else {}
    if reply.status >= 400 and (error := _error(said, reply)):
        raise error
    answer = nebula_reply.documented(said, reply, ENVELOPE) or nebula_reply.in_any_form(reply)
    return answer._replace(usage=usage.read(said.get("usage")))


def _error(said: Mapping[str, Any], reply: Reply) -> DarkroomError | None:
    """The error by its code or its parameter, if these decide. Its words do not: they may quote anything."""
    error = said.get("error")
    stated = error_rules.stated(said, reply)
    if not isinstance(error, dict) or not stated or said.keys() != {"error"}:
        return None
    means = _CODES.get(str(error.get("code")))
    if means == "refused":
        return error_rules.refused(stated)
    if means:
        return error_rules.trouble(means, stated, reply)
    return _wrong_parameter(error.get("param"), stated, reply)


def _wrong_parameter(param: object, stated: error_rules.Stated, reply: Reply) -> DarkroomError | None:
    """The error for an option that the model does not take. It may be named like another trouble: `moderation`."""
    if reply.status != 400 or not isinstance(param, str) or param in ("", "prompt", *_OF_THE_PICTURES):
        return None
    if param == "model":
        return error_rules.trouble("model", stated, reply)
    return error_rules.invalid_request(stated, param=f"options.{param[:FIELD_CHARACTERS]}")
