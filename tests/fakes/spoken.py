"""The answers of an image API of any dialect: those of the stand-in, without a server."""

from darkroom.domain.context import Content, Context
from darkroom.providers.dialect import ApiRequest, Dialect, DialectSettings
from darkroom.providers.reply import Reply
from darkroom.streaming.blob import File
from local.image_api.answers import ERRORS, Answer
from local.image_api.dialect import Call, Made, Problem
from local.image_api.dialect import Dialect as Spoken
from local.image_api.dialects import dialect_of
from local.image_api.generation import Generation


def made(dialect: Dialect, *pictures: bytes, words: str = "") -> Reply:
    """The answer with these pictures."""
    spoken, generation = _asked(dialect)
    return _reply(dialect, spoken.answer(generation, Made(pictures, words=words), lambda *_: ""))


def problem(dialect: Dialect, name: str) -> Reply:
    """The answer that nothing was made: a fault of the stand-in, or `refusal`."""
    spoken, _ = _asked(dialect)
    status, message = ERRORS.get(name, (400, "blocked by the content policy"))
    return _reply(dialect, spoken.problem(Problem(name, status, message), "r-1"))


def _asked(dialect: Dialect) -> tuple[Spoken, Generation]:
    """The stand-in's own part for the dialect, and a call as it reads it."""
    request = ApiRequest(Context((Content("user", "a cat"),)), dialect.model, {})
    written = dialect.call(request, DialectSettings())
    call = Call(written.path, {"content-type": written.media_type}, written.body[:])
    spoken = dialect_of(call)
    return spoken, spoken.read(call, lambda _: None)


def _reply(dialect: Dialect, answer: Answer) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status, {"content-type": answer.content_type} | headers, File([answer.body]), 1.0, dialect.name)
