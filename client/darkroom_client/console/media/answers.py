"""Pictures as responses. They come from this origin, their type follows from their bytes, and none can run a script."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from darkroom.domain.outcome import Outcome
from darkroom_client.console.guard import PICTURE_POLICY
from darkroom_client.console.media.pictures import Stored, given, stored
from darkroom_client.console.media.thumbnails import NoThumbnail
from darkroom_client.errors import NotFound

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

SMALL, LARGE = 640, 1800  # pixels a side
_HEADERS = {"Content-Security-Policy": PICTURE_POLICY, "Cache-Control": "private, no-cache"}
_NO_PICTURE = "The browser cannot show this picture. Download it instead."

Answer = Callable[["Desk", Request, Stored], Response]


def made(desk: "Desk", request: Request, answer: Answer) -> Response:
    """The response for a picture that a turn made."""
    turn, number = _asked(desk, request)
    return answer(desk, request, stored(turn.images[_place(number, len(turn.images))]))


def brought(desk: "Desk", request: Request, answer: Answer) -> Response:
    """The response for a picture that came with a turn's request."""
    turn, number = _asked(desk, request)
    return answer(desk, request, given(turn.sources[_place(number, len(turn.sources))]))


def small(desk: "Desk", request: Request, at: Stored) -> Response:
    """A thumbnail for the wall."""
    return _drawn(desk, request, at, SMALL)


def large(desk: "Desk", request: Request, at: Stored) -> Response:
    """A preview as large as a page shows it."""
    return _drawn(desk, request, at, LARGE)


def whole(desk: "Desk", request: Request, at: Stored) -> Response:
    """The file itself, if it is a raster picture."""
    if _is_known(request, at.identity):
        return Response(status_code=304)
    opened = desk.pictures.opened(at)
    if opened.media_type is None:
        return PlainTextResponse(_NO_PICTURE, 415)
    headers = {**_HEADERS, "Content-Length": str(opened.length), "ETag": f'"{at.identity}"'}
    return StreamingResponse(opened.chunks, media_type=opened.media_type, headers=headers)


def download(desk: "Desk", request: Request) -> Response:
    """A redirect to S3's own address. A browser saves the file from there, and never shows it."""
    turn, number = _asked(desk, request)
    return RedirectResponse(desk.pictures.download(turn.images[_place(number, len(turn.images))]), 303)


def _drawn(desk: "Desk", request: Request, at: Stored, edge: int) -> Response:
    identity = f"{at.identity}-{edge}"
    if _is_known(request, identity):
        return Response(status_code=304)
    try:
        path = desk.thumbnails.of(at.identity, edge, lambda: desk.pictures.read(at))
    except NoThumbnail:
        return PlainTextResponse(_NO_PICTURE, 415)
    return FileResponse(path, media_type="image/webp", headers={**_HEADERS, "ETag": f'"{identity}"'})


def _is_known(request: Request, identity: str) -> bool:
    return request.headers.get("if-none-match") == f'"{identity}"'


def _asked(desk: "Desk", request: Request) -> tuple[Outcome, int]:
    thread_id, turn, number = (request.path_params[name] for name in ("thread", "turn", "number"))
    found = desk.pictures.turn(thread_id, turn)
    if found is None:
        raise NotFound(f"{thread_id} has no turn {turn}.")
    return found, number


def _place(number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise NotFound("There is no such picture.")
    return number - 1
