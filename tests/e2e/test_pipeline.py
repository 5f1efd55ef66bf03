"""The pipeline's own pieces on the emulator: its roles are made, a job takes its own by a token, `.github/deploy.sh`
deploys under it, and `examples/python/smoke.py` tries the stack.

The emulator holds to the role's trust and to its permissions. It does not look at a token's signature, and lets
CloudFormation do everything. `test_pipeline_role.py` works out the needs of `ExecutionRole` from CloudFormation's own
schemas.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack import aws, emulator, ports
from local.stack.home import EMULATOR_PYTHON, REPOSITORY, SAM, UV, Home
from tests.templates import without

pytestmark = pytest.mark.slow

PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
NAME = "shop-staging"
AWS = Path(sys.executable).with_name("aws")
SMOKE = REPOSITORY / "examples/python/smoke.py"
DEPLOY = REPOSITORY / ".github/deploy.sh"
RELEASE = ("functions", "layers", "template.yaml", "monitoring.yaml", "samconfig.toml")
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An emulator with nothing in it."""
    home = Home(tmp_path_factory.mktemp("pipeline"), ports.any_free())
    home.folder.mkdir()
    emulator.start(home)
    yield home
    emulator.stop(home)


def run(environment: Mapping[str, str], *words: str | Path, seconds: float = 240) -> Ended:
    command, own = [str(word) for word in words], {"PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, env={**os.environ, **environment, **own}, cwd=REPOSITORY, capture_output=True, text=True, check=False,
        timeout=seconds,
    )  # fmt: skip


@pytest.fixture(scope="module")
def outputs(home: Home) -> dict[str, str]:
    """Those of `examples/pipeline.yaml`, which a person deploys by hand."""
    template = home.folder / "pipeline.yaml"
    # The emulator makes no provider. It speaks http, and holds to what a bucket's policy says of that.
    text = without((REPOSITORY / "examples/pipeline.yaml").read_text(encoding="utf-8"), "Provider", "ArtifactsPolicy")
    template.write_text(text.replace("!If [MakesProvider, !Ref Provider, !Ref ProviderArn]", "!Ref ProviderArn"))
    made = run(
        aws.environment(home.endpoint), AWS, "cloudformation", "deploy", "--stack-name", "pipeline",
        "--template-file", template, "--capabilities", "CAPABILITY_IAM", "--parameter-overrides",
        "Repository=you/darkroom", "Environment=staging", f"DarkroomStack={NAME}", f"ProviderArn={PROVIDER}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (stack,) = aws.clients(home.endpoint).cloudformation.describe_stacks(StackName="pipeline")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def credentials(home: Home, role: str, subject: str) -> dict[str, str]:
    """The credentials that AWS gives for a token of GitHub's that names its job so."""
    claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": subject}
    token = ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({}, claims))
    sts: Any = boto3.client("sts", region_name=aws.REGION, endpoint_url=home.endpoint)
    taken = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="job", WebIdentityToken=f"{token}.c2ln")
    return {
        "AWS_ACCESS_KEY_ID": taken["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["Credentials"]["SessionToken"],
    }


@pytest.fixture(scope="module")
def job(home: Home, outputs: dict[str, str]) -> dict[str, str]:
    """The environment of a job for staging."""
    return {
        **aws.environment(home.endpoint),
        **credentials(home, outputs["DeployRoleArn"], "repo:you/darkroom:environment:staging"),
        "STACK": NAME,
        "ARTIFACTS_BUCKET": outputs["ArtifactsBucket"],
        "EXECUTION_ROLE_ARN": outputs["ExecutionRoleArn"],
        "PARAMETERS": "RequireTls=false DailyCallLimit=1\nImageApiUrl=http://127.0.0.1:9",
        "PATH": os.pathsep.join([str(UV.parent), str(SAM.parent), os.environ["PATH"]]),
        "XDG_CACHE_HOME": str(home.folder),
        "LAYER_PYTHON": str(EMULATOR_PYTHON),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is deployed, as a work tree of a tag is."""
    folder = tmp_path_factory.mktemp("release")
    for name in RELEASE:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def deployed(job: dict[str, str], release: Path) -> dict[str, str]:
    """The job's environment, once its script has deployed the release."""
    ended = run(job, DEPLOY, release)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return job


@pytest.mark.parametrize(
    "subject", ["repo:you/darkroom:environment:production", "repo:other/darkroom:environment:staging",
                "repo:you/darkroom:ref:refs/heads/main"],
)  # fmt: skip
def test_another_job_does_not_get_the_role(home: Home, outputs: dict[str, str], subject: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        credentials(home, outputs["DeployRoleArn"], subject)


def test_a_deployment_is_tried_by_a_message_that_is_refused_before_any_call(deployed: dict[str, str]) -> None:
    """A call would have to wait: nothing answers at the image API's address."""
    text = (REPOSITORY / "template.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"^    Value: (\d+\.\d+\.\d+)$", text, re.MULTILINE)
    ended = run(deployed, sys.executable, SMOKE, NAME, f"v{version}")
    assert (ended.returncode, ended.stdout) == (0, f"{NAME} {version}: invalid_request\n"), ended.stderr


def test_the_parameters_of_the_environment_are_the_stacks(home: Home, deployed: dict[str, str]) -> None:
    (stack,) = aws.clients(home.endpoint).cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    found = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (found["DailyCallLimit"], found["ImageApiUrl"]) == ("1", "http://127.0.0.1:9")


def test_another_release_than_the_one_that_was_meant_fails_the_trial(deployed: dict[str, str]) -> None:
    ended = run(deployed, sys.executable, SMOKE, NAME, "v9.9.9")
    assert ended.returncode == 1
    assert "and not v9.9.9" in ended.stderr


def test_another_release_takes_its_place_and_goes_again(deployed: dict[str, str], release: Path) -> None:
    """As a roll-back does: the release before is deployed as any other."""
    template = release / "template.yaml"
    text = template.read_text(encoding="utf-8")
    text = re.sub(r"^    Value: \d+\.\d+\.\d+$", "    Value: 0.0.9", text, flags=re.MULTILINE)
    template.write_text(text.replace("Answers requests, those of each thread in order.", "Answers requests."))
    ended = run(deployed, DEPLOY, release)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    ended = run(deployed, sys.executable, SMOKE, NAME, "v0.0.9")
    assert ended.stdout == f"{NAME} 0.0.9: invalid_request\n", ended.stderr


def test_the_role_of_the_pipeline_can_do_nothing_else(deployed: dict[str, str]) -> None:
    for words in (["dynamodb", "list-tables"], ["secretsmanager", "list-secrets"], ["s3api", "list-buckets"]):
        ended = run(deployed, AWS, *words)
        assert "not authorized" in ended.stderr or "AccessDenied" in ended.stderr, words
