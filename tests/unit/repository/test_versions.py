"""A release has one version, wherever it is named, and a tool has the version of the lock file."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from darkroom_client import command
from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]
VERSION = str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
LOCKED = {
    package["name"]: package["version"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
}
HOOKS: dict[str, Any] = {
    repository["repo"]: repository
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
}


def test_the_stacks_output_is_the_projects_version() -> None:
    assert read_template(ROOT / "template.yaml")["Outputs"]["StackVersion"]["Value"] == VERSION


def test_the_newest_release_of_the_changelog_is_the_projects_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)[0] == VERSION


def test_the_command_says_the_projects_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["--version"]) == 0
    assert capsys.readouterr().out == f"darkroom {VERSION}\n"


def test_the_lock_file_has_the_projects_version() -> None:
    assert LOCKED["darkroom"] == VERSION


def test_ruff_runs_before_a_commit_in_the_version_that_is_locked() -> None:
    assert HOOKS["https://github.com/astral-sh/ruff-pre-commit"]["rev"] == f"v{LOCKED['ruff']}"


def test_the_projects_own_lint_runs_before_a_commit() -> None:
    assert [hook["entry"] for hook in HOOKS["local"]["hooks"]] == ["make lint"]
    assert re.search(r"^lint:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
