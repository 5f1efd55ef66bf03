"""The work of the floor: it moves as many bytes as a run of Darkroom moved."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmarks.scenario import Request
from benchmarks.servers.front import Exchange
from benchmarks.servers.processes import Servers

BETWEEN = '"},{"image":"data:image/jpeg;base64,'


@dataclass(frozen=True, slots=True)
class Moved:
    """The small exchanges of a request of a turn (service, bytes sent, bytes received), and the length of a
    `result.json`.
    """

    small: tuple[tuple[str, int, int], ...]
    result_bytes: int

    @classmethod
    def of(cls, exchanges: Sequence[Exchange], since: float, requests: int) -> "Moved":
        """The exchanges since then (epoch seconds), for so many requests."""
        turn = [exchange for exchange in exchanges if exchange.began >= since]
        small = tuple(
            (each.operation.partition(":")[0], each.sent, each.received)
            for each in turn
            if not each.operation.startswith(("s3:", "api:"))
        )
        written = [each.sent for each in turn if each.operation == "s3:PutObject"]
        return cls(small[::requests], min(written, default=0))


def floor_plan(request: Request, moved: Moved, servers: Servers) -> dict[str, Any]:
    """The transfers of the floor for a request. Pictures come in the order in which the API gets them."""
    head = {"model": "gemini-3.1-flash-image", "response_format": "b64_json"}
    text = {"text": request.words}
    begin = f'{json.dumps(head)[:-1]},"contents":[{{"role":"user","parts":[{json.dumps(text)}'
    paths = [servers.s3.path_of(digest) for digest in request.sent]
    around = [begin + "]}]}"]
    if paths:
        opened = begin + "," + BETWEEN[3:]
        around = [opened, *[BETWEEN] * (len(paths) - 1), '"}]}]}']
    return {
        "small": moved.small,
        "api_url": servers.api.url(),
        "pictures": paths,
        "around": around,
        "spool_path": f"/spool/{quote(request.thread)}/1",
        "picture_path": quote(f"{request.results}00001-00000000/image.png"),
        "result_path": quote(f"{request.results}00001-00000000/result.json"),
        "result_bytes": moved.result_bytes,
    }
