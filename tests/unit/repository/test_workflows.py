"""The workflows name what there is, run nothing that may change under them, and deploy to staging first."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
BASH = str(shutil.which("bash"))
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def read(path: Path) -> dict[str, Any]:
    """YAML takes `on` for true."""
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if name is True else name: each for name, each in content.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield f"{path.stem}/{name}", job


def scripts() -> list[str]:
    return [step["run"] for _, job in jobs() for step in job.get("steps", []) if "run" in step]


def test_there_is_one_for_checks_and_one_for_deployments() -> None:
    assert {path.stem for path in WORKFLOWS} == {"checks", "deploy", "deploy-stack"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_action_is_pinned_by_its_commit_and_a_workflow_of_ours_is_there(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text(encoding="utf-8").splitlines()]
    used = [line for line in lines if line.startswith("uses:")]
    assert used
    ours = [line for line in used if line.startswith("uses: ./")]
    assert [line for line in used if line not in ours and not PINNED.match(line)] == []
    assert all((ROOT / line.removeprefix("uses: ./")).is_file() for line in ours)


def test_each_target_and_each_file_that_a_step_names_is_there() -> None:
    said = "\n".join(scripts())
    assert set(re.findall(r"\bmake ([\w-]+)", said)) <= TARGETS
    files = set(re.findall(r"(?:^|\s)((?:\.github|examples)/[\w./-]+)", said))
    assert files == {".github/deploy.sh", "examples/python/smoke.py"}
    assert all((ROOT / name).is_file() for name in files)
    assert os.access(GITHUB / "deploy.sh", os.X_OK)


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.splitlines()[0])
def test_a_step_is_a_script_that_bash_can_read_and_holds_nothing_from_outside(script: str) -> None:
    """GitHub fills its expressions in before bash reads them: a tag could be named like a command."""
    assert "${{" not in script
    subprocess.run([BASH, "-n", "-c", script], check=True)


def test_what_a_step_or_job_refers_to_is_there() -> None:
    for name, job in jobs():
        text, known = yaml.safe_dump(job), {step.get("id") for step in job.get("steps", [])}
        assert set(re.findall(r"steps\.([\w-]+)\.", text)) <= known, name
    deploy = read(GITHUB / "workflows/deploy.yml")
    assert set(deploy["jobs"]["production"]["with"]) == set(deploy["jobs"]["staging"]["with"])
    inputs = read(GITHUB / "workflows/deploy-stack.yml")["on"]["workflow_call"]["inputs"]
    assert set(inputs) == set(deploy["jobs"]["staging"]["with"])


def test_no_job_may_write_but_to_ask_for_the_token_of_a_deployment() -> None:
    for path in WORKFLOWS:
        assert "write" not in str(read(path)["permissions"])
    rights = {name: job.get("permissions", {}) for name, job in jobs()}
    writing = {name for name, each in rights.items() if "write" in each.values()}
    assert writing == {"deploy/staging", "deploy/production", "deploy-stack/deploy"}
    assert {tuple(each.items()) for name, each in rights.items() if name in writing} == {
        (("contents", "read"), ("id-token", "write"))
    }


def test_production_waits_for_staging_which_is_left_out_on_purpose_alone() -> None:
    staging, production = (read(GITHUB / "workflows/deploy.yml")["jobs"][name] for name in ("staging", "production"))
    assert (staging["with"]["environment"], production["with"]["environment"]) == ("staging", "production")
    assert production["needs"] == "staging"
    assert "needs.staging.result == 'success' || inputs.straight_to_production" in production["if"]


def test_a_deployment_is_tried_and_the_release_before_comes_back_where_that_fails() -> None:
    steps = read(GITHUB / "workflows/deploy-stack.yml")["jobs"]["deploy"]["steps"]
    names = [step.get("name") for step in steps if "run" in step]
    assert names == ["Install the tools", "See which release is deployed", "Deploy", "Try it",
                     "Go back to the release before"]  # fmt: skip
    back = steps[-1]
    assert "failure() && steps.deploy.outcome == 'success'" in back["if"]
    assert all(tried in back["run"] for tried in (".github/deploy.sh", "smoke.py"))


def test_the_guide_names_each_variable_of_an_environment_and_the_role_gives_what_it_can() -> None:
    text = (GITHUB / "workflows/deploy-stack.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"vars\.(\w+)", text))
    guide = (ROOT / "docs/aws.md").read_text(encoding="utf-8").partition("\n## A pipeline of your own")[2]
    assert used == set(re.findall(r"^\| `([A-Z_]+)` \|", guide.partition("\n## ")[0], re.MULTILINE))
    outputs = read_template(ROOT / "examples/pipeline.yaml")["Outputs"].values()
    given = {found for each in outputs for found in re.findall(r"variable (\w+)\.", each["Description"])}
    assert given == {"DEPLOY_ROLE_ARN", "EXECUTION_ROLE_ARN", "ARTIFACTS_BUCKET"} & used


@pytest.mark.parametrize("form", sorted(GITHUB.glob("ISSUE_TEMPLATE/*.yml")), ids=lambda path: path.stem)
def test_a_form_for_issues_asks_for_something_and_is_short(form: Path) -> None:
    content = read(form)
    assert content["name"]
    assert content["description"]
    asked = [each for each in content["body"] if each["type"] != "markdown"]
    assert 1 <= len(asked) <= 4
    assert all(each["attributes"]["label"] for each in asked)
