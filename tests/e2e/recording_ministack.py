"""The emulator of AWS as the tests run it: what each role asked for is written to `asked.jsonl` in the stack's folder.

The emulator's own evaluation decides, and goes on deciding; this only listens. One question is added that AWS asks
and the emulator does not: whoever reads an object that is not there is told so (404) only if it may list the bucket.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax (Permissions)
"""

import json
import runpy
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_evaluator

_PROGRAM = Path(__file__).parents[2] / "local" / "stack" / "autosaving_ministack.py"
_asked = Path("asked.jsonl").open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - for as long as it runs
_enforce = iam_evaluator.enforce
_s3 = app.SERVICE_HANDLERS["s3"]


def _note(action: str, resource: str) -> None:
    caller = str(iam_evaluator.caller_arn())
    if ":assumed-role/" in caller:
        role = caller.split("/")[1]
        _asked.write(json.dumps({"role": role, "action": action, "resource": resource}) + "\n")


def _noting_enforce(
    access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = "*", *rest: Any, **named: Any
) -> Any:
    _note(iam_action, resource_arn)
    return _enforce(access_key_id, iam_action, service, region, resource_arn, *rest, **named)


async def _noting_s3(method: str, path: str, *rest: Any) -> Any:
    answer = await _s3(method, path, *rest)
    if method in ("GET", "HEAD") and answer[0] == 404:
        _note("s3:ListBucket", f"arn:aws:s3:::{path.split('/')[1]}")
    return answer


iam_evaluator.enforce = _noting_enforce
app.SERVICE_HANDLERS["s3"] = _noting_s3
# As a program of its own: the emulator's environment is kept bare, so nothing is imported from here.
runpy.run_path(str(_PROGRAM), run_name="__main__")
