"""Asks the same of all pictures below a prefix.

It counts them, says what that costs at most, and asks the person. Only then it uploads a batch file with a line for
each picture. The stack makes a request of each line. A line's id follows from the words, the key and the entity tag, so
the same words again take up where they were left: a picture that was answered is answered by its outcome.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from darkroom.aws.dynamodb.request_status import DynamoRequestStatus
from darkroom.aws.dynamodb.table import Table
from darkroom.aws.s3 import S3Objects
from darkroom.batches.batch_file import answer_key
from darkroom.domain import keys, ports, request
from darkroom.domain.outcome import Outcome
from darkroom.domain.price import Price, parsed
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef, RequestRules
from darkroom.domain.upload import Upload
from darkroom.errors import Rejected
from darkroom.uploads import instruction_text
from darkroom_client.errors import Invalid, NotFound, Trouble
from darkroom_client.operating.batches import batch_lines
from darkroom_client.stacks.stack import Stack

MAX_PICTURES = 1000
LOOKED_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A picture's request, and whether it has its outcome already."""

    request: Request
    is_over: bool


class Done(NamedTuple):
    """The result of a backfill. Its lines may make `calls` at most; `sent` has the keys of its files."""

    pictures: int
    over: int
    calls: int
    sent: list[str]


class Backfill:
    """The pictures below a prefix, and the requests that they become. `send` alone changes anything."""

    def __init__(self, stack: Stack, prefix: str, instruction: str) -> None:
        self._s3 = stack.s3
        self._uploads = stack.outputs["UploadsBucket"]
        self._objects = S3Objects(stack.s3)
        self._status = DynamoRequestStatus(Table(stack.dynamodb, stack.outputs["ThreadsTable"]))
        self.prefix = prefix
        self._instruction = instruction

    def objects(self) -> list[Upload]:
        """All objects below the prefix, by key."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._uploads, Prefix=self.prefix)
        found = [
            Upload(
                self._uploads, item["Key"], item["ETag"].strip('"'), None, "", item["Size"],
                item["LastModified"].timestamp(),
            )
            for page in pages
            for item in page.get("Contents", [])
        ]  # fmt: skip
        return sorted(found, key=lambda upload: upload.key)

    def lines(self, pictures: Iterable[Upload]) -> list[Line]:
        """One for each, in their order; none for those that are gone by now."""
        with ThreadPoolExecutor(LOOKED_AT_ONCE) as looking:
            return [line for line in looking.map(self._line, pictures) if line]

    def send(self, lines: Iterable[Line], max_calls: int | None = None) -> list[str]:
        """Uploads the batch files, and returns their keys.

        `max_calls` is shared among them: each may make a call a line, as long as any are left.
        """
        keys, left = list[str](), max_calls
        for number, part in enumerate(batch_lines.parts(batch_lines.line(each.request) for each in lines), start=1):
            if left is not None:
                share = min(left, len(part))
                left -= share
                if not share:
                    break
                part.insert(0, batch_lines.bound(share))
            keys.append(batch_lines.key(self.prefix, self._instruction, number))
            self._s3.put_object(Bucket=self._uploads, Key=keys[-1], Body=b"".join(part))
        return keys

    def uri(self, key: str) -> str:
        """Where this lies in the uploads bucket."""
        return f"s3://{self._uploads}/{key}"

    def _line(self, picture: Upload) -> Line | None:
        """A request that failed unpaid and may be repeated is sent again, under the next id."""
        image = ImageRef(picture.bucket, picture.key)
        metadata = self._objects.metadata(image)
        if metadata is None:
            return None
        thread = thread_of(picture, metadata)
        for attempt in count(1):
            line_id = batch_lines.custom_id(self._instruction, picture, attempt)
            wanted = Request(thread, line_id, self._instruction, (image,), parent_turn=0, metadata={})
            status = self._status.status(thread, line_id, wanted.fingerprint)
            if not isinstance(status, ports.Done) or not may_be_repeated(status.outcome):
                return Line(wanted, is_over=isinstance(status, ports.Done))
        raise AssertionError("unreachable: the attempts have no end")


def is_picture(upload: Upload) -> bool:
    """By its name, as for all uploads; what has no bytes is not there yet."""
    return upload.kind == "photo" and upload.size > 0


def thread_of(picture: Upload, metadata: Mapping[str, str]) -> str:
    """As for its upload, which was told where its metadata cannot be read."""
    try:
        named = instruction_text.thread_in_metadata(metadata.get("thread-id", ""))
    except Rejected:
        named = ""
    return keys.thread_of(named) if named else picture.thread


def may_be_repeated(ended: Outcome) -> bool:
    return bool(ended.error and ended.error.retryable and not ended.cost.paid_calls)


def bill(calls: int, each: Price, most_paid_calls: int) -> list[str]:
    """Says how much so many new calls cost at most."""
    if not calls:
        return ["No new call is needed."]
    said = [f"At most {_calls(calls, each)}."]
    if each.amount is None:
        said.append("The price is unknown: the stack's PricePerImage is empty.")
    if most_paid_calls > 1:
        most = _calls(calls * most_paid_calls, each)
        said.append(f"Where a call's outcome cannot be known it is made again (MaxPaidCalls): never more than {most}.")
    return said


def _calls(number: int, each: Price) -> str:
    calls = f"{number:,} call{'s' if number > 1 else ''}"
    if each.amount is None:
        return calls
    return f"{calls}, {Decimal(str(each.amount)) * number:,f} {each.currency or ''}".rstrip()


_KEPT_APART = (
    "This stack keeps folders apart, so a batch file in backfill/ names no other folder's pictures. Nothing was sent.",
    "Set KeepFoldersApart to false while a backfill runs.",
)


def work(
    stack: Stack, prefix: str, instruction: str, *,
    most: int, agrees: Callable[[], bool], say: Callable[[str], None], max_calls: int | None = None,
) -> Done:  # fmt: skip
    """Counts, tells, asks and sends. Raises Trouble where there are more pictures than `most`.

    The pictures for which `max_calls` leaves no call are answered as `budget_exhausted`.
    """
    if not prefix:
        raise Invalid("No prefix is given", "Say which pictures: the beginning of their keys, such as shop/.")
    if max_calls is not None and max_calls < 1:
        raise Invalid("--max-calls must be 1 or more", "Nothing was sent.")
    if stack.parameters.get("KeepFoldersApart") == "true":
        raise Trouble(*_KEPT_APART)
    backfill = Backfill(stack, prefix, _valid(instruction))
    lines = backfill.lines(_pictures(backfill, most, say))
    if over := sum(each.is_over for each in lines):
        say(f"{over:,} have their outcome for these words, and cost nothing again.")
    limits, new = stack.parameters, len(lines) - over
    if max_calls is not None and max_calls < new:
        say(f"{new:,} need a call, and --max-calls {max_calls} allows {max_calls:,}: the others wait for another run.")
        new = max_calls
    for line in bill(new, parsed(limits.get("PricePerImage", "")), int(limits.get("MaxPaidCalls", 1))):
        say(line)
    if not agrees():
        say("Nothing was sent.")
        return Done(len(lines), over, new, [])
    sent = backfill.send(lines, max_calls)
    for key in sent:
        say(f"Sent as {backfill.uri(key)}. `darkroom batch status {key}` tells how far it is.")
        say(f"Its answers, once all of them are there: s3://{stack.outputs['ResultsBucket']}/{answer_key(key)}")
    return Done(len(lines), over, new, sent)


def _pictures(backfill: Backfill, most: int, say: Callable[[str], None]) -> list[Upload]:
    """The pictures below the prefix. Raises Trouble where there is none, or more than `most`."""
    found, where = backfill.objects(), f"below {backfill.uri(backfill.prefix)}"
    pictures = [each for each in found if is_picture(each)]
    if not pictures:
        raise NotFound(f"There is no picture {where}.")
    say(f"{len(pictures):,} of {len(found):,} objects {where} are pictures: {_extent(pictures)}.")
    if len(pictures) > most:
        raise Trouble(
            f"That is more than --most {most}, so nothing was sent.",
            f"--most {len(pictures)} lets them all through.",
        )
    return pictures


def _extent(pictures: Sequence[Upload]) -> str:
    first, last = pictures[0].key, pictures[-1].key
    return first if len(pictures) == 1 else f"{first} to {last}"


def _valid(instruction: str) -> str:
    """The instruction as a message with it would be understood. Raises Trouble."""
    try:
        body = json.dumps({"instruction": instruction})
        return request.parse(body, group="backfill", message_id="backfill", rules=RequestRules((), {})).instruction
    except Rejected as rejection:
        raise Trouble(f"{rejection.message}. Nothing was sent.") from rejection
