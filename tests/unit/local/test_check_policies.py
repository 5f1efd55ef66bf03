"""parliament sees every policy of the templates as AWS would, and a mistake in one of them ends `make check`."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.check_policies import ACCEPTED, statements
from local.stack.home import REPOSITORY, TOOLS
from local.stack.parameters import read_template

PYTHON = TOOLS / "checkov" / "bin" / "python"
TEMPLATES = [REPOSITORY / "template.yaml", REPOSITORY / "monitoring.yaml", *REPOSITORY.glob("examples/*.yaml")]


def texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for each in part.values() for text in texts(each)]
    return [text for each in part for text in texts(each)] if isinstance(part, list) else [str(part)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_name_is_left_in_what_it_sees(template: Path) -> None:
    for statement in statements(read_template(template)):
        assert not [text for text in texts(statement.document) if "${" in text or "AWS::" in text]


def test_it_sees_the_statements_of_roles_managed_policies_buckets_queues_and_topics() -> None:
    found = list(statements(read_template(REPOSITORY / "template.yaml")))
    sids = (REPOSITORY / "template.yaml").read_text(encoding="utf-8").count("Sid: ")
    assert len([statement for statement in found if statement.name]) == sids
    assert {"OnUploadRole", "SenderPolicy", "UploadsBucketPolicy", "RequestsQueuePolicy", "AlarmsTopicPolicy"} <= {
        statement.resource for statement in found
    }


def test_what_is_accepted_has_its_reason() -> None:
    assert all(reason.endswith(".") for reason in ACCEPTED.values())


@pytest.mark.skipif(not PYTHON.exists(), reason="make check installs parliament, and has not run here")
@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("s3:GetObjec", "UNKNOWN_ACTION"),
        ("s3:ListBucket", "RESOURCE_MISMATCH"),
    ],
)
def test_a_slip_in_a_policy_is_told(tmp_path: Path, slip: str, said: str) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(f"""
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Sid: Read
            Effect: Allow
            Action: {slip}
            Resource: !Sub ${{Bucket.Arn}}/*
""")
    command = [str(PYTHON), "-W", "ignore", "-m", "local.check_policies", str(template)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"{template}: Policy Read: {said}" in ended.stdout
