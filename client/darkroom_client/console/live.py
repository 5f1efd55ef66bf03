"""Server-sent events: they notify a page that its document has changed, and the page loads it again.

A stream reads the document of one page. It ends with the page, so that no document is read in vain.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from darkroom_client.errors import Trouble

LOOK_SECONDS = 2.0
SLOW_SECONDS = 5.0  # for pages that call many services
BEAT_SECONDS = 15.0  # between the lines that detect a lost connection
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
    """An event each time the document has changed, and each time the state has: `live`, or the message of an error.

    `known` is the digest of the document on the page. The document may have changed before the stream began.
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
    """A short hash of a document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
