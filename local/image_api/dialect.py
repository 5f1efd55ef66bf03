"""The port of a dialect: how the stand-in is asked, and how it answers, at the real API's paths."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local.image_api.answers import Answer
from local.image_api.generation import Generation
from local.image_api.picture import FetchOwn

Keep = Callable[[bytes, str], str]
"""Keeps a picture of this media type, and returns its address."""


class Call(NamedTuple):
    """A call as it came. Header names are lowercase."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Made(NamedTuple):
    """What was made for a generation: pictures as files of one media type, and words."""

    pictures: tuple[bytes, ...]
    media_type: str = "image/png"
    words: str = ""


class Problem(NamedTuple):
    """Why nothing was made: a fault's name, `invalid`, `too_large` or `model`; and the HTTP status that says so.

    `model` is the one that is not known.
    """

    name: str
    status: int
    message: str
    retry_after: str | None = None
    model: str = ""


class Dialect(NamedTuple):
    """One kind of image API.

    `path` matches the paths of its calls, and `models_path` is where it lists its models.
    `is_authorised` tells whether the headers carry this key.
    `described` is a call as the list of calls shows it, valid or not; `read` is what it asks for. Both raise Rejected.
    `answer` says what was made, `problem` why nothing was; its last argument is the call's own id.
    `models` lists the names of models.
    `is_own` tells whether a call to a path that several dialects have is in this one.
    `id_header` is the header that carries the call's own id.
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
