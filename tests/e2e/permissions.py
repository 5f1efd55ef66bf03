"""A role's permissions, its requests, and the need for each permission, by the emulator's own evaluation of IAM."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

import boto3

from local.stack import aws
from tests.e2e.conftest import Stack

Statement = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A request as IAM sees it. A thread's partition in the table is known only as a thread's."""

    action: str
    resource: str
    partition: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A single permission: an action on a resource, by the statement of this number."""

    statement: int
    action: str
    resource: str

    @property
    def name(self) -> tuple[str, str]:
        """The action, and the resource without partition, service, region and account."""
        return self.action, self.resource.split(":", 5)[-1]


@dataclass(frozen=True, slots=True)
class Role:
    """A deployed role, and the different requests that it made."""

    arn: str
    statements: tuple[Statement, ...]
    asked: tuple[Asked, ...]

    def permissions(self) -> Iterator[Permission]:
        for number, statement in enumerate(self.statements):
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield Permission(number, action, resource)

    def too_wide(self) -> list[Permission]:
        """The permissions that cover more folders than are used."""
        return [each for each in self.permissions() if each.resource.endswith("/*") and self._is_too_wide(each)]

    def _is_too_wide(self, permission: Permission) -> bool:
        folder = permission.resource.removesuffix("*")
        used = [
            asked.resource
            for asked in self.asked
            if asked.action == permission.action and asked.resource.startswith(folder)
        ]
        return bool(used) and _common_folder(used) != folder

    def policy_without(self, left_out: Permission | None) -> str:
        """The whole policy, with a statement for each permission."""
        kept = [
            {**self.statements[each.statement], "Action": each.action, "Resource": each.resource}
            for each in self.permissions()
            if each != left_out
        ]
        for statement in kept:
            statement.pop("Sid", None)
        return json.dumps({"Version": "2012-10-17", "Statement": kept})


def listening(stack: Stack) -> Callable[[str], list[Asked]]:
    """Listen from now on. The returned function gives all requests of a role since then."""
    asked = stack.home.folder / "asked.jsonl"
    begin = asked.stat().st_size

    def heard(role: str) -> list[Asked]:
        with asked.open("rb") as lines:
            lines.seek(begin)
            made = [json.loads(line) for line in lines]
        return [Asked(*(each[name] for name in Asked.__slots__)) for each in made if each["role"] == role]

    return heard


def physical(stack: Stack, logical: str) -> str:
    """The physical name of a role of the stack."""
    found = stack.aws.cloudformation.describe_stack_resource(StackName="darkroom", LogicalResourceId=logical)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


@contextmanager
def without(endpoint: str, role: str, resource: str) -> Iterator[None]:
    """Remove all permissions on a resource from the role's inline policies."""
    iam = _client(endpoint)
    before = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    try:
        for name, document in before.items():
            left = [
                {**statement, "Resource": kept}
                for statement in document["Statement"]
                if (kept := [each for each in _listed(statement["Resource"]) if each != resource])
            ]
            policy = json.dumps({**document, "Statement": left})
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
        yield
    finally:
        for name, document in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _client(endpoint: str) -> Any:
    return boto3.client(
        "iam", endpoint_url=endpoint, region_name=aws.REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


class Judge:
    """The emulator's own evaluation of IAM."""

    def __init__(self, endpoint: str) -> None:
        self._iam = _client(endpoint)

    def role(self, name: str, asked: list[Asked]) -> Role:
        document = self._iam.get_role(RoleName=name)["Role"]
        inline = self._iam.list_role_policies(RoleName=name)["PolicyNames"]
        attached = self._iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        documents = [
            *(self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline),
            *(self._managed(each["PolicyArn"]) for each in attached),
        ]
        statements = tuple(statement for document in documents for statement in document["Statement"])
        return Role(document["Arn"], statements, tuple(sorted(set(asked))))

    def employ(self, name: str, policy_arn: str) -> str:
        """Make a role in this account with only this policy, and return its ARN."""
        principal = {"AWS": policy_arn.partition(":policy/")[0] + ":root"}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        made = self._iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        self._iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
        return str(made["Role"]["Arn"])

    def allows(self, policy: str, asked: Asked) -> bool:
        """Whether the policy allows it. The simulation knows no partitions, so statements about others are left out."""
        document = json.loads(policy)
        document["Statement"] = [each for each in document["Statement"] if _is_about(each, asked.partition)]
        return bool(document["Statement"]) and self._decision(
            self._iam.simulate_custom_policy(
                PolicyInputList=[json.dumps(document)], ActionNames=[asked.action], ResourceArns=[_echoed(asked)]
            )
        )

    def allows_role(self, role: Role, asked: Asked) -> bool:
        return self._decision(
            self._iam.simulate_principal_policy(
                PolicySourceArn=role.arn, ActionNames=[asked.action], ResourceArns=[_echoed(asked)]
            )
        )

    def denied(self, role: Role, left_out: Permission) -> Asked | None:
        """A request that the role made, and could not make without this permission."""
        policy = role.policy_without(left_out)
        likely = sorted(role.asked, key=lambda asked: asked.action != left_out.action)
        return next((asked for asked in likely if not self.allows(policy, asked)), None)

    def _managed(self, arn: str) -> Any:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def _decision(self, answer: Any) -> bool:
        (result,) = answer["EvaluationResults"]
        return bool(result["EvalDecision"] == "allowed")


def _echoed(asked: Asked) -> str:
    """The resource as XML writes it: the emulator repeats it in its XML unescaped. No policy names `<` or `&`."""
    return escape(asked.resource)


def _common_folder(names: list[str]) -> str:
    """The common folder of the names: `b/` for `b/c/d` and `b/e`."""
    parts = [name.split("/")[:-1] for name in names]
    shortest = min(parts, key=len)
    depth = next((n for n, part in enumerate(shortest) if any(each[n] != part for each in parts)), len(shortest))
    return "".join(f"{part}/" for part in shortest[:depth])


def _is_about(statement: Statement, partition: str) -> bool:
    for operator, keys in statement.get("Condition", {}).items():
        is_wanted = {"ForAllValues:StringLike": True, "ForAllValues:StringNotLike": False}[operator]
        if fnmatchcase(partition, keys["dynamodb:LeadingKeys"]) is not is_wanted:
            return False
    return True


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
