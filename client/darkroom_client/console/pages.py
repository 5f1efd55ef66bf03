"""Renders a document as a page. The templates escape every text, so that no text of a person or model is markup."""

import json
import uuid
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from darkroom_client.console import addresses, words

if TYPE_CHECKING:
    from darkroom_client.console.desk import Desk

VIEWS = (("/", "Recent"), ("/batches", "Batches"), ("/needs-you", "Needs you"), ("/status", "Status"))


class Pages:
    """The templates, with the values that all of them share."""

    def __init__(self, desk: "Desk", version: str) -> None:
        loader = PackageLoader("darkroom_client.console", "templates")
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.globals |= {
            "stack": desk.name, "read_only": desk.door.is_read_only, "version": version, "views": VIEWS,
            "new_id": lambda: f"console-{uuid.uuid4().hex}", "part": addresses.part, "thread_address": addresses.thread,
        }  # fmt: skip
        self._templates.filters |= {
            name: getattr(words, name) for name in ("ago", "at", "cause", "day", "money", "size")
        }

    def page(self, template: str, request: Request, status: int = 200, **known: Any) -> Response:
        """The page that a template renders."""
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        rendered = self._templates.get_template(template).render(
            path=request.url.path, here=here, json_address=addresses.as_json(request), **known
        )
        return HTMLResponse(rendered, status)

    def trouble(self, request: Request, message: str, status: int) -> Response:
        """The message of an error: as JSON for the script and for programs, otherwise as a page."""
        if addresses.asks_for_json(request) or "application/json" in request.headers.get("accept", ""):
            return told({"error": message}, status)
        return self.page("trouble.html", request, status, message=message)


def told(document: Any, status: int = 200) -> Response:
    """A document as JSON."""
    return _Json(document, status)


class _Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, indent=2, default=str).encode("utf-8", "backslashreplace")
