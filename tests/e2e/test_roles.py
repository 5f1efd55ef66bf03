"""The roles' permissions: each of them is needed, and everything else is refused.

`roads.drive` uses every road once, while the emulator records the requests of each role. A permission is an action of a
statement on one of its resources. Each one is then taken out of the role's deployed policy by itself, and the
emulator's own evaluation of IAM must deny one of those requests. If a part of a statement is needed, so are the
statement, its action and its resource.
"""

import pytest

from local.stack import aws
from tests.e2e import permissions, roads
from tests.e2e.permissions import Asked, Judge, Role
from tests.e2e.road import Road
from tests.figures import Figures

pytestmark = pytest.mark.slow

ROLES = {"OnUploadRole": "on-upload", "OnRequestRole": "on-request", "OnPictureRole": "on-picture"}
# Lambda does these in the function's name, and the emulator does them without a check. The event source mapping:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions; the log: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
LAMBDAS_OWN = {
    "OnUploadRole": {
        ("sqs:ReceiveMessage", "darkroom-upload-events"),
        ("sqs:GetQueueAttributes", "darkroom-upload-events"),
        ("sqs:ReceiveMessage", "darkroom-batches.fifo"),
        ("sqs:GetQueueAttributes", "darkroom-batches.fifo"),
        ("logs:CreateLogStream", "log-group:/aws/lambda/darkroom-on-upload:*"),
        ("logs:PutLogEvents", "log-group:/aws/lambda/darkroom-on-upload:*"),
    },
    "OnRequestRole": {
        ("sqs:ReceiveMessage", "darkroom-requests.fifo"),
        ("sqs:GetQueueAttributes", "darkroom-requests.fifo"),
        ("sqs:ReceiveMessage", "darkroom-probes.fifo"),
        ("sqs:GetQueueAttributes", "darkroom-probes.fifo"),
        ("logs:CreateLogStream", "log-group:/aws/lambda/darkroom-on-request:*"),
        ("logs:PutLogEvents", "log-group:/aws/lambda/darkroom-on-request:*"),
    },
    "OnPictureRole": {
        ("logs:CreateLogStream", "log-group:/aws/lambda/darkroom-on-picture:*"),
        ("logs:PutLogEvents", "log-group:/aws/lambda/darkroom-on-picture:*"),
    },
}
# Lambda deletes the last message of a batch, the functions delete the earlier ones, if there are any.
LAMBDAS_TOO = {
    "OnUploadRole": {
        ("sqs:DeleteMessage", "darkroom-upload-events"),
        ("sqs:DeleteMessage", "darkroom-batches.fifo"),
    },
    "OnRequestRole": {
        ("sqs:DeleteMessage", "darkroom-requests.fifo"),
        ("sqs:DeleteMessage", "darkroom-probes.fifo"),
    },
    "OnPictureRole": set[tuple[str, str]](),
}


@pytest.fixture(scope="module")
def judge(road: Road) -> Judge:
    return Judge(road.stack.env["AWS_ENDPOINT_URL"])


@pytest.fixture(scope="module")
def roles(road: Road, judge: Judge, figures: Figures) -> dict[str, Role]:
    """The roles after every road was driven. Earlier requests do not count."""
    heard = permissions.listening(road.stack)
    roads.drive(road)
    found = {}
    for name in ROLES:
        physical = permissions.physical(road.stack, name)
        own = heard(physical)
        found[name] = judge.role(physical, own)
        figures.tell(f"{name}: {len(own)} requests made, {len(found[name].asked)} different")
    return found


@pytest.mark.parametrize("name", ROLES)
def test_whatever_was_asked_is_allowed(roles: dict[str, Role], judge: Judge, name: str) -> None:
    role = roles[name]
    policy = role.policy_without(None)
    assert role.asked
    assert [asked for asked in role.asked if not judge.allows(policy, asked)] == []


@pytest.mark.parametrize("name", ROLES)
def test_without_any_one_of_its_permissions_something_breaks(
    roles: dict[str, Role], judge: Judge, figures: Figures, name: str
) -> None:
    """Lambda's own permissions are the exception, and are listed above one by one."""
    granted = list(roles[name].permissions())
    needless = {permission.name for permission in granted if not judge.denied(roles[name], permission)}
    for action, resource in sorted(needless - LAMBDAS_OWN[name] - LAMBDAS_TOO[name]):
        pytest.fail(f"{name} may {action} on {resource}, and no road of tests/e2e/roads.py needs that")
    for action, resource in sorted(LAMBDAS_OWN[name] - needless):
        pytest.fail(f"{action} on {resource} is called Lambda's own, and is used by {name}, or not granted to it")
    for action, resource in sorted(LAMBDAS_TOO[name] - {permission.name for permission in granted}):
        pytest.fail(f"Lambda needs {action} on {resource}, and it is not granted to {name}")
    figures.tell(f"{name}: {len(granted)} permissions, {len(granted) - len(needless)} proven needed")


@pytest.mark.parametrize("name", ROLES)
def test_no_permission_holds_for_more_folders_than_are_used(roles: dict[str, Role], name: str) -> None:
    assert roles[name].too_wide() == []


FORBIDDEN = [
    ("OnUploadRole", "s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/threads/a/00001-12345678/result.json"),
    ("OnUploadRole", "s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/rejected/messages/m/result.json"),
    ("OnUploadRole", "s3:PutObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
    ("OnUploadRole", "s3:GetObject", "arn:aws:s3:::{RESULTS_BUCKET}/threads/a/00001-12345678/image.png"),
    ("OnUploadRole", "s3:GetObject", "arn:aws:s3:::{RESULTS_BUCKET}/batches/a.jsonl.out"),
    ("OnUploadRole", "s3:GetObject", "arn:aws:s3:::{SPOOL_BUCKET}/0/1"),
    ("OnUploadRole", "secretsmanager:GetSecretValue", "{IMAGE_API_KEY_SECRET_ARN}"),
    ("OnUploadRole", "sqs:ReceiveMessage", "{REQUESTS_QUEUE_ARN}"),
    ("OnUploadRole", "sqs:DeleteMessage", "{REQUESTS_QUEUE_ARN}"),
    ("OnRequestRole", "s3:PutObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
    ("OnRequestRole", "s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/rejected/uploads/a.pdf/12345678/result.json"),
    ("OnRequestRole", "s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/batches/a.jsonl.out"),
    ("OnRequestRole", "secretsmanager:PutSecretValue", "{IMAGE_API_KEY_SECRET_ARN}"),
    ("OnRequestRole", "sqs:SendMessage", "{REQUESTS_QUEUE_ARN}"),
    ("OnRequestRole", "lambda:InvokeFunction", "{functions}:darkroom-on-upload"),
    ("OnUploadRole", "lambda:InvokeFunction", "{functions}:darkroom-on-picture"),
    ("OnPictureRole", "lambda:InvokeFunction", "{functions}:darkroom-on-picture"),
    ("OnPictureRole", "s3:PutObject", "arn:aws:s3:::{UPLOADS_BUCKET}/a.jpg"),
    ("OnPictureRole", "s3:PutObject", "arn:aws:s3:::{RESULTS_BUCKET}/threads/a/00001-12345678/image.png"),
    ("OnPictureRole", "s3:PutObject", "arn:aws:s3:::{SPOOL_BUCKET}/0/1"),
    ("OnPictureRole", "s3:GetObject", "arn:aws:s3:::{SPOOL_BUCKET}/0/1"),
    ("OnPictureRole", "secretsmanager:GetSecretValue", "{IMAGE_API_KEY_SECRET_ARN}"),
    ("OnPictureRole", "sqs:ReceiveMessage", "{REQUESTS_QUEUE_ARN}"),
    ("OnPictureRole", "dynamodb:GetItem", "{table}"),
    *(
        (role, action, f"arn:aws:s3:::{{{bucket}}}/a.jpg")
        for role in ROLES
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl")
        for bucket in ("UPLOADS_BUCKET", "RESULTS_BUCKET", "SPOOL_BUCKET")
    ),
    *(
        (role, action, "{table}")
        for role in ROLES
        for action in ("dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:BatchWriteItem")
    ),
    *((role, "sqs:PurgeQueue", "{REQUESTS_QUEUE_ARN}") for role in ROLES),
]


def test_what_no_road_needs_is_refused(roles: dict[str, Role], judge: Judge, road: Road, figures: Figures) -> None:
    table = next(asked.resource for asked in roles["OnUploadRole"].asked if asked.action == "dynamodb:Query")
    functions = f"arn:aws:lambda:{aws.REGION}:000000000000:function"
    names = {**road.stack.env, "table": table, "functions": functions}
    asked = [(name, Asked(action, where.format(**names))) for name, action, where in FORBIDDEN]
    assert [each for each in asked if judge.allows_role(roles[each[0]], each[1])] == []
    # The same check says yes where it should.
    assert all(judge.allows_role(role, role.asked[0]) for role in roles.values())
    figures.tell(f"{len(asked)} requests that no role may make, all denied")
