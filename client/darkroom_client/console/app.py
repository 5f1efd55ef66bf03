"""The console's addresses and their handlers."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from darkroom_client.console import addresses, live
from darkroom_client.console.acting import asking, forms, questions
from darkroom_client.console.guard import Guard
from darkroom_client.console.media import answers
from darkroom_client.console.pages import Pages, told
from darkroom_client.console.views import batches, needs_you, recent, standing, thread
from darkroom_client.errors import Denied, Invalid, Trouble, Unreachable

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

STATIC = Path(__file__).parent / "static"
_STATUS = {Invalid: 400, Denied: 403, Unreachable: 502}
Handler = Callable[[Request], Response]
AsyncHandler = Callable[[Request], Awaitable[Response]]


class Console:
    """The site of one stack."""

    def __init__(self, desk: "Desk", version: str) -> None:
        self._desk = desk
        self._pages = Pages(desk, version)
        self._documents: Mapping[str, Callable[[Request], dict[str, Any]]] = {
            "recent.html": lambda request: recent.document(desk, request.query_params),
            "batches.html": lambda request: batches.document(desk, request.query_params),
            "needs_you.html": lambda _: needs_you.document(desk),
            "status.html": lambda _: standing.document(desk),
            "thread.html": lambda request: thread.document(desk, _thread_id(request)),
            "job.html": lambda request: desk.jobs.find(request.path_params["job"]).document(),
        }

    def app(self) -> ASGIApp:
        """The application, behind its guard."""
        media = "{thread:path}/{turn:int}/{number:int}"
        pictures: Mapping[str, Handler] = {
            "thumbnails": partial(answers.made, self._desk, answer=answers.small),
            "previews": partial(answers.made, self._desk, answer=answers.large),
            "pictures": partial(answers.made, self._desk, answer=answers.whole),
            "source-thumbnails": partial(answers.brought, self._desk, answer=answers.small),
            "source-previews": partial(answers.brought, self._desk, answer=answers.large),
            "sources": partial(answers.brought, self._desk, answer=answers.whole),
            "downloads": partial(answers.download, self._desk),
        }
        routes = [
            *self._views({"/": "recent.html", "/batches": "batches.html", "/needs-you": "needs_you.html"}),
            *self._views({"/status": "status.html", "/threads/{thread:path}": "thread.html"}),
            *self._views({"/jobs/{job}": "job.html"}),
            Route("/questions/{question:path}", self._ask),
            Route("/questions/{question:path}", self._answer, methods=["POST"]),
            *(Route(f"/{kind}/{media}", _off_the_loop(handler)) for kind, handler in pictures.items()),
            *(Route(f"/{name}", partial(self._do, work), methods=["POST"]) for name, work in _ACTIONS.items()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        handlers = {Trouble: self._trouble, HTTPException: self._not_found, Exception: self._went_wrong}
        app = Starlette(routes=routes, exception_handlers=handlers)
        return Guard(app, self._desk.door)

    def _views(self, views: Mapping[str, str]) -> list[Route]:
        """Three routes for each view: its page, its JSON, and its stream of changes below `/live`."""
        routes = []
        for path, template in views.items():
            if path != "/threads/{thread:path}":
                routes.append(Route(f"{'/index' if path == '/' else path}.json", partial(self._json, template)))
            routes.append(Route(path, partial(self._view, template)))
            routes.append(Route(f"/live{path}", partial(self._live, template)))
        return routes

    async def _view(self, template: str, request: Request) -> Response:
        if template == "thread.html" and addresses.asks_for_json(request):
            return await self._json(template, request)
        return await run_in_threadpool(self._rendered, template, request)

    def _rendered(self, template: str, request: Request) -> Response:
        document = self._documents[template](request)
        more = thread.shown(self._desk, document) if template == "thread.html" else {}
        return self._pages.page(template, request, document=document, digest=live.digest(document), **more)

    async def _json(self, template: str, request: Request) -> Response:
        return told(await run_in_threadpool(self._documents[template], request))

    async def _live(self, template: str, request: Request) -> Response:
        is_quick = template in ("recent.html", "thread.html", "job.html") and not request.query_params.get("words")
        pause = live.LOOK_SECONDS if is_quick else live.SLOW_SECONDS
        known = request.query_params.get("known", "")
        events = live.changes(lambda: self._documents[template](request), request.is_disconnected, known, pause)
        return StreamingResponse(events, media_type="text/event-stream")

    async def _ask(self, request: Request) -> Response:
        name, *parts = addresses.asked_parts(request)[1:]
        known = questions.known(name, parts)
        question = await run_in_threadpool(questions.asked, self._desk, name, parts)
        return self._pages.page("question.html", request, known=known, question=question)

    async def _answer(self, request: Request) -> Response:
        name, *parts = addresses.asked_parts(request)[1:]
        known = questions.known(name, parts)
        async with forms.read(request) as form:
            back = known.after or known.back
            job = self._desk.jobs.once(form.id, known.title, back, lambda say: known.work(self._desk, parts, say))
        return _go_to(request, job.address)

    async def _do(self, work: "Callable[[Desk, forms.Form], str]", request: Request) -> Response:
        async with forms.read(request) as form:
            return _go_to(request, await run_in_threadpool(work, self._desk, form))

    def _trouble(self, request: Request, trouble: Exception) -> Response:
        status = next((code for kind, code in _STATUS.items() if isinstance(trouble, kind)), 404)
        return self._pages.trouble(request, str(trouble), status)

    def _not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        said = "There is no such page." if status == 404 else str(getattr(error, "detail", ""))
        return self._pages.trouble(request, said, status)

    def _went_wrong(self, request: Request, error: Exception) -> Response:
        """A short message for the page. The terminal has the traceback."""
        said = f"This went wrong ({type(error).__name__}). The terminal of the console shows the details."
        return self._pages.trouble(request, said, 500)


def _go_to(request: Request, address: str) -> Response:
    """The response that leads on from a form: its address for the script, otherwise a redirect."""
    if "application/json" in request.headers.get("accept", ""):
        return told({"location": address})
    return RedirectResponse(address, 303)


def _thread_id(request: Request) -> str:
    """The part after `/threads/` or `/live/threads/`, in which a slash is percent-encoded."""
    parts = addresses.asked_parts(request)
    after = "/".join(parts[parts.index("threads") + 1 :])
    return after.removesuffix(addresses.JSON) if addresses.asks_for_json(request) else after


def _off_the_loop(handler: Handler) -> AsyncHandler:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(handler, request)

    return answer


def _sent(desk: "Desk", form: forms.Form) -> str:
    return addresses.thread(asking.send(desk, form))


def _replied(desk: "Desk", form: forms.Form) -> str:
    return addresses.thread(asking.reply(desk, form))


def _instructed(desk: "Desk", form: forms.Form) -> str:
    asking.instruct(desk, form)
    return "/"


def _batch_chosen(desk: "Desk", form: forms.Form) -> str:
    return f"/questions/batch/{addresses.part(desk.batch_files.look(desk.room.stack, form))}"


_ACTIONS: "Mapping[str, Callable[[Desk, forms.Form], str]]" = {
    "send": _sent, "reply": _replied, "instruct": _instructed, "batch-file": _batch_chosen
}  # fmt: skip
