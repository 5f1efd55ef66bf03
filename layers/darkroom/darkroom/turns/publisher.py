"""Publishes a turn: its pictures first, and its `result.json` last."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from darkroom.domain import keys
from darkroom.domain.outcome import Caution, Outcome, Picture
from darkroom.domain.ports import ObjectStore
from darkroom.domain.price import pictures_asked
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.timing import MAX_CHECKS
from darkroom.errors import ASK_AGAIN, Fault, Rejected, TooManyPixels, Undecodable
from darkroom.pictures import inspect, marking, strip_metadata
from darkroom.pictures.inspect import Facts, Inspected
from darkroom.pictures.marking import SourceType
from darkroom.pictures.renditions import Renditions
from darkroom.streaming.blob import Blob, HashedBlob, sha256
from darkroom.turns import cautions, provenance
from darkroom.turns.cautions import Asked


class Made(NamedTuple):
    """A picture of an answer. `state` goes back to the API with the next turn."""

    data: Blob
    state: Blob = b""


class Published(NamedTuple):
    """The pictures of a turn, and warnings about them. `has_state`: the API's state lies beside the primary one."""

    pictures: list[Picture]
    warnings: list[Caution]
    has_state: bool


class Publisher:
    """Writes the results bucket, each object once. `refuse` takes an outcome without a turn, and its key.

    `is_marking`: mark pictures that say nothing of their making.
    """

    def __init__(
        self,
        objects: ObjectStore,
        bucket: str,
        refuse: Callable[[Outcome, str], None] = lambda *_: None,
        *,
        is_marking: bool = True,
    ) -> None:
        self._objects = objects
        self._bucket = bucket
        self._refuse = refuse
        self._is_marking = is_marking

    def pictures(
        self, made: Sequence[Made], prefix: str, origin: Mapping[str, str], asked: Asked, renditions: Renditions
    ) -> Published:
        """Store the pictures of an answer, and return them with their warnings.

        If several were requested, the first is the primary one. Otherwise the last is, and those before it are drafts.
        A picture that does not decode is left out if another one does; so is a repeated one. `origin` becomes their
        metadata. `renditions` decode those that are too large to be decoded here.

        Raises Rejected (`no_image`), or Unavailable.
        """
        source_type = marking.source_type(has_source=asked.has_source) if self._is_marking else None
        doubts = _Doubts(renditions, source_type)
        inspected = [(found, each.state) for each in made if (found := doubts.inspected(each.data))]
        whole = _once([found for found, _ in inspected])
        if not whole:
            raise Rejected(
                "no_image",
                "the image API answered with a picture that cannot be decoded or is over 100 megapixels",
                hint=f"{ASK_AGAIN} A smaller picture may do.",
                charged=True,
            )
        primary = whole[0] if pictures_asked(asked.options) > 1 else whole[-1]
        named = [(_name(found.facts, number, len(whole)), found) for number, found in enumerate(whole, start=1)]
        warnings = [
            caution
            for name, found in named
            for caution in cautions.of(name, found, asked, is_unverified=doubts.are_about(found))
        ]
        pictures = [
            self._picture(found, source_type, prefix + name, origin, primary=found is primary) for name, found in named
        ]
        state = next(state for found, state in inspected if found is primary)
        if len(state):
            self._objects.write_once(self._bucket, prefix + keys.STATE, state, "application/json", origin)
        return Published(pictures, warnings, bool(len(state)))

    def announce(self, outcome: Outcome, key: str, images: Sequence[ImageRef] = ()) -> None:
        """Write the outcome's `result.json`: the commit marker, whose event informs consumers.

        `images` are the request's own; a turn may have failed before they were read.
        """
        document = json.dumps(outcome.as_document(), ensure_ascii=False, indent=2)
        uploads = [outcome.upload] if outcome.upload else []
        origin = provenance.metadata(outcome.thread_id, outcome.request_id, *outcome.sources, *images, *uploads)
        self._objects.write_once(self._bucket, key, document.encode(), "application/json", origin)
        if outcome.turn is None:
            self._refuse(outcome, key)

    def _picture(
        self, found: Inspected, source_type: SourceType | None, key: str, origin: Mapping[str, str], *, primary: bool
    ) -> Picture:
        file, provenance = marking.marked(found.data, source_type)
        data, facts = HashedBlob(file), found.facts
        if not self._objects.write_once(self._bucket, key, data, facts.media_type, origin):
            stored = self._as_stored(key)
            if stored.sha256 != data.sha256:
                data, facts, provenance = stored, inspect.facts(stored), marking.carried(stored)
        size = facts.width, facts.height
        return Picture(self._bucket, key, facts.media_type, len(data), *size, data.sha256, primary, provenance)

    def _as_stored(self, key: str) -> HashedBlob:
        """The file that an earlier attempt wrote. An address may return other bytes when it is fetched again."""
        stored = self._objects.fetch(ImageRef(self._bucket, key))
        if stored is None:
            raise Fault(f"{key} was written, and is gone")
        return HashedBlob(stored.data)


class _Doubts:
    """Inspects the pictures of one answer, and keeps a list of those that may be incomplete.

    An answer is paid, so a picture is published even if `on_picture` fails on it.
    """

    def __init__(self, renditions: Renditions, source_type: SourceType | None) -> None:
        self._renditions = renditions
        self._source_type = source_type
        self._checks_left = MAX_CHECKS
        self._unverified: list[Blob] = []

    def inspected(self, data: Blob) -> Inspected | None:
        """The picture; None if it cannot be decoded. Raises Unavailable."""
        try:
            return inspect.inspect(data, self._read)
        except (Undecodable, TooManyPixels):
            return None

    def are_about(self, picture: Inspected) -> bool:
        return any(data is picture.data for data in self._unverified)

    def _read(self, data: Blob) -> bool:
        if self._checks_left:
            self._checks_left -= 1
            published, _ = marking.marked(data, self._source_type)  # an erasure looks for the published file's hash
            with suppress(Fault):
                return self._renditions.check(published, sha256(published))
        self._unverified.append(data)
        return False


def turn_key(outcome: Outcome) -> str:
    """The key of a turn's `result.json`."""
    return keys.turn_prefix(str(outcome.thread_id), int(outcome.turn or 0), str(outcome.request_id)) + "result.json"


def _name(facts: Facts, number: int, count: int) -> str:
    return f"image{facts.extension}" if count == 1 else f"image-{number}{facts.extension}"


def _once(pictures: Sequence[Inspected]) -> list[Inspected]:
    """Each picture once: the last of those with the same pixels. An API may return the final one as a draft, too."""
    return [
        picture
        for number, picture in enumerate(pictures)
        if not any(_are_the_same(picture, later) for later in pictures[number + 1 :])
    ]


def _are_the_same(one: Inspected, other: Inspected) -> bool:
    return one.facts == other.facts and strip_metadata.have_same_pixels(one.data, other.data)
