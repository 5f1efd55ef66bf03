"""The port of a dialect: how to call one kind of image API. `dialect_table` lists the dialects."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from darkroom.domain.context import ApiLimits, Context
from darkroom.domain.outcome import Caution, Usage
from darkroom.domain.price import PICTURES
from darkroom.domain.validation import Shape, optional, value, whole
from darkroom.errors import Rejected
from darkroom.providers.reply import Reply
from darkroom.streaming.base64_blob import decoded
from darkroom.streaming.blob import Blob

MAX_PICTURES = 32  # kept of an answer, more than any has; the last ones are final
RequestStyle = Literal["contents", "contents_and_prompt", "flat"]
ResponseFormat = Literal["b64_json", "url"]
SEVERAL: Mapping[str, Shape] = {PICTURES: optional(value(whole(1, 4)))}  # for dialects whose calls make several
History = Literal["turns", "newest"]  # each call sends all turns, or only the newest picture


class DialectSettings(NamedTuple):
    """The operator's settings of a dialect. Each dialect reads the settings that it knows; these are `nebula`'s."""

    response_format: ResponseFormat = "b64_json"
    request_style: RequestStyle = "contents"


class ApiRequest(NamedTuple):
    """The content of one call of an image API."""

    context: Context
    model: str
    options: Mapping[str, Any]


class ApiCall(NamedTuple):
    """A request as a dialect writes it: a POST to `path`, below the API's address. The body streams from disk."""

    path: str
    media_type: str
    body: Blob


class PreparedCall:
    """A call that is ready to be sent. It is no tuple, because the `repr` of one would show the key."""

    def __init__(self, call: ApiCall, key: str) -> None:
        self.call = call
        self.key = key


class Encoded(NamedTuple):
    """A picture in an answer, as it is written there: Base64, Base64 as JSON writes it, or the bytes themselves.

    `state` goes back to the API with the picture in the next call. Only the dialect reads it.
    """

    written: Blob
    form: Literal["text", "json", "bytes"] = "text"
    state: Blob = b""

    def decoded(self) -> Blob:
        """The picture's bytes; empty if it is not Base64."""
        return self.written if self.form == "bytes" else decoded(self.written, is_json=self.form == "json")


class Answer(NamedTuple):
    """A paid answer: pictures or their addresses, in the API's order, and the model's words.

    `otherwise` is the request's error if the pictures cannot be fetched; None leaves that error to the caller.
    `usage` holds the API's own numbers of the call's use, under its own names.
    """

    pictures: tuple[Encoded | str, ...]
    text: str | None
    provider_request_id: str | None
    warnings: tuple[Caution, ...] = ()
    otherwise: Rejected | None = None
    usage: Usage | None = None


def bearer(key: str) -> tuple[str, str]:
    """The header in which most APIs take the key."""
    return "Authorization", f"Bearer {key}"


class Dialect(NamedTuple):
    """One kind of image API.

    `url` and `model` apply if the operator sets none.
    `retired` are models that are known to be gone, so that an error can say so.
    `history` says how much of a conversation each call sends.
    `call` writes a request. It raises Rejected, before anything is paid, if the API cannot take the request.
    `interpret` is a pure function of a raw reply, so that a spooled reply can be interpreted again. It returns the
    answer, or raises Rejected, Unavailable or Ambiguous.
    `authorise` returns the name and the value of the header that carries the key.
    `request_id` returns the provider's id of the call, if the reply has one.
    `options` are the shapes of the options that it takes. Any other is refused by name before anything is paid.
    `kept_headers` are the reply's headers that the spool keeps, in lowercase.
    `models_path` is the path of the API's list of models.
    """

    name: str
    url: str
    model: str
    retired: frozenset[str]
    history: History
    call: Callable[[ApiRequest, DialectSettings], ApiCall]
    interpret: Callable[[Reply], Answer]
    authorise: Callable[[str], tuple[str, str]]
    request_id: Callable[[Reply], str | None]
    options: Mapping[str, Shape]
    limits: ApiLimits
    kept_headers: tuple[str, ...]
    models_path: str = "/v1/models"
