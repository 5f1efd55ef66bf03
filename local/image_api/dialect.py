"""The port of a dialect: it translates calls and answers at the real API's paths."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local.image_api.answers import Answer
from local.image_api.generation import Generation
from local.image_api.picture import FetchOwn

Keep = Callable[[bytes, str], str]
"""Keeps a picture of this media type, and returns its address."""


class Call(NamedTuple):
    """A call as it was received. Header names are lowercase."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Made(NamedTuple):
    """The result of a generation: pictures as files of one media type, and words."""

    pictures: tuple[bytes, ...]
    media_type: str = "image/png"
    words: str = ""


class Problem(NamedTuple):
    """The reason why nothing was made, with its HTTP status. `name` is a fault's, `invalid`, `too_large` or `model`.

    `model` is the name of an unknown model.
    """

    name: str
    status: int
    message: str
    retry_after: str | None = None
    model: str = ""


class Dialect(NamedTuple):
    """One kind of image API.

    `path` matches the paths of its calls, and `models_path` is the path of its list of models.
    `is_authorised` tells whether the headers carry this key.
    `described` describes a call for the list of calls, valid or not. It raises Rejected.
    `read` translates a call into a generation. It raises Rejected.
    `answer` translates the result of a generation.
    `problem` translates a problem. Its last argument is the call's id.
    `models` lists the names of models.
    `is_own` tells whether a call is in this dialect, if several dialects share its path.
    `id_header` is the header that carries the call's id.
    """

    path: re.Pattern[str]
    models_path: str
    is_authorised: Callable[[Mapping[str, str], str], bool]
    described: Callable[[Call], dict[str, Any]]
    read: Callable[[Call, FetchOwn], Generation]
    answer: Callable[[Generation, Made, Keep], Answer]
    problem: Callable[[Problem, str], Answer]
    models: Callable[[tuple[str, ...]], Answer]
    is_own: Callable[[Call], bool] = lambda _: True
    id_header: str = "X-Oneapi-Request-Id"
