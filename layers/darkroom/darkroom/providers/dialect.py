"""The port of a dialect: how to speak with one kind of image API. `dialect_table` lists those that there are."""

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

MAX_PICTURES = 32  # of an answer, far over any; the last are the final ones
RequestStyle = Literal["contents", "contents_and_prompt", "flat"]
ResponseFormat = Literal["b64_json", "url"]
SEVERAL: Mapping[str, Shape] = {PICTURES: optional(value(whole(1, 4)))}  # of a dialect whose calls make several
History = Literal["turns", "newest"]  # all turns of a conversation, or its newest picture beside the words of this one


class DialectSettings(NamedTuple):
    """What the operator sets of a dialect. Each dialect reads the settings that it knows: these are `nebula`'s."""

    response_format: ResponseFormat = "b64_json"
    request_style: RequestStyle = "contents"


class ApiRequest(NamedTuple):
    """All that an image API is asked."""

    context: Context
    model: str
    options: Mapping[str, Any]


class ApiCall(NamedTuple):
    """A request as a dialect writes it: a POST to `path`, below the API's address. The body streams from disk."""

    path: str
    media_type: str
    body: Blob


class PreparedCall:
    """A call that needs nothing more than to be sent. It has no `repr`, which would tell the key."""

    def __init__(self, call: ApiCall, key: str) -> None:
        self.call = call
        self.key = key


class Encoded(NamedTuple):
    """A picture in an answer, as it is written there: Base64, Base64 as JSON writes it, or the bytes themselves.

    `state` is what the API wants back beside the picture in the next call: the dialect alone reads it.
    """

    written: Blob
    form: Literal["text", "json", "bytes"] = "text"
    state: Blob = b""

    def decoded(self) -> Blob:
        """Its bytes; no bytes where it is not Base64."""
        return self.written if self.form == "bytes" else decoded(self.written, is_json=self.form == "json")


class Answer(NamedTuple):
    """A paid answer: pictures, or the addresses where they lie, in the API's order; and its words.

    `otherwise` is how the request ends where the pictures cannot be had; None leaves that to whoever looks for them.
    `usage` is what the API says that it used, by its own names.
    """

    pictures: tuple[Encoded | str, ...]
    text: str | None
    provider_request_id: str | None
    warnings: tuple[Caution, ...] = ()
    otherwise: Rejected | None = None
    usage: Usage | None = None


def bearer(key: str) -> tuple[str, str]:
    """The header that carries a key for most APIs."""
    return "Authorization", f"Bearer {key}"


class Dialect(NamedTuple):
    """One kind of image API.

    `url` and `model` hold where the operator names none.
    `retired` are models that are known to be gone: the trouble that they cause is named.
    `history` says how a conversation is reported.
    `call` writes a request. It raises Rejected, free of charge, for one that the API cannot be asked.
    `interpret` is a pure function of a raw reply, so that a spooled reply can be interpreted again. It returns the
    answer, or raises Rejected, Unavailable or Ambiguous.
    `authorise` gives the name and the value of the header that carries the key.
    `request_id` finds the provider's own name for a call in the reply, None where there is none.
    `options` are the shapes of the options that it takes. Others are refused by name before anything is paid.
    `kept_headers` are the reply's headers that the spool keeps, in lowercase.
    `models_path` is where the API lists its models.
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
