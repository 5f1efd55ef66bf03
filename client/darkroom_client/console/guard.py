"""What every request passes first: who may come in, and what the browser may do with the answer.

The first address has a random token, which becomes a cookie. The cookie alone is not enough to change anything: a page
of another origin can send a form along with it, and so the origin is looked at. `Host` is looked at, too, for a name
of somebody else's that resolves to 127.0.0.1 makes a page of theirs one of the same origin.
"""

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset(("GET", "HEAD"))
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:", "connect-src 'self'",
        "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
PICTURE_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # not `no-referrer`: then a form's `Origin` would be `null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ENTER = "This console is open only from the address that `darkroom console` printed, with its token."


class Door(NamedTuple):
    """The port that the console listens on, and the token that lets a browser in."""

    port: int
    token: str
    is_read_only: bool = False

    @property
    def address(self) -> str:
        """The first address."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Cookies know no port, and so each console's has a name of its own."""
        return f"darkroom-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"


def new_token() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(32)


class Guard:
    """An ASGI application around the console's own."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead, or None where the request may pass."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self._door.hosts:
            return PlainTextResponse("This is not the console's address.", 421)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if given is not None and scope["method"] in SAFE_METHODS and self._is_token(given):
            return self._let_in(scope, [pair for pair in query if pair[0] != "token"])
        if not self._is_token(_cookie(headers, self._door.cookie)):
            return PlainTextResponse(_ENTER, 403)
        if scope["method"] in SAFE_METHODS:
            return None
        if not self._is_ours(headers):
            return PlainTextResponse("This form came from another page, and nothing was done.", 403)
        if self._door.is_read_only:
            return PlainTextResponse("This console only looks (--read-only), and nothing was done.", 403)
        return None

    def _let_in(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """The same address without the token, so that it stays in no history."""
        path = scope.get("raw_path", b"/").partition(b"?")[0].decode("latin-1")
        there = f"/{path.lstrip('/')}" + (f"?{urlencode(query)}" if query else "")
        answer = RedirectResponse(there, 303)
        answer.set_cookie(self._door.cookie, self._door.token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._door.token.encode())

    def _is_ours(self, headers: Headers) -> bool:
        """Browsers say where a form comes from. A program that holds the cookie need not."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "same-origin") == "same-origin"
        return origin in {f"http://{host}" for host in self._door.hosts}


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
