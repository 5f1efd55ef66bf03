"""Whether the key is there and accepted, and the model offered: asked of the API itself, where the key may be read.

An operator's policy does not read it. Then what the calls of the stack have met is all that is known.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb.table import Table
from darkroom_client.errors import Denied
from darkroom_client.operating.doctor.finding import Finding
from darkroom_client.operating.doctor.image_api import Ask, Listed
from darkroom_client.operating.ended import Ended, ended
from darkroom_client.operating.status import ModelTrouble
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.stacks.stack import Stack

DAYS = 7  # that are looked back for a call that was paid
RETIRED = frozenset(("gemini-2.5-flash-image-preview", "gpt-image-1", "dall-e-2", "dall-e-3"))
_PUT_IN = "Put it in: `aws secretsmanager put-secret-value --secret-id {} --secret-string file://key.txt`."
_ANOTHER = "Set the parameter ImageModel to one that is offered (docs/runbook.md, Raise a limit)."


class Known(NamedTuple):
    """All facts about the image API that the checks judge."""

    secret: str
    has_key: bool
    listed: Listed | None  # None where the key may not be read
    troubles: dict[str, ModelTrouble]
    last_paid: Ended | None


def known(stack: Stack, troubles: dict[str, ModelTrouble], ask: Ask, now: float) -> Known:
    """Looks the key up, asks the API with it where it may be read, and else for the last call that was paid."""
    secret = stack.outputs["ImageApiKeySecretArn"]
    try:
        with translated(OPERATOR):
            key = _key(stack, secret)
    except Denied:
        return Known(secret, _is_there(stack, secret), None, troubles, _last_paid(stack, now))
    listed = ask(stack.parameters["ImageApiUrl"], key) if key else None
    needs_more = bool(key) and (listed is None or listed.models is None)
    return Known(secret, bool(key), listed, troubles, _last_paid(stack, now) if needs_more else None)


def key_finding(seen: Known) -> Finding:
    """Whether the key is there and accepted."""
    name, put_in = "key", _PUT_IN.format(seen.secret)
    if not seen.has_key:
        return Finding(name, "broken", "There is no key of the image API, and requests wait for one.", put_in)
    status = seen.listed.status if seen.listed else None
    if status in (401, 403):
        return Finding(name, "broken", f"The image API refuses the key ({status}).", put_in)
    if status and 300 <= status < 400:
        said = f"The server at ImageApiUrl is not the image API: it redirects ({status})."
        return Finding(name, "broken", said, "Set the parameter ImageApiUrl.")
    if status == 200:
        return Finding(name, "ok", "The key is there, and the image API accepts it.")
    causes = {each.cause for each in seen.troubles.values()}
    if "credentials" in causes:
        return Finding(name, "broken", "The image API has refused the key in the last calls.", put_in)
    if "account" in causes:
        return Finding(name, "broken", "The account at the provider is empty.", "Pay in there; requests go on then.")
    if seen.last_paid:
        return Finding(name, "ok", f"The key is there. A call was paid with it at {seen.last_paid.at[:16]}Z.")
    return Finding(name, "unknown", f"The key is there. Whether it is accepted is not known: {_why(seen)}.")


def _why(seen: Known) -> str:
    if seen.listed is None:
        return f"you may not read it, and no call was paid in {DAYS} days"
    what = f"answers {seen.listed.status} to /v1/models" if seen.listed.status else "cannot be reached from here"
    return f"the image API {what} ({seen.listed.said})" if seen.listed.said else f"the image API {what}"


def model_finding(seen: Known, model: str) -> Finding:
    """Whether the model is offered."""
    name, models = "model", seen.listed.models if seen.listed else None
    if models is not None and model not in models:
        said = f"{model} is not among the {len(models)} models that the key may use."
        return Finding(name, "broken", said, _ANOTHER)
    if model in RETIRED:
        return Finding(name, "broken", f"{model} is retired.", _ANOTHER)
    trouble = seen.troubles.get(model)
    if trouble and trouble.cause == "model":
        return Finding(name, "broken", f"The image API does not know {model}, or has retired it.", _ANOTHER)
    if models is not None:
        return Finding(name, "ok", f"{model} is listed.")
    if seen.last_paid and seen.last_paid.model == model:
        return Finding(name, "ok", f"{model} has answered at {seen.last_paid.at[:16]}Z.")
    return Finding(name, "unknown", f"Whether {model} is offered is not known: its list cannot be read.")


def _key(stack: Stack, secret: str) -> str:
    """The key as the functions read it, empty where there is none."""
    try:
        return str(stack.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).strip()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":  # so it is of a secret without a value
            return ""
        raise


def _is_there(stack: Stack, secret: str) -> bool:
    with translated(OPERATOR):
        described = stack.client("secretsmanager").describe_secret(SecretId=secret)
    return any("AWSCURRENT" in stages for stages in described.get("VersionIdsToStages", {}).values())


def _last_paid(stack: Stack, now: float) -> Ended | None:
    table, today = Table(stack.dynamodb, stack.outputs["ThreadsTable"]), datetime.fromtimestamp(now, UTC).date()
    days = ((today - timedelta(days=back)).isoformat() for back in range(DAYS))
    found = (each for day in days for each in ended(table, day) if each.paid_calls and not each.is_failed)
    with translated(OPERATOR):
        return next(found, None)
