"""The client of the image API: one call, once. A dialect writes the call and interprets the reply."""

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from darkroom.domain.timing import CONNECT_SECONDS
from darkroom.errors import Ambiguous, Unavailable
from darkroom.providers import transport
from darkroom.providers.dialect import ApiRequest, Dialect, DialectSettings, PreparedCall
from darkroom.providers.reply import CUT, MAX_ANSWER_BYTES, Reply
from darkroom.streaming import compressed, utf16
from darkroom.streaming.blob import CHUNK_BYTES, File, free_disk_bytes

UNQUOTED = "(not quoted, because the key is not at hand)"
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")
SECRET_CHARACTERS = 16  # anything shorter is no key, and may occur in a picture's Base64


class ImageApi:
    """The image API at one address, in one dialect. `timeout` is each call's deadline in seconds.

    `key` returns the key. Its argument says whether the provider has refused the last one.
    """

    def __init__(
        self, url: str, key: Callable[[bool], str], dialect: Dialect, settings: DialectSettings, *, timeout: float
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._dialect = dialect
        self._settings = settings
        self._timeout = timeout
        self._key_is_stale = False

    def prepare(self, request: ApiRequest) -> PreparedCall:
        """Do everything that can fail before a call is counted. Raises Unavailable or Rejected."""
        if free_disk_bytes() < MAX_ANSWER_BYTES:
            raise Unavailable("aws", "there is too little room on the disk for an answer")
        key = self._key(self._key_is_stale)
        self._key_is_stale = False
        return PreparedCall(self._dialect.call(request, self._settings), key)

    def distrust_key(self) -> None:
        """Fetch the key anew for the next call, because the provider refused it."""
        self._key_is_stale = True

    def ask(self, prepared: PreparedCall) -> Reply:
        """Send the call, and return the raw reply. Raises Unavailable if nothing was sent, otherwise Ambiguous."""
        call, secret = prepared.call, Secret(prepared.key)
        sent = transport.Body(call.body)
        started = time.monotonic()
        try:
            with (
                transport.exchange(self._timeout) as session,
                session.post(
                    self._url + call.path,
                    data=sent,
                    headers={"Content-Type": call.media_type, "Accept": "application/json"},
                    auth=_KeyHeader(*self._dialect.authorise(prepared.key)),
                    timeout=(CONNECT_SECONDS, self._timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content, cut = _received(response, secret)
        except (requests.RequestException, OSError, Unavailable) as error:  # the disk may be full after all
            kind = type(error).__name__
            if not sent.was_taken:
                raise Unavailable("unreachable", f"no connection to the image API ({kind})") from error
            raise Ambiguous(f"the connection to the image API was lost after the request was sent ({kind})") from error
        headers = {name.lower(): secret.without(value) for name, value in response.headers.items()} | cut
        seconds = round(time.monotonic() - started, 3)
        return Reply(
            response.status_code, headers, content, seconds, self._dialect.name, without_key=secret.without_pieces
        )

    def without_key(self, words: str) -> str:
        """The words of an answer that another process received, without the key.

        If the key is not available, UNQUOTED takes the place of the words: an answer does not wait for the key.
        """
        try:
            return Secret(self._key(False)).without_pieces(words)
        except Unavailable:
            return UNQUOTED


class _KeyHeader(AuthBase):
    """Sets the header with the key. As the request's `auth`, it keeps `requests` from reading .netrc."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._value
        return request


class Secret:
    """Removes a key from a text in which an API quotes it.

    An API that refuses a key may quote it, and requesters read its words. It may spell any character of the key as
    JSON does (also JSON within JSON), as a URL does or as HTML does. A key of fewer than SECRET_CHARACTERS stays,
    because a picture's Base64 may hold it by chance.
    """

    _MASK = b"[key]"
    _MAX_SPELLING_BYTES = 20  # of one character: the longest are names of HTML, and `\\\\\\\\u006e`

    def __init__(self, key: str) -> None:
        self._key = key.encode() if len(key) >= SECRET_CHARACTERS else b""
        # In JSON, a backslash before one of these begins a spelling. A picture's Base64 may be full of `\/`.
        self._escaped = [b"\\u", *(b"\\" + mark for mark in (b"/", b'"', b"\\") if mark in self._key)]
        self._spellings = list[bytes]()
        self._span = len(self._key) * self._MAX_SPELLING_BYTES

    def without(self, text: str) -> str:
        """The text without the key."""
        return b"".join(self.taken_out([text.encode(errors="surrogateescape")])).decode(errors="surrogateescape")

    def without_pieces(self, words: str) -> str:
        """Words that were joined from pieces, without the key, even if white space splits it."""
        if not self._key:
            return words
        return re.sub(self._spelled(rb"\s{0,9}").decode(), self._MASK.decode(), words)

    def taken_out(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks without the key, even if it spans two chunks."""
        if not self._key:
            yield from chunks
            return
        left, is_picture = b"", None
        for chunk in chunks:
            read = left + chunk if left else chunk
            is_picture = read.startswith(_PICTURES) if is_picture is None else is_picture
            read = self._blotted(read) if is_picture else self._masked(read)
            whole = len(read) - self._begun(read)
            left = read[whole:]
            yield read[:whole]
        yield left

    def _masked(self, read: bytes) -> bytes:
        if self._has_escapes(read):
            return re.sub(self._spelled(b""), self._MASK, read)
        return read.replace(self._key, self._MASK)

    def _blotted(self, read: bytes) -> bytes:
        """A picture file's bytes without the key. The length stays the same, so that every part keeps its place."""
        return read.replace(self._key, self._MASK.ljust(len(self._key), b"*"))

    def _spelled(self, between: bytes) -> bytes:
        """A pattern for every spelling of the key. `between` is the pattern for the bytes between two characters."""
        if not self._spellings:
            self._spellings = [_spellings(character) for character in self._key]
        return between.join(self._spellings)

    def _has_escapes(self, read: bytes) -> bool:
        """Whether a spelling may occur. Single bytes are tried first: that is fast, and most answers have none."""
        return b"%" in read or b"&" in read or (b"\\" in read and any(escape in read for escape in self._escaped))

    def _begun(self, read: bytes) -> int:
        """The number of bytes at the end that may begin a key."""
        end = read[-self._span :]
        if any(beginning in end for beginning in (b"\\", b"%", b"&")):
            return min(len(read), self._span)
        return next((length for length in range(len(self._key) - 1, 0, -1) if read.endswith(self._key[:length])), 0)


def _spellings(character: int) -> bytes:
    """A pattern for all spellings of one ASCII character."""
    digits = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{character:02x}")
    plain = re.escape(bytes([character]))
    from html.entities import html5  # rare: most answers have no escapes, and each import costs at a cold start

    names = [name for name, said in html5.items() if said == chr(character) and name.endswith(";")]
    named = "".join(f"|&{name}" for name in names).encode()
    return rb"(?:%b|\\{1,8}(?:u00%b|%b)|%%%b|&#(?:[xX]0{0,4}%b|0{0,4}%d);%b)" % (
        plain, digits.encode(), plain, digits.encode(), digits.encode(), character, named,
    )  # fmt: skip


def _received(response: requests.Response, secret: Secret) -> tuple[File, dict[str, str]]:
    """The answer, written to disk as it is read, and the header CUT if the connection was lost before its end.

    Reading stops after MAX_ANSWER_BYTES. Raises Ambiguous if a success has brought no byte.
    """
    content, broke = File(), list[Exception]()
    packed = _until_it_breaks(response.raw.stream(CHUNK_BYTES, decode_content=False), broke)
    unpacked = _until_it_breaks(compressed.unpacked(packed, response.headers.get("Content-Encoding", "")), broke)
    for chunk in secret.taken_out(utf16.as_utf8(unpacked)):
        content.append(chunk)
        if len(content) > MAX_ANSWER_BYTES:
            break
    if broke and not len(content) and response.status_code < 400:
        kind = type(broke[0]).__name__
        raise Ambiguous(f"the connection to the image API was lost before its answer came ({kind})") from broke[0]
    return content, {CUT: type(broke[0]).__name__} if broke else {}


def _until_it_breaks(chunks: Iterable[bytes], broke: list[Exception]) -> Iterator[bytes]:
    """The chunks up to their end or to an error, which is added to `broke`."""
    try:
        yield from chunks
    except (requests.RequestException, HTTPError, OSError, zlib.error) as error:
        broke.append(error)
