"""The stand-in's HTTP server. It checks the key, reads the call, and sends the answer or the fault."""

import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.image_api.answers import BLOCKED, ERRORS, GATEWAY_PAGE, SIGNATURE, Answer, Rejected, as_json
from local.image_api.dialect import Call, Dialect, Problem
from local.image_api.dialects import DIALECTS, dialect_of
from local.image_api.dialects.nebula import NEBULA
from local.image_api.faults import Fault, UnknownFault, read_fault
from local.image_api.generation import Generation, parsed
from local.image_api.studio import Studio, oddity

DEFAULT_KEY = "sk-stand-in"
MODELS = (
    "gemini-3.1-flash-image",
    "gemini-2.5-flash-image",
    "gemini-3-pro-image",
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-sunburst",
    "doubao-seedream-4-0",
    "qwen-image",
)
MAX_BODY_BYTES = 20 * 1024 * 1024
DRAINED_BYTES = 128 * 1024 * 1024
HANGS_SECONDS = 1.0


class StandInServer(ThreadingHTTPServer):
    """The server with its state. `url` is its address."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, key: str = DEFAULT_KEY) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.key, self.studio = key, Studio()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports an error, unless the client has closed the connection."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def running(server: StandInServer) -> Iterator[StandInServer]:
    """Runs the server in its own thread within the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandInServer
    timeout = 300

    def do_GET(self) -> None:
        self._begin()
        if self.path == "/_stand-in/health":
            return self._send(as_json(200, {"status": "ok"}))
        if self.path == "/_stand-in/calls":
            return self._send(as_json(200, self.server.studio.calls.listed()))
        if speaking := [each for each in DIALECTS if self.path.partition("?")[0] == each.models_path]:
            return self._send(self._models(speaking[-1]))
        return self._send(self._file())

    def do_POST(self) -> None:
        self._begin()
        speaking = [each for each in DIALECTS if each.path.fullmatch(self.path)]
        try:
            body = self._body()
        except Rejected as rejected:
            self.close_connection = True
            return self._send((speaking or [NEBULA])[-1].problem(_problem(rejected), self.request_id))
        if speaking:
            call = Call(self.path, self._headers(), body)
            return self._generate(dialect_of(call), call)
        if self.path == "/_stand-in/fault":
            return self._send(self._set_fault(body))
        return self._send(self._not_found())

    def _begin(self) -> None:
        self.id_header = NEBULA.id_header
        self.request_id = time.strftime("%Y%m%d%H%M%S") + uuid.uuid4().hex[:18]

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Rejected("Content-Length is required", 411)
        if int(length) > MAX_BODY_BYTES:
            self._drain(min(int(length), DRAINED_BYTES))
            raise Rejected(f"the body has {length} bytes, more than the {MAX_BODY_BYTES} allowed", 413)
        return self.rfile.read(int(length))

    def _drain(self, left: int) -> None:
        """Reads the rest of the body, so that the client receives the answer."""
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 20))):
            left -= len(chunk)

    def _models(self, dialect: Dialect) -> Answer:
        if not dialect.is_authorised(self._headers(), self.server.key):
            return dialect.problem(Problem("401", *ERRORS["401"]), self.request_id)
        return dialect.models(MODELS)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _file(self) -> Answer:
        content = self.server.studio.files.get(self.path)
        if content is None:
            return self._not_found()
        return Answer(200, content, "image/jpeg" if self.path.endswith(".jpg") else "image/png")

    def _not_found(self) -> Answer:
        said = f"Invalid URL ({self.command} {self.path}) (request id: {self.request_id})"
        return as_json(404, {"error": {"message": said, "type": "new_api_error", "code": "not_found"}})

    def _set_fault(self, body: bytes) -> Answer:
        try:
            said = parsed(body)
            fault = read_fault(str(said["fault"])) if said.get("fault") else None
        except (Rejected, UnknownFault) as error:
            return as_json(400, {"code": 400, "msg": str(error), "data": None})
        times = said.get("times")
        self.server.studio.faults.stand(fault, times if isinstance(times, int) else None)
        return as_json(200, {"fault": fault.name if fault else None, "times": times})

    def _generate(self, dialect: Dialect, call: Call) -> None:
        self.id_header = dialect.id_header
        calls, start = self.server.studio.calls, time.monotonic()
        record = calls.begin()
        answer = self._answer(dialect, call, record)
        seconds = round(time.monotonic() - start, 3)
        calls.note(record, status=answer.status if answer else None, seconds=seconds)
        told = answer.status if answer else "no answer"
        self.log_message("call %d: %s after %.2f s", record["n"], told, seconds)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    def _answer(self, dialect: Dialect, call: Call, record: dict[str, Any]) -> Answer | None:
        """The answer. With None the connection is closed without one."""
        if not dialect.is_authorised(call.headers, self.server.key):
            return dialect.problem(Problem("401", *ERRORS["401"]), self.request_id)
        studio = self.server.studio
        try:
            studio.calls.note(record, **dialect.described(call))
            generation = dialect.read(call, studio.own_file)
            if generation.model not in MODELS:
                said = f"no available channel for model {generation.model} under group default"
                return dialect.problem(Problem("model", 404, said, model=generation.model), self.request_id)
            fault = studio.faults.next_for(generation.instruction)
            studio.calls.note(record, fault=fault.name if fault else None)
            return self._faulty(fault, dialect, generation) if fault else self._made(dialect, generation)
        except (Rejected, UnknownFault) as error:
            return dialect.problem(_problem(error), self.request_id)

    def _made(self, dialect: Dialect, generation: Generation) -> Answer:
        return dialect.answer(generation, self.server.studio.make(generation), self._keep)

    def _keep(self, content: bytes, media_type: str) -> str:
        host = self.headers.get("Host") or self.server.url.removeprefix("http://")
        return f"http://{host}{self.server.studio.files.keep(content, media_type)}"

    def _faulty(self, fault: Fault, dialect: Dialect, generation: Generation) -> Answer | None:
        if fault.name in ERRORS:
            return dialect.problem(Problem(fault.name, *ERRORS[fault.name], fault.retry_after), self.request_id)
        if fault.name == "504":
            return Answer(504, GATEWAY_PAGE, "text/html")
        if fault.name == "refusal":
            return dialect.problem(Problem("refusal", 400, BLOCKED), self.request_id)
        if fault.name == "slow":
            time.sleep(fault.seconds)
        if fault.name == "hang":
            time.sleep(HANGS_SECONDS)
            return None
        if made := oddity(fault.name):
            return dialect.answer(generation, made, self._keep)
        return self._after(fault, dialect, generation)

    def _after(self, fault: Fault, dialect: Dialect, generation: Generation) -> Answer:
        """The answer to a call with the fault `signature` or `cut`, or with one that only delays it."""
        if fault.name == "signature" and generation.model_showed_a_picture:
            return dialect.problem(Problem("signature", 400, SIGNATURE), self.request_id)
        answer = self._made(dialect, generation)
        if fault.name == "cut":
            answer.sent_share = 0.5
        return answer

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header(self.id_header, self.request_id)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * answer.sent_share)])
        if answer.sent_share < 1:
            self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing. `_generate` logs each call without its content."""


def _problem(error: Rejected | UnknownFault) -> Problem:
    status = error.status if isinstance(error, Rejected) else 400
    return Problem("too_large" if status == 413 else "invalid", status, str(error))
