"""The oldest boto3 that the functions work with. Lambda's runtime brings its own version, which we cannot choose."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from local.stack.home import PYTHON, REPOSITORY, UV

pytestmark = pytest.mark.slow

OLDEST = "1.36.0"
NEWEST_THAT_IS_TOO_OLD = "1.35.99"  # it does not know `request_checksum_calculation`
NEEDED = ("aws-lambda-powertools", "certifi")
PROGRAM = """
from darkroom.aws import clients

clients.functions(), clients.secrets_manager(), clients.sqs(), clients.table("threads")
put = clients.s3().meta.service_model.operation_model("PutObject")
# Parameters are not validated: one that a model does not know would be left out without a word.
assert {"IfNoneMatch", "ChecksumSHA256"} <= put.input_shape.members.keys()
"""


def ended(version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The result of building every client with this boto3."""
    shipped = (REPOSITORY / "layers/darkroom/requirements.txt").read_text(encoding="utf-8")
    pinned = [line for name in NEEDED for line in re.findall(rf"^{name}==[^ ;]+", shipped, re.MULTILINE)]
    wanted = [word for each in (*pinned, f"boto3=={version}") for word in ("--with", each)]
    return subprocess.run(
        [UV, "run", "--quiet", "--isolated", "--no-project", "--python", PYTHON, *wanted, "python", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "layers" / "darkroom"), "AWS_DEFAULT_REGION": "us-east-1"},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_with_the_oldest_boto3_every_client_is_built(tmp_path: Path) -> None:
    run = ended(OLDEST, tmp_path)
    assert run.returncode == 0, run.stderr


def test_the_runbook_names_it() -> None:
    assert f"({OLDEST} is the oldest that works)" in (REPOSITORY / "docs/runbook.md").read_text(encoding="utf-8")


def test_with_an_older_one_none_is(tmp_path: Path) -> None:
    run = ended(NEWEST_THAT_IS_TOO_OLD, tmp_path)
    assert "request_checksum_calculation" in run.stderr
