"""Whether the image API takes the key, and which models it lists: `GET /v1/models`, which generates and costs nothing.

The key goes nowhere but to the stack's own ImageApiUrl, and no redirect is followed with it.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SECONDS = 15
MAX_BYTES = 10 << 20
_LOOPBACK = ("127.0.0.1", "localhost")


class Listed(NamedTuple):
    """The API's answer: a status, None if there was none; and the ids of its models, None if it lists none."""

    status: int | None
    models: frozenset[str] | None
    said: str = ""


Ask = Callable[[str, str], Listed]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def listed(url: str, key: str) -> Listed:
    """Asks the API at this address for its models, with this key."""
    address = f"{url.rstrip('/')}/v1/models"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - a parameter's
    proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    try:
        with urllib.request.build_opener(_NoRedirect, *proxies).open(request, timeout=SECONDS) as answer:
            return Listed(answer.status, _models(answer.read(MAX_BYTES)))
    except urllib.error.HTTPError as refused:
        with refused:
            return Listed(refused.code, None)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Listed(None, None, type(error).__name__)  # its text may quote a header


def _models(body: bytes) -> frozenset[str] | None:
    try:
        document = json.loads(body)
        return frozenset(str(each["id"]).removeprefix("models/") for each in document["data"])
    except (ValueError, KeyError, TypeError):
        return None
