"""The length of a request's wait before the next try, and the end of all waiting. `domain.timing` has the numbers."""

from datetime import datetime

from darkroom.domain.timing import (
    BACKOFF_JITTER_SHARE,
    BUDGET_SECONDS,
    FIRST_BACKOFF_SECONDS,
    HELD_BACK_WAIT_SHARE,
    LANE_WAIT_SHARE,
    MAX_AGE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_DOUBTFUL_CALLS,
    MAX_DOWNLOADS,
    MAX_LANE_WAIT_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    MIN_BACKOFF_SHARE,
    MIN_LANE_WAIT_SECONDS,
    PROBE_SECONDS,
)
from darkroom.errors import ASK_AGAIN, PROVIDER_CAUSES, Rejected, Unavailable
from darkroom.turns.ports import Claim


def delay(
    claim: Claim, trouble: Unavailable, *, model: str, is_last: bool, now: float, give_up_after: float, jitter: float
) -> float:
    """The seconds to wait. `jitter` is uniform in [0, 1). Raises Rejected if the request has waited long enough.

    `is_last` says that its time was over when this try began: a request is called once more before it is given up.
    `model` is the model that the request asks for.
    """
    if trouble.cause in PROVIDER_CAUSES:
        if is_last:
            raise _provider_unavailable(trouble, model)
        left = (claim.refused_since or now) + give_up_after - now
        least = MAX_RETRY_AFTER_SECONDS if is_doubtful(claim) else 0.0
        return min(max(_wait(claim, trouble, jitter, _longest(claim, now)), least), max(1.0, left))
    has_waited = now - (claim.waiting_since or now) >= BUDGET_SECONDS
    if trouble.cause == "budget" and (has_waited or _is_old(claim, now)):
        raise _budget_exhausted()
    if trouble.cause == "fetch" and claim.fetches + 1 >= MAX_DOWNLOADS:
        raise _not_fetched(trouble)
    return _wait(claim, trouble, jitter)


def is_doubtful(claim: Claim) -> bool:
    """Whether many of its failed calls may have been paid, so that it is called only rarely."""
    return claim.doubtful >= MAX_DOUBTFUL_CALLS


def lane_delay(age: float) -> float:
    """The seconds until a request of this age tries a full lane again. SQS counts each try, so they grow with age."""
    return min(max(age * LANE_WAIT_SHARE, MIN_LANE_WAIT_SECONDS), MAX_LANE_WAIT_SECONDS)


def is_over(claim: Claim, *, now: float, give_up_after: float) -> bool:
    """Whether the provider's next refusal ends the request."""
    return now - (claim.refused_since or now) >= give_up_after or _is_old(claim, now)


def _is_old(claim: Claim, now: float) -> bool:
    """Whether the request is almost as old as SQS lets its message become."""
    return now - datetime.fromisoformat(claim.requested_at).timestamp() >= MAX_AGE_SECONDS


def _longest(claim: Claim, now: float) -> float:
    """The longest backoff. A request without a call of its own waits a share of the time so far."""
    if claim.calls:
        return MAX_BACKOFF_SECONDS
    return max(PROBE_SECONDS, (now - (claim.refused_since or now)) * HELD_BACK_WAIT_SHARE)


def _wait(claim: Claim, trouble: Unavailable, jitter: float, longest: float = MAX_BACKOFF_SECONDS) -> float:
    """The backoff: FIRST_BACKOFF_SECONDS, doubled each time up to `longest`, and spread so that requests come apart.

    The provider's `Retry-After` lengthens the wait and never shortens it. Darkroom's own `retry_after` is exact.
    """
    longest = min(MAX_BACKOFF_SECONDS, longest, FIRST_BACKOFF_SECONDS * 2.0 ** min(claim.deferrals, 16))
    backoff = longest * (MIN_BACKOFF_SHARE + BACKOFF_JITTER_SHARE * jitter)
    if trouble.retry_after is None:
        return backoff
    if trouble.cause in PROVIDER_CAUSES:
        return max(backoff, min(trouble.retry_after, MAX_RETRY_AFTER_SECONDS) + jitter)
    return trouble.retry_after + jitter


def _provider_unavailable(trouble: Unavailable, model: str) -> Rejected:
    message = f"the image API could not be used for as long as a request may wait: {trouble.message}"
    if trouble.cause == "model":
        hint = (
            f"The image API does not know the model {model!r}, or has retired it. The operator sets the parameter "
            f"ImageModel to a model that it offers; a request may name one as `model`. {ASK_AGAIN}"
        )
        return Rejected("provider_unavailable", message, hint=hint, param="model")
    hint = f"{ASK_AGAIN} The operator's alarm names the provider's trouble."
    return Rejected("provider_unavailable", message, hint=hint)


def _budget_exhausted() -> Rejected:
    return Rejected(
        "budget_exhausted",
        "the daily limit of calls left no room for this request while it could wait",
        hint=f"{ASK_AGAIN} The operator can raise DailyCallLimit.",
    )


def _not_fetched(trouble: Unavailable) -> Rejected:
    return Rejected(
        "no_image",
        f"the picture was made, but {trouble.message}",
        hint=f"{ASK_AGAIN} The operator can set ResponseFormat to b64_json.",
        charged=True,
    )
