"""What becomes visible: a turn's pictures, and its `result.json` as the last of them."""

import json
from collections.abc import Mapping, Sequence

from darkroom.domain import keys
from darkroom.domain.outcome import Outcome, Picture
from darkroom.domain.ports import ObjectStore
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import ASK_AGAIN, Fault, Rejected, TooManyPixels, Undecodable
from darkroom.pictures import inspect
from darkroom.pictures.inspect import Facts
from darkroom.streaming.blob import Blob
from darkroom.turns import provenance


class Publisher:
    """The results bucket, written once and never over."""

    def __init__(self, objects: ObjectStore, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    def pictures(self, made: Sequence[Blob], prefix: str, origin: Mapping[str, str]) -> list[Picture]:
        """Stores the pictures of an answer; the last is the primary one. Raises Rejected (`no_image`).

        A draft that does not decode is left out, as long as one picture does. `origin` becomes their metadata.
        """
        whole = [(data, facts) for data in made if (facts := _facts(data))]
        if not whole:
            raise Rejected(
                "no_image",
                "the image API answered with a picture that cannot be decoded or is over 100 megapixels",
                hint=f"{ASK_AGAIN} A smaller picture may do.",
                charged=True,
            )
        last = len(whole)
        return [
            self._picture(data, facts, prefix + _name(facts, number, last), origin, primary=number == last)
            for number, (data, facts) in enumerate(whole, start=1)
        ]

    def announce(self, outcome: Outcome, key: str, images: Sequence[ImageRef] = ()) -> None:
        """Writes the outcome's `result.json`: the commit marker, and what consumers are told by.

        `images` are the request's own; a turn may have failed before they were read.
        """
        document = json.dumps(outcome.as_document(), ensure_ascii=False, indent=2)
        uploads = [outcome.upload] if outcome.upload else []
        origin = provenance.metadata(outcome.thread_id, outcome.request_id, *outcome.sources, *images, *uploads)
        self._objects.write_once(self._bucket, key, document.encode(), "application/json", origin)

    def _picture(self, data: Blob, facts: Facts, key: str, origin: Mapping[str, str], *, primary: bool) -> Picture:
        if not self._objects.write_once(self._bucket, key, data, facts.media_type, origin):
            data, facts = self._as_stored(key)
        return Picture(self._bucket, key, facts.media_type, len(data), facts.width, facts.height, facts.sha256, primary)

    def _as_stored(self, key: str) -> tuple[Blob, Facts]:
        """What an earlier attempt wrote: an address may give other bytes when it is fetched again."""
        stored = self._objects.fetch(ImageRef(self._bucket, key))
        facts = _facts(stored.data) if stored else None
        if stored is None or facts is None:
            raise Fault(f"{key} was written, and is no picture")
        return stored.data, facts


def turn_key(outcome: Outcome) -> str:
    """Where a turn's `result.json` lies."""
    return keys.turn_prefix(str(outcome.thread_id), int(outcome.turn or 0), str(outcome.request_id)) + "result.json"


def _name(facts: Facts, number: int, count: int) -> str:
    return f"image{facts.extension}" if count == 1 else f"image-{number}{facts.extension}"


def _facts(data: Blob) -> Facts | None:
    try:
        return inspect.inspect(data)
    except (Undecodable, TooManyPixels):
        return None
