"""Server-sent events: a page hears that what it shows has changed, and loads it again.

One stream looks at one page's document. A stream ends with the page, so that nothing is asked for whom nobody looks.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from darkroom_client.errors import Trouble

LOOK_SECONDS = 2.0
SLOW_SECONDS = 5.0  # for pages that ask many services
BEAT_SECONDS = 15.0  # a line of silence, by which a connection that is gone is noticed
TROUBLE_SECONDS = 10.0

Read = Callable[[], dict[str, Any]]
IsGone = Callable[[], Awaitable[bool]]


async def changes(
    read: Read,
    is_gone: IsGone,
    known: str = "",
    pause: float = LOOK_SECONDS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[str]:
    """An event each time that the document is another one. `state` is `live`, or the sentence of what is wrong.

    `known` is the digest of what the page shows: it may have changed since, before there was a stream to hear it.
    """
    before, said, silence = known, "", 0.0
    yield "retry: 3000\n\n"
    while not await is_gone():
        try:
            found, state = digest(await run_in_threadpool(read)), "live"
        except Trouble as trouble:
            found, state = before, str(trouble)
        if state != said:
            said = state
            yield _event("state", state)
        if before and found != before:
            yield _event("changed", found)
        before = found or before
        silence += pause
        if silence >= BEAT_SECONDS:
            silence = 0.0
            yield ": still here\n\n"
        await sleep(pause if state == "live" else TROUBLE_SECONDS)


def digest(document: dict[str, Any]) -> str:
    """Tells two documents apart."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
