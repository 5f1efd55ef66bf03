"""The emulator of AWS as the tests run it. It writes each role's requests to `asked.jsonl` in the stack's folder.

The emulator's own evaluation still decides; this only listens. It adds three rules of AWS that the emulator lacks:

- A read of a missing object is answered with 404 only if the reader may list the bucket.
  https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax (Permissions)
- Requests about a single event source mapping, or about the account, have actions of their own.
- `dynamodb:LeadingKeys` is the partition of a request.
"""

import json
import logging
import re
import runpy
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

_PROGRAM = Path(__file__).parents[2] / "local" / "stack" / "autosaving_ministack.py"
_asked = Path("asked.jsonl").open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - for as long as it runs
_enforce = iam_evaluator.enforce
_s3 = app.SERVICE_HANDLERS["s3"]
_lambda_action = iam_actions._lambda_action
_dynamodb_context = iam_actions.dynamodb_service_context
_ON_A_MAPPING = {
    "GET": "GetEventSourceMapping",
    "PUT": "UpdateEventSourceMapping",
    "DELETE": "DeleteEventSourceMapping",
}


def _note(action: str, resource: str, partition: str = "") -> None:
    caller = str(iam_evaluator.caller_arn())
    if ":assumed-role/" in caller:
        role = caller.split("/")[1]
        asked = {"role": role, "action": action, "resource": resource, "partition": partition}
        _asked.write(json.dumps(asked) + "\n")


def _noting_enforce(
    access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    (partition,) = (service_context or {}).get("dynamodb:LeadingKeys", [""])
    _note(iam_action, resource_arn, *re.findall(r"^/\w+/?", partition))  # a thread's partition begins with no slash
    return _enforce(access_key_id, iam_action, service, region, resource_arn, service_context)


async def _noting_s3(method: str, path: str, *rest: Any) -> Any:
    answer = await _s3(method, path, *rest)
    if method in ("GET", "HEAD") and answer[0] == 404:
        _note("s3:ListBucket", f"arn:aws:s3:::{path.split('/')[1]}")
    return answer


def _named_lambda_action(method: str, path: str) -> str | None:
    if re.search(r"/event-source-mappings/[^/]+/?$", path):
        return _ON_A_MAPPING[method]
    if path.rstrip("/").endswith("/account-settings"):
        return "GetAccountSettings"
    name: str | None = _lambda_action(method, path)
    return name


def _context_with_leading_keys(body: bytes) -> dict[str, Any]:
    context: dict[str, Any] = _dynamodb_context(body)
    asked = json.loads(body or b"{}")
    item = asked.get("Key") or asked.get("Item") or {}
    key = item.get("thread_id")
    if queried := re.match(r"thread_id = (:\w+)", asked.get("KeyConditionExpression", "")):
        key = asked["ExpressionAttributeValues"][queried[1]]
    return {**context, "dynamodb:LeadingKeys": [key["S"]]} if key else context


iam_evaluator.enforce = _noting_enforce
iam_actions._lambda_action = _named_lambda_action
iam_actions.dynamodb_service_context = _context_with_leading_keys
app.SERVICE_HANDLERS["s3"] = _noting_s3
logging.getLogger("sns").setLevel(logging.WARNING)  # it logs published messages, which may hold a person's words
# Run as a program of its own: the emulator's environment is bare, so nothing is imported from here.
runpy.run_path(str(_PROGRAM), run_name="__main__")
