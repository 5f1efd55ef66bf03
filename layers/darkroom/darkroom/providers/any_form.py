"""Interprets replies of any form: errors, other providers' answers, and the variants of relays."""

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
_MAX_LAYERS = 3  # of packing around a whole body
_OBJECT = re.compile(rb"\s*[\[{]")
_MARKUP = re.compile(r"[\[{]|<(?!img\b)", re.IGNORECASE)
_HTML = re.compile(rb"\s*<(?:!doctype\s+)?html", re.IGNORECASE)


class _Read:
    """The contents of a reply's documents, and the first error that they state."""

    def __init__(self, reply: Reply) -> None:
        self.found = Found()
        self.error: Stated | None = None
        self.beside: Stated | None = None  # an error that stands beside pictures
        self.is_cut = False  # the last document is broken
        self.is_done = False  # the stream's end mark has come
        self.documents = 0
        self.too_large = ""
        self.is_stream = False  # it came in pieces, so that its end may be missing
        self._reply = reply
        self._is_opaque = False  # it was packed, so the key was not removed from it
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
        """Take the events' words as the answer: a complete stream is one, even if its events are no JSON."""
        if 200 <= self._reply.status < 300 and CUT not in self._reply.headers:
            self.documents += 1
            self.is_cut = False
            self.hear(reply_documents.words(text))

    def hear(self, words: Blob) -> None:
        """Add a text that is no JSON as the model's own words."""
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
        """Add a document, and decide whether its error or its pictures count.

        Pictures beside an unknown code without an error's words count. Beside an error, a picture counts if it begins
        like one or has an address in a result's place: the API may have made one of two pictures, or a relay may have
        got it in spite of the error.
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
    """The answer in a reply. If there is none, raises Rejected, Unavailable or Ambiguous, according to the reply."""
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
    """Whether a body is text that shows a picture or is an address. Markup is not: a page's pictures are logos."""
    if CUT in reply.headers or len(reply.body) > shown_pictures.MAX_TEXT_BYTES:
        return False
    words = reply.body[:].decode(errors="replace").strip()
    if _MARKUP.match(words):
        return False
    said = shown_pictures.told(words)
    return bool(said.pictures or said.addresses or (picture_strings.is_address(words) and len(words.split()) == 1))


def _among_others(reply: Reply) -> Iterator[Encoded]:
    """Whole pictures in an unreadable body, whatever surrounds them. The caller leaves out HTML: it shows logos."""
    quoted = [(each.stop, long_picture_of(each)) for each in shown_pictures.quoted(reply.body)]
    whole = [each for stop, each in quoted if stop < len(reply.body) or picture_strings.has_its_end(each.decoded())]
    yield from whole
    if not whole and CUT not in reply.headers:
        yield from shown_pictures.embedded(reply.body)


def _is_success(reply: Reply) -> bool:
    """Whether the reply's status is one of success."""
    return 200 <= reply.status < 300


def _unreadable(read: _Read, reply: Reply) -> DarkroomError:
    """The error for a body that is no JSON or only its beginning. Complete JSON was paid, whatever it holds."""
    if CUT in reply.headers and _is_success(reply):
        return Ambiguous("the connection to the image API was lost in the middle of its answer")
    if reply.status == 204 and not len(reply.body):
        return error_rules.endless(reply, "it has no content")
    if read.too_large or len(reply.body) >= MAX_ANSWER_BYTES:
        return error_rules.endless(reply, read.too_large or f"it is over {MAX_ANSWER_BYTES:,} bytes")
    is_json = _OBJECT.match(reply.body[:HEAD_BYTES]) and reply.body[-HEAD_BYTES:].rstrip()[-1:] in (b"}", b"]")
    if is_json and _is_success(reply):
        return error_rules.endless(reply, "its JSON cannot be read")
    return error_rules.page(reply)


def _dictionaries(document: Any) -> list[dict[str, Any]]:
    """The objects that may hold an error: the document, or its elements if it is a list."""
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
    """The error if an answer states one and its pictures cannot be fetched. It is charged: they were made."""
    error = error_rules.error(stated, reply)
    if isinstance(error, Rejected):
        error.charged = True
        return error
    message = error.message if isinstance(error, Unavailable) else str(error)
    return Rejected("no_image", message, hint=ASK_AGAIN, charged=True, provider_request_id=stated.request_id)


def _without_picture(read: _Read, reply: Reply) -> Rejected:
    """The error for a paid answer without a picture."""
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
            hint="The model refuses or asks a question: `text` has its words, if any. Say it differently.",
            text=text, charged=True, provider_request_id=error_rules.request_id(reply),
        )  # fmt: skip
    return Rejected(
        "no_image", f"the image API answered with neither picture nor words{said}",
        hint=SAY_MORE, charged=True, provider_request_id=error_rules.request_id(reply),
    )  # fmt: skip
