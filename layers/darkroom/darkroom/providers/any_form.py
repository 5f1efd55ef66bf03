"""What replies in any form mean: errors, other providers' answers, and what a relay makes of them."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from darkroom.domain.outcome import Caution
from darkroom.errors import ASK_AGAIN, Ambiguous, DarkroomError, Rejected, TooLarge, Unavailable
from darkroom.providers import error_rules, picture_strings, reply_documents, shown_pictures
from darkroom.providers.answer_reader import Found
from darkroom.providers.dialect import Answer, Encoded
from darkroom.providers.error_rules import SAY_MORE, Stated
from darkroom.providers.picture_strings import HEAD_BYTES, long_picture_of
from darkroom.providers.reply import CUT, MAX_ANSWER_BYTES, QUOTED_CHARACTERS, Reply, redacted
from darkroom.providers.reply_documents import BROKEN, DONE, EVENT
from darkroom.streaming import packed
from darkroom.streaming.blob import Blob, Part
from darkroom.streaming.json_document import LONG_BYTES, LongString

UNUSUAL = Caution(
    "unusual_answer",
    "The picture stood in a place where answers have none. It may be a picture that was sent, or a logo.",
)
DRAFT = Caution("draft", "The answer ended before its final picture. This is its newest draft.")
_MAX_LAYERS = 3  # in which a whole body is packed
_OBJECT = re.compile(rb"\s*[\[{]")
_MARKUP = re.compile(r"[\[{]|<(?!img\b)", re.IGNORECASE)
_HTML = re.compile(rb"\s*<(?:!doctype\s+)?html", re.IGNORECASE)


class _Read:
    """A reply's documents, read: what they hold, and the first error that they state."""

    def __init__(self, reply: Reply) -> None:
        self.found = Found()
        self.error: Stated | None = None
        self.beside: Stated | None = None  # an error that stands beside pictures
        self.is_cut = False  # the last document is none
        self.is_done = False  # it says so at its end
        self.documents = 0
        self.too_large = ""
        self.is_stream = False  # it came in pieces, so that its end may be missing
        self._reply = reply
        self._is_opaque = False  # it was packed, so that nobody has looked for the key in it
        try:
            self._read(_without_mark(reply.body))
        except TooLarge as error:
            self.too_large = str(error)
        self.found.end()

    def _read(self, text: Blob, layers: int = _MAX_LAYERS) -> None:
        if layers and (inner := picture_strings.unpacked(text, MAX_ANSWER_BYTES)) is not None:
            self._is_opaque = True
            self._read(reply_documents.with_lists_as_base64(inner) or inner, layers - 1)
            return
        if packed.is_archive(text) or (layers < _MAX_LAYERS and picture_strings.bare(text)):
            self.documents += self.found.add_files(text)
            return
        whole = reply_documents.document(text)
        if whole is not BROKEN:
            self._add(whole)
            return
        for document in reply_documents.pieces(text):
            self.is_stream = self.is_stream or document is EVENT
            self._add(document)
        is_over = self.is_done or (self.found.has_ended and not self.is_cut)
        if self.is_stream and is_over and not self.found.has_any and not self.error:
            self._end_stream(text)

    def _end_stream(self, text: Blob) -> None:
        """A stream that came to its end is an answer, whether its events are JSON or not."""
        if 200 <= self._reply.status < 300 and CUT not in self._reply.headers:
            self.documents += 1
            self.is_cut = False
            self.hear(reply_documents.words(text))

    def hear(self, words: Blob) -> None:
        """Adds a text that is no JSON, as the model's own words."""
        said = (
            LongString(words, 0, len(words)) if len(words) > LONG_BYTES else words[:].decode(errors="replace").strip()
        )
        is_address = isinstance(said, str) and picture_strings.is_address(said) and len(said.split()) == 1
        self.found.add({"url" if is_address else "content": said}, is_opaque=self._is_opaque)

    def _add(self, document: Any) -> None:
        self.is_cut = document is BROKEN
        if document is DONE:
            self.found.has_ended = self.is_done = True
        elif document is not BROKEN and document is not EVENT:
            self.documents += 1
            self._judge(document)

    def _judge(self, document: Any) -> None:
        """Pictures beside a code that we do not know, and no word of an error, were made. Beside an error only what
        begins like a picture was, or has an address as results have: one of two that were asked for, or what a relay
        got in spite of it.
        """
        had_pictures = self.found.has_pictures
        self.found.add(document, is_opaque=self._is_opaque)
        stated = next(filter(None, (error_rules.stated(each, self._reply) for each in _dictionaries(document))), None)
        if not stated:
            return
        is_code_alone = self._reply.status < 300 and not any(map(error_rules.says_no_at_all, _dictionaries(document)))
        if not had_pictures and not is_code_alone:
            self.found.doubt()
        if self._is_opaque:
            stated = stated._replace(message="an error in a packed answer", request_id=None)
        if not self.found.has_pictures:
            self.error = self.error or stated
        elif not is_code_alone:
            self.beside = self.beside or stated


def interpret(reply: Reply) -> Answer:
    """The answer in a reply. Raises Rejected, Unavailable or Ambiguous, by what the reply says of the call."""
    if _is_success(reply) and CUT not in reply.headers and (picture := picture_strings.bare(reply.body)):
        return Answer((picture,), None, error_rules.request_id(reply))
    read = _read(reply)
    if not read.documents and not read.found.unusual:
        raise _unreadable(read, reply)
    if 300 <= reply.status < 400:
        raise error_rules.redirect(reply)
    if read.error and not read.found.has_pictures:
        raise error_rules.error(read.error, reply)
    if not _is_success(reply) and not read.found.has_pictures:
        raise error_rules.page(reply)
    return _answer(read, reply)


def _read(reply: Reply) -> _Read:
    if _is_success(reply) and (text := reply_documents.with_lists_as_base64(reply.body)):
        reply = replace(reply, body=text)
    read = _Read(reply)
    if not _is_success(reply) or read.found.has_any:
        return read
    is_all = read.documents and not read.is_cut
    if not is_all and not read.is_stream and not _HTML.match(reply.body[:HEAD_BYTES]):
        read.found.unusual.extend(_among_others(reply))
    if not read.found.unusual and not read.documents and not read.is_stream and _shows_picture(reply):
        read.hear(reply.body)
        read.found.end()
        read.documents, read.is_cut = 1, False
    return read


def _shows_picture(reply: Reply) -> bool:
    """Whether a body is words, and these show a picture or are an address. A page's pictures are logos."""
    if CUT in reply.headers or len(reply.body) > shown_pictures.MAX_TEXT_BYTES:
        return False
    words = reply.body[:].decode(errors="replace").strip()
    if _MARKUP.match(words):
        return False
    said = shown_pictures.told(words)
    return bool(said.pictures or said.addresses or (picture_strings.is_address(words) and len(words.split()) == 1))


def _among_others(reply: Reply) -> Iterator[Encoded]:
    """Whole pictures in a body that nobody can read, whatever stands around them. A page in HTML shows a logo so."""
    quoted = [(each.stop, long_picture_of(each)) for each in shown_pictures.quoted(reply.body)]
    whole = [each for stop, each in quoted if stop < len(reply.body) or picture_strings.has_its_end(each.decoded())]
    yield from whole
    if not whole and CUT not in reply.headers:
        yield from shown_pictures.embedded(reply.body)


def _is_success(reply: Reply) -> bool:
    """Whether the reply's status is one of success."""
    return 200 <= reply.status < 300


def _unreadable(read: _Read, reply: Reply) -> DarkroomError:
    """Of what is no JSON, or no more than its beginning. JSON that came to its end was paid, whatever it is."""
    if CUT in reply.headers and _is_success(reply):
        return Ambiguous("the connection to the image API was lost in the middle of its answer")
    if reply.status == 204 and not len(reply.body):
        return error_rules.endless(reply, "it has no content")
    if read.too_large or len(reply.body) >= MAX_ANSWER_BYTES:
        return error_rules.endless(reply, read.too_large or f"it is over {MAX_ANSWER_BYTES:,} bytes")
    is_json = _OBJECT.match(reply.body[:HEAD_BYTES]) and reply.body[-HEAD_BYTES:].rstrip()[-1:] in (b"}", b"]")
    if is_json and _is_success(reply):
        return error_rules.endless(reply, "it is no JSON that can be read")
    return error_rules.page(reply)


def _dictionaries(document: Any) -> list[dict[str, Any]]:
    """The document, or the elements of one that is a list, where errors are looked for."""
    elements = document if isinstance(document, list) else [document]
    return [element for element in elements if isinstance(element, dict)]


def _without_mark(body: Blob) -> Blob:
    """The body without UTF-8's byte order mark."""
    return Part(body, len(BOM_UTF8), len(body)) if body[: len(BOM_UTF8)] == BOM_UTF8 else body


def _answer(read: _Read, reply: Reply) -> Answer:
    found, text, request_id = read.found, read.found.text, error_rules.request_id(reply)
    is_over = not read.is_cut and (found.has_ended or not read.is_stream)
    pictures = found.pictures
    if not is_over and found.is_half and len(pictures or found.unusual) == 1:
        raise Ambiguous("the image API's answer was cut off in the middle of its picture")
    if pictures:
        return Answer(tuple(pictures), text, request_id, otherwise=read.beside and _paid(read.beside, reply))
    if found.unusual:
        return Answer(tuple(found.unusual), text, request_id, (UNUSUAL,))
    if found.drafts and is_over:
        return Answer((found.drafts[-1],), text, request_id, (DRAFT,))
    if not is_over:
        raise Ambiguous("the image API's answer was cut off before its picture")
    without = _without_picture(read, reply)
    if found.addresses:
        return Answer(tuple(dict.fromkeys(found.addresses)), text, request_id, otherwise=without)
    if found.echoes and without.code == "no_image":
        return Answer(tuple(found.echoes), text, request_id, (UNUSUAL,), without)
    raise without


def _paid(stated: Stated, reply: Reply) -> Rejected:
    """How a request ends whose answer states an error, and names pictures that cannot be had: they were made."""
    error = error_rules.error(stated, reply)
    if isinstance(error, Rejected):
        error.charged = True
        return error
    message = error.message if isinstance(error, Unavailable) else str(error)
    return Rejected("no_image", message, hint=ASK_AGAIN, charged=True, provider_request_id=stated.request_id)


def _without_picture(read: _Read, reply: Reply) -> Rejected:
    """Why an answer that was paid has no picture."""
    found, text = read.found, read.found.text
    reasons = redacted(", ".join(dict.fromkeys(found.reasons)))[:QUOTED_CHARACTERS]
    said = f" ({reasons})" if reasons else ""
    if not read.is_stream and (found.is_task or reply.status == 202):
        return Rejected(
            "no_image", "the image API answered with a task, and not with a picture",
            hint="Darkroom polls no tasks. The operator names a model or an address that answers with the picture.",
            charged=True, provider_request_id=error_rules.request_id(reply), trouble="configuration",
        )  # fmt: skip
    if text or error_rules.is_refusal(found.said, reasons):
        return Rejected(
            "refused", f"the model answered without a picture{said}",
            hint="A refusal or a question, in its own words. Say it differently.",
            text=text, charged=True, provider_request_id=error_rules.request_id(reply),
        )  # fmt: skip
    return Rejected(
        "no_image", f"the image API answered with neither picture nor words{said}",
        hint=SAY_MORE, charged=True, provider_request_id=error_rules.request_id(reply),
    )  # fmt: skip
