"""Reads documents of any form in a reply: pictures, words, reasons to stop, errors.

Answers have pictures in known places; `_KNOWN` lists them. One walk over each document sorts its pictures: those in
known places, those in other places, drafts, and echoes of the request.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

from darkroom.errors import TooLarge
from darkroom.providers import picture_strings, reply_documents, shown_pictures
from darkroom.providers.dialect import MAX_PICTURES, Encoded
from darkroom.providers.error_rules import WORDS_CHARACTERS
from darkroom.providers.picture_strings import Begun, encoded_begins_like_picture, picture_of
from darkroom.providers.reply import MAX_ANSWER_BYTES, without_lone_surrogates
from darkroom.providers.shown_pictures import MAX_TEXT_BYTES, Told
from darkroom.streaming import json_document, packed
from darkroom.streaming.blob import Blob, File, chunks
from darkroom.streaming.json_document import LongString

_MAX_DEPTH, _MAX_INNER = 3, 16  # of documents within strings: a hostile answer may consist of them
_PATH_CHARACTERS = 200

# Paths of names, without their lists; a name is in lowercase, without `_` and `-`.
_ENVELOPE = r"(?:(?:data|response|result|results|body|output|outputs|payload)/){0,4}"
_PICTURE = r"(?:url|uri|src|b64json|b64|base64|data|bytes|imagebytes|imagebase64|imageurl(?:/url)?)"
_KNOWN = re.compile(
    rf"{_ENVELOPE}(?:"
    rf"|body|data|output|outputs|result|results|b64json|b64|base64|url|imageb64|imagebase64|imagebytes|imagedata"
    rf"|(?:image|images|imageurl|imageurls|urls|generatedimages|artifacts|predictions)(?:/(?:image/)?{_PICTURE})?"
    rf"|predictions/bytesbase64encoded"
    rf"|choices/(?:message|delta)/(?:images|content)(?:/{_PICTURE})"
    rf"|choices/(?:message|delta)/images"
    rf"|candidates/content/parts/(?:inlinedata/data|filedata/fileuri)"
    rf"|(?:choices/)?(?:message/)?content/(?:source/)?{_PICTURE}"
    rf"|partialimageb64|item/result)(?:/data)?"  # of Node's Buffer
)
_DOCUMENTED = re.compile(r"(?:data/){0,2}(?:b64json|url)")  # counts as a picture, whatever it looks like
_TEXT = re.compile(
    rf"{_ENVELOPE}(?:revisedprompt|text|content|outputtext|(?:item/|message/)?content/text|message/content"
    rf"|choices/(?:message|delta)/(?:content|content/text|refusal)|candidates/content/parts/text)"
)
_REASON = re.compile(r"(?:.*/)?(?:native)?(?:finish|block|stop)(?:_?reason|message)")
_ECHOES = frozenset(
    ("input", "inputs", "request", "source", "sources", "sourceimage", "original", "originalimage", "initimage",
     "inputimage", "reference", "references", "referenceimages", "prompt", "contents", "logo", "avatar", "icon",
     "error", "errors", "inputimages", "before", "beforeimage", "initialimage", "initimages", "mask", "maskimage",
     "controlimage")
)  # fmt: skip
_DRAFT_MARKS = ("thought", "partial", "ispartial", "draft", "isdraft")
_TASK_IDS = ("taskid", "jobid", "requestid", "predictionid")
_PENDING = frozenset(
    ("submitted", "pending", "queued", "inqueue", "processing", "inprogress", "running", "starting", "started",
     "accepted", "waiting", "notstart", "notstarted", "scheduled", "created")
)  # fmt: skip


class _Place(NamedTuple):
    """The place of a string. `holder` is the number of the list element around it."""

    path: str = ""
    holder: int = 0
    is_draft: bool = False
    is_echo: bool = False
    depth: int = 0  # of JSON within a string of JSON
    is_opaque: bool = False  # it was packed, so the key was not removed from it: its words are not quoted

    @property
    def item(self) -> tuple[int, str]:
        """The object that the string is a member of."""
        return self.holder, self.path.rpartition("/")[0]


class _Picture(NamedTuple):
    """A picture in its place. `number` gives the order of the pictures."""

    number: int
    place: _Place
    picture: Encoded | str


class Found:
    """The findings in the documents so far. Pictures are in the API's order; the last MAX_PICTURES are kept."""

    def __init__(self) -> None:
        self.unusual = deque[Encoded | str](maxlen=MAX_PICTURES)
        self.drafts = deque[Encoded | str](maxlen=MAX_PICTURES)
        self.echoes = deque[Encoded | str](maxlen=MAX_PICTURES)
        self.addresses = deque[str](maxlen=MAX_PICTURES)
        self.reasons = deque[str](maxlen=MAX_PICTURES)
        self.is_task = False
        self.has_ended = False
        self.is_half = False  # the last picture came in pieces, and has no end
        self._known = deque[_Picture](maxlen=MAX_PICTURES)
        self._shown = deque[_Picture](maxlen=MAX_PICTURES)
        self._texts: dict[str, str] = {}
        self._said = ""
        self._heard = 0
        self._inner, self._room = 0, MAX_ANSWER_BYTES
        self._begun = Begun()
        self._deltas = File()  # as JSON writes them: a picture may be cut into very many
        self._numbers = count(1)

    @property
    def pictures(self) -> list[Encoded | str]:
        """The pictures in known places.

        If a list element has a picture of its own, those in its words do not count. If an object has Base64, its
        address does not count.
        """
        holders = {each.place.holder for each in self._known}
        shown = [each for each in self._shown if each.place.holder not in holders]
        inline = {each.place.item for each in self._known if isinstance(each.picture, Encoded)}
        known = [each for each in self._known if isinstance(each.picture, Encoded) or each.place.item not in inline]
        return [each.picture for each in sorted([*known, *shown], key=_number)]

    @property
    def text(self) -> str | None:
        """The model's own words. The pieces of a stream form one text."""
        return "\n".join(dict.fromkeys(filter(None, map(str.strip, self._texts.values())))) or None

    @property
    def said(self) -> str:
        """The first words in any place; they may hold a refusal."""
        return self._said

    def add(self, document: Any, *, is_opaque: bool = False) -> None:
        """Add a document. `is_opaque`: its words are not quoted."""
        self._add(document, _Place(is_opaque=is_opaque))

    def add_files(self, content: Blob) -> bool:
        """Add a picture or the files of an archive. Return whether they hold anything."""
        return self._take_members(content, _Place(is_opaque=True))

    def _add(self, document: Any, place: _Place) -> None:
        for inner, value in self._strings(document, place):
            if len(value):
                self._sort(inner, value)

    @property
    def has_pictures(self) -> bool:
        """Whether a picture in a known place was found."""
        return bool(self._known or self._shown)

    @property
    def has_any(self) -> bool:
        """Whether anything was found that may be a picture, apart from addresses and echoes of the request."""
        return bool(self.has_pictures or self.unusual or self.drafts)

    def doubt(self) -> None:
        """Forget the doubtful pictures in known places, because an error stands beside them.

        An error may name a help page or a sent picture. An address in a list or in `data` is that of a result.
        """
        for kept in (self._known, self._shown):
            believed = [each for each in kept if _is_believed(each)]
            kept.clear()
            kept += believed

    def _strings(self, document: Any, place: _Place) -> Iterator[tuple[_Place, str | LongString]]:
        """Every string, in order."""
        stack = [(document, place)]
        while stack:
            value, place = stack.pop()
            if isinstance(value, dict):
                self._note(value)
                place = place._replace(is_draft=place.is_draft or _is_draft(value))
                stack += [(inner, _below(place, name)) for name, inner in reversed(value.items())]
            elif isinstance(value, list):
                stack += [(inner, place._replace(holder=next(self._numbers))) for inner in reversed(value)]
            elif isinstance(value, str | LongString):
                yield place, value

    def _note(self, members: Mapping[str, Any]) -> None:
        """Note whether an object is a pending task, and whether it ends a stream."""
        names = {_plain(name): value for name, value in members.items()}
        status = next((names[name] for name in ("taskstatus", "status", "state") if name in names), "")
        if _plain(str(status)) in _PENDING:
            self.is_task = self.is_task or any(name == "id" or name.endswith(_TASK_IDS) for name in names)
        is_last = str(names.get("type") or "").endswith((".completed", ".done"))
        self.has_ended = self.has_ended or is_last or bool(names.get("finishreason") or names.get("stopreason"))

    def _sort(self, place: _Place, value: str | LongString) -> None:
        if "/delta/" in place.path and not place.is_opaque and _TEXT.fullmatch(place.path):
            self._go_on(place, value)
        elif picture_strings.is_picture(value) or (picture_strings.is_address(value) and _KNOWN.fullmatch(place.path)):
            self._take(place, picture_of(value))
        elif self._begun.goes_on(place.path, value) or self._unpack(place, value):
            return
        elif begun := self._begun.beginning(place.path, value):
            self._take(place, begun)
        elif _DOCUMENTED.fullmatch(place.path) and _is_visible(value):
            shown = shown_pictures.told(value).pictures if isinstance(value, str) else []
            for picture in shown or [picture_of(value)]:
                self._take(place, picture)
        elif _TEXT.fullmatch(place.path):
            self._hear(place, shown_pictures.told(value))
        else:
            self._overhear(place, value)

    def _go_on(self, place: _Place, value: str | LongString) -> None:
        """Add a piece of a stream's words."""
        if isinstance(value, str):
            self._deltas.append(json.dumps(without_lone_surrogates(value))[1:-1].encode())
        elif not self._unpack(place, value):
            for part in chunks(value):
                self._deltas.append(part)

    def _unpack(self, place: _Place, value: str | Blob) -> bool:
        """Unpack a string that holds a wrapped body or an encoded picture, and add that.

        Return whether it holds any.
        """
        if place.depth >= _MAX_DEPTH or self._inner >= _MAX_INNER:
            return False
        if (content := picture_strings.unpacked(value, self._room)) is None:
            return False
        self._inner += 1
        self._room -= len(content)
        is_opaque = place.is_opaque or not picture_strings.is_document(value)
        return self._take_members(content, place._replace(depth=place.depth + 1, is_opaque=is_opaque))

    def _take_members(self, content: Blob, place: _Place) -> bool:
        found = False
        for each in packed.members(content, self._room):
            found = self._look_into(each, place) or found
        return found

    def _look_into(self, content: Blob, place: _Place) -> bool:
        """Add a picture or a document. Return whether there is one."""
        if picture := picture_strings.bare(content):
            self._take(place, picture)
            return True
        with suppress(ValueError, RecursionError, TooLarge):
            text = reply_documents.with_lists_as_base64(content) or content
            if isinstance(document := json_document.parsed(text), dict | list):
                self._add(document, place)
                return True
        return self._unpack(place, content)

    def _take(self, place: _Place, picture: Encoded | str, *, is_shown: bool = False) -> None:
        """Add a picture. `is_shown`: it stands in words that are not the model's."""
        self._join_chunks()
        self._begun.begin(place.path, picture)
        if place.is_echo:
            self.echoes.append(picture)
        elif place.is_draft:
            self.drafts.append(picture)
        elif not is_shown and (_KNOWN.fullmatch(place.path) or _TEXT.fullmatch(place.path)):
            self._known.append(_Picture(next(self._numbers), place, picture))
        else:
            self.unusual.append(picture)

    def _join_chunks(self) -> Encoded | None:
        """Put a picture in the place of its first chunk, and return it, if it has several chunks."""
        if not (found := self._begun.whole()):
            return None
        first, whole = found
        for kept in (self.unusual, self.drafts, self.echoes):
            for number, picture in enumerate([*kept]):
                kept[number] = whole if picture is first else picture
        for number, known in enumerate([*self._known]):
            self._known[number] = known._replace(picture=whole) if known.picture is first else known
        return whole

    def _hear(self, place: _Place, said: Told) -> None:
        """Add words of the model's."""
        if place.is_draft or place.is_echo:
            return
        if self._heard < MAX_TEXT_BYTES and not place.is_opaque:
            self._heard += len(said.words) + 1
            at = f"{place.path} {place.holder}"
            self._texts[at] = self._texts.get(at, "") + said.words
        self._shown += [_Picture(next(self._numbers), place, picture) for picture in said.pictures]
        self.addresses += said.addresses
        self._say(said.words)

    def end(self) -> None:
        """End the reading, and join the pieces."""
        if last := self._join_chunks():
            self.is_half = not picture_strings.has_its_end(last.decoded())
        if len(self._deltas):
            self._hear(_Place("delta"), shown_pictures.told(LongString(self._deltas, 0, len(self._deltas))))

    def _overhear(self, place: _Place, value: str | LongString) -> None:
        """Read a string in a place that has no words of the model's. It may still show a picture."""
        self._say(repr(value) if isinstance(value, LongString) else value)
        if isinstance(value, str) and _REASON.fullmatch(place.path) and not place.is_opaque:
            self.reasons.append(value)
        said = shown_pictures.told(value)
        for picture in said.pictures:
            self._take(place, picture, is_shown=True)
        if not place.is_echo:
            self.addresses += said.addresses

    def _say(self, words: str) -> None:
        if len(self._said) < WORDS_CHARACTERS:
            self._said += f" {words[:WORDS_CHARACTERS]}"


def _number(each: _Picture) -> int:
    return each.number


def _begins_like_picture(picture: Encoded | str) -> bool:
    return isinstance(picture, Encoded) and (picture.form == "bytes" or encoded_begins_like_picture(picture))


def _is_believed(each: _Picture) -> bool:
    if isinstance(each.picture, Encoded):
        return _begins_like_picture(each.picture)
    return bool(each.place.holder) or each.place.path.startswith("data/")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _below(place: _Place, name: str) -> _Place:
    plain = _plain(name)
    path = f"{place.path}/{plain}" if place.path else plain
    is_echo = plain in _ECHOES and not path.endswith("content/source")  # it holds the model's own picture
    return place._replace(path=path[-_PATH_CHARACTERS:], is_echo=place.is_echo or is_echo)


def _is_draft(members: Mapping[str, Any]) -> bool:
    if "partial" in str(members.get("type", "")):
        return True
    return any(members[name] is True for name in members if _plain(name) in _DRAFT_MARKS)


def _is_visible(value: str | LongString) -> bool:
    return isinstance(value, LongString) or bool(value.strip())
