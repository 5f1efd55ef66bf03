"""Guards the console: it admits or refuses each request, and restricts what the browser may do with the answer.

The first address has a random token, which becomes a cookie. The cookie alone does not allow a change. A page of
another origin can send a form with it (CSRF), so the guard checks the origin. It also checks `Host`, because a foreign
name that resolves to 127.0.0.1 would make a foreign page one of the same origin (DNS rebinding).
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
    "Referrer-Policy": "same-origin",  # with `no-referrer` a form's `Origin` would be `null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ENTER = "This console needs its token. Open the address that `darkroom console` printed."


class Door(NamedTuple):
    """The port of the console, and the token that admits a browser."""

    port: int
    token: str
    is_read_only: bool = False

    @property
    def address(self) -> str:
        """The first address, with the token."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie. It holds the port, because cookies of all ports of a host are shared."""
        return f"darkroom-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"


def new_token() -> str:
    """A random token that cannot be guessed."""
    return secrets.token_urlsafe(32)


class Guard:
    """An ASGI application that wraps the console's own."""

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
        """The response that refuses the request or admits the browser. None if the request may pass."""
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
            return PlainTextResponse("This form came from another page, so nothing was done.", 403)
        if self._door.is_read_only:
            return PlainTextResponse("This console is read-only (--read-only), so nothing was done.", 403)
        return None

    def _let_in(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """A redirect to the same address without the token, so that no history keeps the token."""
        path = scope.get("raw_path", b"/").partition(b"?")[0].decode("latin-1")
        there = f"/{path.lstrip('/')}" + (f"?{urlencode(query)}" if query else "")
        answer = RedirectResponse(there, 303)
        answer.set_cookie(self._door.cookie, self._door.token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._door.token.encode())

    def _is_ours(self, headers: Headers) -> bool:
        """Whether the form comes from this console. Browsers say so; a program that holds the cookie need not."""
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
