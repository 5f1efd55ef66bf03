"""A request: a message's body, validated; or every fault in it."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

from darkroom.domain import keys
from darkroom.domain.request_schema import KEY_BYTES, Asking, Body, ImageRef, RequestRules, validated
from darkroom.errors import FieldFault, Rejected, invalid

ENVELOPES = 4  # SNS around EventBridge around …; a body wrapped more often is not a request

REMEDY = "Fix the fields listed above and send the message again; nothing was started or paid."


@dataclass(frozen=True, slots=True)
class Request:
    """A validated request. Where `model` and `options` are None, those of the answered turn hold.

    `repairs` is the turn to judge again; such a request makes no call.
    """

    thread_id: str
    request_id: str
    instruction: str
    images: tuple[ImageRef, ...] = ()
    parent_turn: int | None = None
    model: str | None = None
    options: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] | None = None
    repairs: int | None = None

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the canonical request. Two requests with the same id must have the same one."""
        said = asdict(self)
        if self.repairs is None:
            del said["repairs"]  # earlier releases did not have this field
        canonical = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def body(self) -> str:
        """The body of a message that asks for the same, with its thread and id."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        if self.repairs is not None:
            said = {name: said[name] for name in ("thread_id", "request_id", "repairs")}
        return json.dumps(said)


def parse(body: str, *, group: str, message_id: str, rules: RequestRules) -> Request:
    """The request in a message's body. Raises Rejected, with every fault and its field."""
    valid = validated(Body, _unwrapped(json_object(body, REMEDY)), REMEDY, options=rules.options)
    faults = bucket_faults(valid, rules.buckets)
    thread = valid.thread_id if valid.thread_id is not None else _thread_of_group(group, faults)
    if valid.thread_id is not None and group != (wanted := keys.message_group(thread)):
        faults.append(FieldFault("MessageGroupId", f"must be {wanted!r} for this thread, so that order can be kept"))
    if faults:
        raise invalid(faults, REMEDY)
    asked = of_form(valid, thread, valid.request_id or message_id)
    return asked if valid.repairs is None else replace(asked, repairs=valid.repairs)


def of_form(valid: Asking, thread_id: str, request_id: str) -> Request:
    """The request from a valid form, in this thread and under this id."""
    return Request(
        thread_id=thread_id,
        request_id=request_id,
        instruction=valid.instruction,
        images=tuple(valid.images or ()),
        parent_turn=valid.parent_turn,
        model=valid.model,
        options=valid.options,
        metadata=valid.metadata or {},
    )


@dataclass(frozen=True, slots=True)
class Recognised:
    """The fields of a faulty body that are valid, so that the sender can recognise its own request."""

    thread_id: str | None = None
    request_id: str | None = None
    instruction: str | None = None
    metadata: Mapping[str, str] | None = None


def recognise(body: str) -> Recognised:
    """The fields of a faulty body that are valid themselves."""
    try:
        document = _unwrapped(json_object(body, REMEDY, is_lenient=True), is_lenient=True)
    except Rejected:
        return Recognised()
    return Recognised(**{name: _valid(document, name) for name in Recognised.__dataclass_fields__})


def _valid(document: Mapping[str, object], name: str) -> Any:
    try:
        return getattr(validated(Body, {"instruction": "-", name: document.get(name)}, REMEDY), name)
    except Rejected:
        return None


def _thread_of_group(group: str, faults: list[FieldFault]) -> str:
    try:
        return keys.thread_id(group)
    except ValueError as error:
        faults.append(FieldFault("thread_id", f"is not given, and the MessageGroupId in its place {error}"))
        return ""


def bucket_faults(body: Asking, buckets: Collection[str]) -> list[FieldFault]:
    """The faults in the places of its pictures."""
    allowed = " or ".join(sorted(buckets))
    faults = []
    for position, image in enumerate(body.images or ()):
        if image.bucket not in buckets:
            faults.append(FieldFault(f"images.{position}", f"must lie in {allowed}, not in another bucket"))
        if len(image.key.encode()) > KEY_BYTES:
            faults.append(FieldFault(f"images.{position}", f"has a key over {KEY_BYTES} bytes"))
    return faults


_IS_NOT_JSON = " is not JSON"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name + _IS_NOT_JSON)


def json_object(body: str, remedy: str, *, is_lenient: bool = False) -> dict[str, object]:
    """The JSON object in a text. Raises Rejected for a repeated key; if lenient, leaves repeated keys out."""
    repeated: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in counts.items() if count > 1)
        return {name: value for name, value in pairs if counts[name] == 1}

    try:
        document = json.loads(body.removeprefix("\ufeff"), parse_constant=_no_constant, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        from darkroom.streaming import json_faults  # only for a fault

        raise invalid([FieldFault("body", f"is not JSON: {json_faults.told(error)}")], remedy) from error
    except RecursionError as error:
        raise invalid([FieldFault("body", "has too many brackets inside each other")], remedy) from error
    except ValueError as error:
        is_ours = str(error).endswith(_IS_NOT_JSON)
        said = f"is not JSON ({error})" if is_ours else "has a number of more digits than can be read"
        raise invalid([FieldFault("body", said)], remedy) from error
    if repeated and not is_lenient:
        names = [name.encode(errors="replace").decode() or "body" for name in repeated]
        raise invalid([FieldFault(name, "stands there more than once; keep one of them") for name in names], remedy)
    if not isinstance(document, dict):
        raise invalid([FieldFault("body", 'must be a JSON object, as in {"instruction": "…"}')], remedy)
    return document


def _unwrapped(document: dict[str, object], *, is_lenient: bool = False) -> dict[str, object]:
    """The body inside the envelopes of SNS and EventBridge."""
    for _ in range(ENVELOPES):
        if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
            document = json_object(str(document["Message"]), REMEDY, is_lenient=is_lenient)
        elif "detail-type" in document and isinstance(detail := document.get("detail"), dict):
            document = detail
        else:
            break
    return document
