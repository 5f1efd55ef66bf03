"""Checks every policy in the templates with parliament, which knows IAM's actions, resources and conditions.

`make check` runs it in checkov's environment, because parliament is no library of the project.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local.stack.parameters import read_template

ACCOUNT, REGION = "123456789012", "us-east-1"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
# The form of a resource's ARN, by its type. A policy about a resource of another type is not understood.
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{name}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{name}}",
    "AWS::Events::EventBus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{{name}}",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{name}}",
    "AWS::Events::ApiDestination": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/{{name}}/12345678",
    "AWS::Serverless::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}:*",
}
# The values of an operator, for parameters whose default is empty.
_EXAMPLES = {
    "AllowedProducerArns": f"arn:aws:sns:{REGION}:{ACCOUNT}:orders.fifo",
    "AllowedProducerAccounts": ACCOUNT,
    "DarkroomStack": "stack",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "RequestsQueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-requests.fifo",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012",
}
_ESCALATION = "RESOURCE_POLICY_PRIVILEGE_ESCALATION Possible resource policy privilege escalation"
_MACRO = "INVALID_ARN Account expected to be of form like"
# Findings of parliament that are no fault: the statement, how the finding begins, and the reason.
ACCEPTED = {
    ("OperatorPolicy", "SeeQuotasAndAlarms", "RESOURCE_STAR ['cloudwatch:DescribeAlarms']"): (
        "A caller that asks for alarms by the beginning of their names needs all of the account's."
    ),
    ("DeployRole", "ExpandTheTemplate", _MACRO): "SAM's macro is no account's, but AWS's own.",
    ("ExecutionRole", "ExpandTheTemplate", _MACRO): "SAM's macro is no account's, but AWS's own.",
    ("ExecutionRole", "Buckets", _ESCALATION): "The stack's buckets have policies and lifecycles, and it makes them.",
    ("ExecutionRole", "Functions", "UNKNOWN_ACTION Unknown action lambda:GetFunctionScalingConfig"): (
        "It is newer than what parliament knows; CloudFormation's own description of a function names it."
    ),
}


class Statement(NamedTuple):
    """A statement of a policy, with every name filled in."""

    resource: str
    name: str
    document: Mapping[str, Any]


def statements(template: Mapping[str, Any]) -> Iterator[Statement]:
    """Every statement of every policy in a template. A conditional one counts as if its condition was met."""
    names, conditions = _names(template), template.get("Conditions", {})
    for name, resource in template["Resources"].items():
        for document in _policies(_met(resource, conditions)):
            for statement in document["Statement"]:
                filled = _filled(statement, names)
                yield Statement(name, filled.get("Sid", ""), filled)


def _met(part: Any, conditions: Mapping[str, Any]) -> Any:
    """Choose an `!If`'s value as if its condition was met. It reads as a list of its condition and its two values."""
    if isinstance(part, dict):
        return {key: _met(each, conditions) for key, each in part.items()}
    if not isinstance(part, list):
        return part
    if len(part) == 3 and isinstance(part[0], str) and part[0] in conditions:
        return _met(part[1], conditions)
    return [_met(each, conditions) for each in part]


def _policies(part: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, dict):
        if "Statement" in part:
            yield part
        for key, each in part.items():
            # The trust policy names a service, and cfn-lint checks it.
            if key != "AssumeRolePolicyDocument":
                yield from _policies(each)
    elif isinstance(part, list):
        for each in part:
            yield from _policies(each)


def _names(template: Mapping[str, Any]) -> dict[str, str]:
    """The text for each name in a policy: a pseudo parameter's, a resource's ARN, a parameter's."""
    names = dict(_PSEUDO)
    for name, parameter in template.get("Parameters", {}).items():
        names[name] = _EXAMPLES.get(name) or str(parameter.get("Default", ""))
    for name, resource in template["Resources"].items():
        if arn := _ARNS.get(resource["Type"]):
            names[f"{name}.Arn"] = names[f"{name}.Id"] = names[name] = arn.format(name=name.lower())
        for event in resource.get("Properties", {}).get("Events", {}):
            names[name + event] = "12345678-1234-1234-1234-123456789012"  # the id of the mapping that SAM makes
    return names


def _filled(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(each, names) for key, each in part.items()}
    if isinstance(part, list):
        return [_filled(each, names) for each in part]
    if not isinstance(part, str):
        return part
    return names.get(part) or re.sub(r"\$\{([\w:.]+)\}", lambda found: names[found[1]], part)


def _findings(statement: Statement) -> list[str]:
    import parliament

    policy = {"Version": "2012-10-17", "Statement": [statement.document]}
    found = parliament.analyze_policy_string(json.dumps(policy)).findings
    return [f"{each.issue} {each.detail or ''}".strip() for each in found]


def main(files: list[str]) -> int:
    """Print each finding that is not accepted, and each accepted one that is gone. Return 1 if there are any."""
    used, told = set(), []
    for file in files:
        for statement in statements(read_template(Path(file))):
            for finding in _findings(statement):
                accepted = _accepted(statement, finding)
                used |= accepted
                told += [] if accepted else [f"{file}: {statement.resource} {statement.name}: {finding}"]
    told += [f"accepted, and not found any more: {' '.join(each)}" for each in ACCEPTED if each not in used]
    for line in told:
        print(line)
    return int(bool(told))


def _accepted(statement: Statement, finding: str) -> set[tuple[str, str, str]]:
    here = (statement.resource, statement.name)
    return {each for each in ACCEPTED if each[:2] == here and finding.startswith(each[2])}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
