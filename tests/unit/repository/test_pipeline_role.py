"""The roles of `examples/pipeline.yaml` allow what CloudFormation needs for the stack's resources, and little else."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local.check_policies import statements
from local.stack.parameters import read_template
from tests.templates import ROOT, all_resources

PIPELINE = read_template(ROOT / "examples/pipeline.yaml")
# The types that SAM makes of its own.
MADE = {
    "AWS::Serverless::Function": ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"),
    "AWS::Serverless::LayerVersion": ("AWS::Lambda::LayerVersion",),
}
# Calls of CloudFormation's handlers for properties that the templates do not have, by the reason for that.
UNUSED = {
    "no function has a network, a file system, a version, a reservation or a code signature": (
        "ec2:*", "elasticfilesystem:*", "s3files:*", "lambda:AssociateRuntimeAlias", "lambda:*CodeSigningConfig",
        "lambda:DeleteFunctionConcurrency", "lambda:PassCapacityProvider", "lambda:PublishVersion",
        "lambda:PutFunctionConcurrency", "lambda:PutFunctionScalingConfig", "lambda:PutRuntimeManagementConfig",
        "s3:GetObjectVersion",
    ),
    "the table has no replicas, imports, streams, insights or policy, and its items are nobody's but the stack's": (
        "kinesis:*", "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan", "dynamodb:*Import", "dynamodb:ImportTable",
        "dynamodb:*TableReplica", "dynamodb:*ResourcePolicy", "dynamodb:*KinesisStreamingDestination",
        "dynamodb:UpdateContributorInsights", "iam:CreateServiceLinkedRole", "logs:*LogStream*", "logs:PutLogEvents",
        "s3:GetObjectMetadata",
    ),
    "a key of one's own lets the role in by its own policy": ("kms:*",),
    "log groups have a retention and a key, and nothing more": (
        "firehose:*", "s3:REST.PUT.OBJECT", "logs:CreateLogDelivery", "logs:*DataProtectionPolicy", "logs:*IndexPolicy",
        "logs:*ResourcePolicy", "logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection",
    ),
    "buckets have no website, replicas, analytics, inventories, locks, lists of who may, or tables": (
        "s3tables:*", "s3:*Metadata*Configuration", "s3:DeleteBucketA*", "s3:DeleteBucketCors",
        "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle", "s3:DeleteBucketMetricsConfiguration",
        "s3:*Replication*", "s3:*Website", "s3:DeleteObject", "s3:PutA*Configuration", "s3:PutBucketA*",
        "s3:PutBucketCORS", "s3:PutBucketLogging", "s3:*ObjectLockConfiguration", "s3:PutI*Configuration",
        "s3:PutMetricsConfiguration", "s3:PutObjectAcl",
    ),
    "the secret is made empty and in one region, and nobody who deploys reads it": (
        "secretsmanager:GetRandomPassword", "secretsmanager:GetSecretValue", "secretsmanager:*Region*",
    ),
    "people subscribe to the topic themselves": ("sns:Subscribe", "sns:Unsubscribe", "sns:PutDataProtectionPolicy"),
    "policies are attached to roles alone, and a boundary is not taken off": (
        "iam:*GroupPolicy", "iam:*UserPolicy", "iam:DeleteRolePermissionsBoundary",
    ),
    "the nested stack has no policy and no protection of its own": (
        "cloudformation:*StackPolicy", "cloudformation:UpdateTerminationProtection",
    ),
}  # fmt: skip
# Beside what the handlers call.
FOR_THE_MACRO = {"cloudformation:CreateChangeSet"}
# Pictures, messages, items, keys: what a deployment has no business with.
DATA = (
    "s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage",
    "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan", "secretsmanager:*Value", "lambda:InvokeFunction",
    "sts:*", "iam:*User*", "iam:*AccessKey*", "logs:GetLogEvents", "logs:FilterLogEvents",
)  # fmt: skip


@cache
def called() -> frozenset[str]:
    """The calls of CloudFormation's handlers for the resources of the stack, by their own descriptions."""
    found = set[str]()
    for kind in {resource["Type"] for resource in all_resources().values()}:
        for made in MADE.get(kind, (kind,)):
            handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", made).schema["handlers"]
            for name in ("create", "read", "update", "delete"):
                found |= set(handlers.get(name, {}).get("permissions", []))
    return frozenset(found)


def allowed(role: str) -> Iterator[tuple[str, Any, bool]]:
    """Each action that a role may do, on what, and whether under a condition."""
    for statement in statements(PIPELINE):
        if statement.resource == role:
            actions = statement.document["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                yield action, statement.document["Resource"], "Condition" in statement.document


def matches(action: str, patterns: set[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def test_it_may_do_all_that_the_handlers_call_but_for_what_is_not_used() -> None:
    may = {action for action, *_ in allowed("ExecutionRole")}
    unused = {pattern for patterns in UNUSED.values() for pattern in patterns}
    assert {action for action in called() if not matches(action, may) and not matches(action, unused)} == set()


def test_it_may_do_nothing_that_no_handler_calls() -> None:
    calls = {action.lower() for action in called() | FOR_THE_MACRO}
    needless = {
        action
        for action, *_ in allowed("ExecutionRole")
        if not any(fnmatchcase(call, action.lower()) for call in calls)
    }
    assert needless == set()


@pytest.mark.parametrize("pattern", sorted(pattern for patterns in UNUSED.values() for pattern in patterns))
def test_what_is_said_to_be_unused_is_called_by_some_handler(pattern: str) -> None:
    assert any(matches(action, {pattern}) for action in called())


def test_it_reads_no_data_but_the_artifacts() -> None:
    found = {(action, str(on)) for action, on, _ in allowed("ExecutionRole") if matches(action, set(DATA))}
    assert found == {("s3:GetObject", "arn:aws:s3:::artifacts/*")}


def test_every_resource_of_both_roles_is_the_stacks_own_or_said_to_have_no_name() -> None:
    elsewhere = {
        action
        for role in ("ExecutionRole", "DeployRole")
        for action, on, _ in allowed(role)
        if not any(name in str(on) for name in ("stack-", "stack/stack/", "artifacts", "role/executionrole"))
    }
    assert elsewhere == {
        "cloudformation:CreateChangeSet",  # of SAM's macro
        "lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping",
        "lambda:GetEventSourceMapping", "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource",
        "logs:DeleteQueryDefinition", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups",
        "logs:DescribeQueryDefinitions", "logs:DescribeResourcePolicies", "logs:PutQueryDefinition",
        "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret",
        "secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:UpdateSecret",
    }  # fmt: skip


def test_a_job_of_the_environment_alone_takes_the_role() -> None:
    (trust,) = PIPELINE["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:${Repository}:environment:${Environment}",
        }
    }


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PassRole"])
def test_what_gives_rights_is_bound_to_a_boundary_or_to_a_service(action: str) -> None:
    assert [condition for name, _, condition in allowed("ExecutionRole") if name == action] == [True]
