"""Whether the image API takes the key, and which models it lists, which generates and costs nothing.

The key goes nowhere but to the stack's own ImageApiUrl, and no redirect is followed with it.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from darkroom.providers.dialect import Dialect

SECONDS = 15
MAX_BYTES = 10 << 20
MAX_ERROR_BYTES = 64 << 10
_BAD_KEY = b"API_KEY_INVALID"  # Google answers 400 to a wrong key
_LOOPBACK = ("127.0.0.1", "localhost")


class Listed(NamedTuple):
    """The API's answer: a status, None if there was none; and the ids of its models, None if it lists none."""

    status: int | None
    models: frozenset[str] | None
    said: str = ""


Ask = Callable[[str, str, Dialect], Listed]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def listed(url: str, key: str, dialect: Dialect) -> Listed:
    """Asks the API at this address for its models, in its dialect and with this key."""
    address = url.rstrip("/") + dialect.models_path
    request = urllib.request.Request(address, headers=dict([dialect.authorise(key)]))  # noqa: S310 - a parameter's
    proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    try:
        with urllib.request.build_opener(_NoRedirect, *proxies).open(request, timeout=SECONDS) as answer:
            return Listed(answer.status, _models(answer.read(MAX_BYTES)))
    except urllib.error.HTTPError as refused:
        with refused:
            is_of_the_key = _BAD_KEY in refused.read(MAX_ERROR_BYTES)
        return Listed(401 if is_of_the_key else refused.code, None)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Listed(None, None, type(error).__name__)  # its text may quote a header


def _models(body: bytes) -> frozenset[str] | None:
    try:
        document = json.loads(body)
        listed = document["data"] if "data" in document else document["models"]
        return frozenset(str(each.get("id") or each["name"]).removeprefix("models/") for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
