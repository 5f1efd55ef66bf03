"""The console's addresses. A thread's id is always one part of a path, percent-encoded."""

from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

JSON = ".json"


def part(text: str) -> str:
    """The text as one part of a path. It encodes the ending `.json`, too, because that asks for JSON."""
    quoted = quote(text, safe="")
    return f"{quoted[: -len(JSON)]}%2Ejson" if quoted.endswith(JSON) else quoted


def thread(thread_id: str) -> str:
    """The address of a thread's page."""
    return f"/threads/{part(thread_id)}"


def picture(kind: str, thread_id: str, turn: int, number: int) -> str:
    """The address of a picture. `kind` is `pictures`, `downloads`, `sources`, `thumbnails` or the like."""
    return f"/{kind}/{part(thread_id)}/{turn}/{number}"


def asked_parts(request: Request) -> tuple[str, ...]:
    """The parts of the request's path, each decoded."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    parts = raw.partition(b"?")[0].split(b"/")[1:]
    return tuple(unquote_to_bytes(each).decode("utf-8", "replace") for each in parts)


def as_json(request: Request) -> str:
    """The address of the same view as JSON, with the same filter."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    path = raw.partition(b"?")[0].decode("ascii", "replace")
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{'/index' if path == '/' else path}{JSON}{query}"


def asks_for_json(request: Request) -> bool:
    """Whether the undecoded path ends in `.json`."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].endswith(JSON.encode())
