"""What parliament says of every policy in the templates: it knows IAM's actions, their resources and their conditions.

`make check` runs it in checkov's environment, for it is no library of the project's.
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
# What a resource's ARN looks like, by its type. A policy that names a resource of another type is not understood.
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
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}:*",
}
# What an operator gives, where the default is nothing.
_EXAMPLES = {
    "AllowedProducerArns": f"arn:aws:sns:{REGION}:{ACCOUNT}:orders.fifo",
    "AllowedProducerAccounts": ACCOUNT,
    "DarkroomStack": "stack",
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "RequestsQueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:stack-requests.fifo",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012",
}
# What is no fault though parliament says so: the statement, what is said of it, and why it stands.
ACCEPTED = {
    ("OperatorPolicy", "SeeQuotasAndAlarms", "RESOURCE_STAR ['cloudwatch:DescribeAlarms']"): (
        "Who asks for alarms by the beginning of their names needs all of the account's."
    ),
}


class Statement(NamedTuple):
    """A statement of a policy, with every name put in."""

    resource: str
    name: str
    document: Mapping[str, Any]


def statements(template: Mapping[str, Any]) -> Iterator[Statement]:
    """Every statement of every policy that a template holds; one that depends on a condition as if it was met."""
    names = _names(template)
    for name, resource in template["Resources"].items():
        for document in _policies(resource):
            for statement in _flat(document["Statement"]):
                filled = _filled(statement, names)
                yield Statement(name, filled.get("Sid", ""), filled)


def _policies(part: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, dict):
        if "Statement" in part:
            yield part
        for key, each in part.items():
            # Who may take a role: the service that is named there, and cfn-lint reads that.
            if key != "AssumeRolePolicyDocument":
                yield from _policies(each)
    elif isinstance(part, list):
        for each in part:
            yield from _policies(each)


def _flat(part: Any) -> Iterator[dict[str, Any]]:
    """Those in an `!If` too, which reads as a list of its condition and its two values."""
    if isinstance(part, dict):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from _flat(each)


def _names(template: Mapping[str, Any]) -> dict[str, str]:
    """What stands for a name in a policy: for a pseudo parameter, for a resource's ARN, for a parameter."""
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
    """Tells every finding that is not accepted, and every one that is and was not found. 1 where there is one."""
    found, told = set(), []
    for file in files:
        for statement in statements(read_template(Path(file))):
            for finding in _findings(statement):
                found.add((statement.resource, statement.name, finding))
                if (statement.resource, statement.name, finding) not in ACCEPTED:
                    told.append(f"{file}: {statement.resource} {statement.name}: {finding}")
    told += [f"accepted, and not found any more: {' '.join(each)}" for each in ACCEPTED if each not in found]
    for line in told:
        print(line)
    return int(bool(told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
