"""Judges one file before it is uploaded: by its name, its bytes, and the files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.batches import batch_file
from darkroom.domain import request_file, upload
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.domain.upload import Kind, Upload
from darkroom.domain.validation import Shape
from darkroom.errors import Rejected, TooLarge
from darkroom.providers.dialect_table import DIALECTS
from darkroom.uploads import beside, hints, instruction_text, pairing
from darkroom.uploads.instruction_lookup import Instructions
from darkroom_client.checking import lines, photos
from darkroom_client.checking.folder import LocalFolder

BUCKET = "uploads"  # stands for the bucket of any stack
MAX_REQUEST_BYTES = 1 << 20
MAX_FAULTS = 20  # faults of a batch file that are listed


class _AnyBucket(tuple[str, ...]):
    """All buckets, because the stack's own are unknown here."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


def _of_any_dialect() -> Mapping[str, Shape]:
    """The options of all dialects, because the stack's own is unknown here. Of equal names the first shape applies."""
    return {name: shape for dialect in reversed([*DIALECTS.values()]) for name, shape in dialect.options.items()}


RULES = RequestRules(_AnyBucket(), _of_any_dialect())


@dataclass(frozen=True, slots=True)
class Verdict:
    """The kind of a file, and its effect. `says` completes the sentence "*key* …".

    `goes_with` has the keys of the files that belong to it. `thread` is None if it belongs to no thread. A file with a
    problem starts nothing. A file with a warning starts its request.
    """

    key: str
    kind: Kind
    says: str
    thread: str | None = None
    goes_with: tuple[str, ...] = ()
    instruction: str | None = None
    problems: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def of_file(folder: LocalFolder, key: str) -> Verdict:
    """The verdict on the file that would become the object of this key."""
    arrived = upload.of_key(BUCKET, key)
    judge = _JUDGES[arrived.kind]
    try:
        path = folder.path(key)
        if path and not path.stat().st_size and arrived.kind not in ("noise", "unsupported", "folder_instruction"):
            raise hints.empty(arrived)
        found: Verdict = judge(folder, arrived)
    except Rejected as rejected:
        return Verdict(key, arrived.kind, "comes to nothing", problems=(rejected,))
    return found


def _noise(_: LocalFolder, arrived: Upload) -> Verdict:
    return Verdict(arrived.key, arrived.kind, "is ignored: a system or a program made it")


def _unsupported(_: LocalFolder, arrived: Upload) -> Verdict:
    raise hints.unsupported(arrived)


def _folder_instruction(folder: LocalFolder, arrived: Upload) -> Verdict:
    if arrived.name != upload.FOLDER_INSTRUCTION:
        raise hints.misnamed(arrived)
    said = instruction_text.of_text(_read(folder, arrived))
    return Verdict(
        arrived.key, arrived.kind, "is the text of all photos in and below its folder that have no text of their own",
        instruction=said,
    )  # fmt: skip


def _photo(folder: LocalFolder, arrived: Upload) -> Verdict:
    warnings = photos.warnings(folder, arrived)
    objects: Any = folder
    _, found, unusable = Instructions(objects, "").of_photo(arrived, {})
    if unusable:
        raise hints.said_in_vain(arrived, unusable)
    if found is None and arrived.is_in_threads and (text := _text_in_its_folder(folder, arrived)):
        return Verdict(
            arrived.key, arrived.kind, "is sent with the next text of its folder", arrived.thread, (text.key,),
            warnings=warnings,
        )  # fmt: skip
    if found is None:
        raise hints.nothing_said(arrived, {})
    text_key = found.text.key if found.text else arrived.stem + pairing.TEXT_EXTENSION
    is_shared = found.shared_in is not None
    return Verdict(
        arrived.key, arrived.kind, "is sent with the text of its folder" if is_shared else "is sent with its text",
        arrived.thread, () if is_shared else (text_key,), found.words, warnings=warnings,
    )  # fmt: skip


def _text_in_its_folder(folder: LocalFolder, arrived: Upload) -> Upload | None:
    there = (upload.of_key(BUCKET, key) for key in folder.listed(BUCKET, arrived.folder, beside.MAX_KEYS).keys)
    return next((each for each in there if each.kind == "text"), None)


def _text(folder: LocalFolder, arrived: Upload) -> Verdict:
    said = instruction_text.of_text(_read(folder, arrived))
    listed = folder.listed(BUCKET, arrived.folder, beside.MAX_KEYS)
    there = [upload.of_key(BUCKET, key) for key in listed.keys]
    if arrived.is_in_threads:
        waiting = tuple(each.key for each in there if each.kind == "photo")
        return Verdict(
            arrived.key, arrived.kind, "is the next turn of its folder's thread", arrived.thread, waiting, said
        )
    joined = beside.with_its_photo(arrived, listed)
    own = tuple(each.key for each in there if each.kind == "photo" and each.stem == joined.stem)
    if own:
        return Verdict(arrived.key, arrived.kind, "is the text of its photo", joined.thread, own, said)
    if other := beside.no_photo_of(arrived, listed):
        raise hints.of_no_photo(arrived, other)
    if photo := beside.without_text(BUCKET, listed):
        raise hints.stray(arrived, photo)
    return Verdict(
        arrived.key, arrived.kind, "asks for a picture from words alone, or is the next turn", arrived.thread, (), said,
    )  # fmt: skip


def _request(folder: LocalFolder, arrived: Upload) -> Verdict:
    data = _read(folder, arrived, MAX_REQUEST_BYTES)
    asked = request_file.of_file(
        instruction_text.decoded(data, "body"),
        folder=batch_file.folder_of(BUCKET, arrived.key),
        thread_id=arrived.thread,
        request_id="new",
        rules=RULES,
    )
    return Verdict(arrived.key, arrived.kind, "is a request", asked.thread_id, (), asked.instruction)


def _batch(folder: LocalFolder, arrived: Upload) -> Verdict:
    def part(offset: int) -> bytes:
        return folder.part(ImageRef(BUCKET, arrived.key), offset) or b""

    requests, faults = lines.looked_at(part, batch_file.uploaded(arrived, 0), RULES)
    problems = tuple(
        Rejected(
            "invalid_request", f"line {fault.line}: {fault.message}" if fault.line else fault.message, hint=fault.hint
        )
        for fault in faults[:MAX_FAULTS]
    )
    more = len(faults) - len(problems)
    with_faults = sum(1 for fault in faults if fault.line)
    says = f"is a batch of {requests} {'request' if requests == 1 else 'requests'}" + (
        f", {with_faults} with faults" if with_faults else ""
    )
    warnings = (f"{more} more lines have faults",) if more else ()
    return Verdict(arrived.key, arrived.kind, says, problems=problems, warnings=warnings)


def _read(folder: LocalFolder, arrived: Upload, most: int | None = None) -> bytes:
    ref = ImageRef(BUCKET, arrived.key)
    objects: Any = folder
    try:
        stored = folder.read(ref, most_bytes=most) if most else Instructions(objects, "").read(ref)
    except TooLarge as error:
        raise Rejected(
            "invalid_request", f"the file is over {most:,} bytes", hint="Shorten it, or split it."
        ) from error
    return stored.data if stored else b""


_JUDGES: Mapping[Kind, Any] = {
    "noise": _noise, "unsupported": _unsupported, "folder_instruction": _folder_instruction, "photo": _photo,
    "text": _text, "request": _request, "batch": _batch,
}  # fmt: skip
