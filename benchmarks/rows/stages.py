"""From an upload to its `result.json` on the local stack, without the API's time, stage by stage."""

import json
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from benchmarks.environment import HOME
from benchmarks.photographs import SMALL, SMALL_ANSWER, made
from benchmarks.rows.row import Report, Table
from benchmarks.runs import Bench, Discarded
from benchmarks.samples import Samples
from benchmarks.scenario import PICTURES
from benchmarks.servers.image_api import Call, ImageApi
from benchmarks.servers.processes import running
from benchmarks.servers.small_calls import KEY
from benchmarks.spread import estimate
from benchmarks.verdict import Line
from darkroom.pictures import marking
from darkroom.streaming.blob import sha256
from local.stack import aws, lifecycle, ports
from local.stack.home import Trouble

API_SECONDS = 0.5
UPLOADS = 5  # the first one meets cold functions, and is not counted
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02
STAGES = {
    "upload, until S3 has it": "the client's own line",
    "until the message is in the queue": "S3's announcement, its queue, `on_upload`",
    "until `on_request` claims it": "the queue's mapping, which the emulator polls",
    "until the API has been asked": "claim, thread, pictures, mark; the call's body on its way",
    "until the outcome is known": "the answer spooled, settled, its picture published; the API's wait apart",
    "until `result.json` can be read": "committed, announced; and the look that finds it",
}


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of one upload in epoch seconds, in order. `waited` is the API's time."""

    begun: float
    uploaded: float
    enqueued: float
    claimed: float
    asked: float
    finished: float
    found: float
    waited: float

    def stages(self) -> list[float]:
        """Seconds of each stage; the API's own wait lies between `asked` and `finished`."""
        moments = (self.begun, self.uploaded, self.enqueued, self.claimed, self.asked, self.finished - self.waited)
        return [later - earlier for earlier, later in pairwise((*moments, self.found - self.waited))]


class Stages:
    """Uploads one after the other, into the benchmark's own stack."""

    name = "stages"
    series = ()

    def report(self, samples: Samples, bench: Bench) -> Report:  # noqa: ARG002 - see `Row`
        """See `Row`."""
        homes = HOME / "stacks"
        with running(None) as servers:
            api = servers.api
            try:
                port = ports.any_free()
                wanted = lifecycle.Wanted(port=port, image_api_url=api.url(), image_api_key=KEY, homes=homes)
                env = lifecycle.up(wanted, lambda _: None)
                _, *found = [_upload(env, api) for _ in range(UPLOADS)]
            except Trouble as reason:
                raise Discarded(str(reason)) from reason
            finally:
                lifecycle.down(homes, None, lambda _: None)
                shutil.rmtree(homes, ignore_errors=True)
        stages = [estimate(times).value for times in zip(*(one.stages() for one in found), strict=True)]
        whole = estimate([sum(one.stages()) for one in found]).value
        line = Line(self.name, "upload to result.json on the local stack, less the API's time", "s", None, whole, None)
        rows = [
            (name, f"{seconds * 1000:.0f} ms", why) for (name, why), seconds in zip(STAGES.items(), stages, strict=True)
        ]
        return Report([line], {"stages": Table(("stage", "time", "what happens in it"), tuple(rows))})


def _upload(env: Mapping[str, str], api: ImageApi) -> Moments:
    """Upload one photo with its words, and wait for its `result.json`."""
    s3 = aws.clients(env["AWS_ENDPOINT_URL"]).s3
    name, words = f"bench-{uuid.uuid4().hex[:8]}", f"Make it a winter's night, {uuid.uuid4().hex}"
    answer = made(PICTURES, SMALL_ANSWER)
    api.will_answer(words, answer, API_SECONDS)
    photo = made(PICTURES, SMALL).read_bytes()
    begun = time.time()
    s3.put_object(Bucket=env["UPLOADS_BUCKET"], Key=f"{name}.jpeg", Body=photo, Metadata={"instruction": words})
    uploaded = time.time()
    result, found = _result(s3, env["RESULTS_BUCKET"], f"threads/{name}/")
    call = _checked(result, api.calls(), words, answer.read_bytes())
    enqueued, claimed, finished = (
        _seconds(result["timing"][name]) for name in ("requested_at", "started_at", "finished_at")
    )
    return Moments(begun, uploaded, enqueued, claimed, call.received, finished, found, call.answered - call.received)


def _result(s3: Any, bucket: str, prefix: str) -> tuple[dict[str, Any], float]:
    """The `result.json`, and the time when it was first seen."""
    until = time.time() + PATIENCE_SECONDS
    while time.time() < until:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if keys := [each["Key"] for each in listed if each["Key"].endswith("/result.json")]:
            seen = time.time()
            return dict(json.loads(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())), seen
        time.sleep(LOOK_SECONDS)
    raise Discarded(f"no result.json below {prefix} within {PATIENCE_SECONDS:.0f} s")


def _checked(result: Mapping[str, Any], calls: Sequence[Call], words: str, answer: bytes) -> Call:
    """The only call that the upload led to."""
    made_of = [image["sha256"] for image in result["images"]]
    published, _ = marking.marked(answer, marking.source_type(has_source=True))
    if [call.instruction for call in calls] != [words] or made_of != [sha256(published)]:
        raise Discarded("the result on the stack is not the one that was asked for, or not by one call")
    return calls[0]


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
