"""The reason why no function has an alias: with SAM's own transform, an alias would keep old code and old parameters.

All code is in the layer. SAM publishes a version only if the version's name changes. If these tests fail,
SAM does more than it did, and a staged deployment is possible: see docs/decisions/0066-no-staged-deployment.md.
"""

import json
import os
import subprocess
from typing import Any

import pytest

from local.stack.home import REPOSITORY, SAM

BASE = {"layer": "s3://artifacts/layer-1", "code": "s3://artifacts/code-1", "parameters": {"DailyCallLimit": "0"}}
PROGRAM = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoPolicies:
    def load(self):
        return {}


def versions(change):
    template = yaml_parse(open("template.yaml", encoding="utf-8").read())
    del template["Resources"]["Monitoring"]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = change["layer"]
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"] |= {
                "CodeUri": change["code"], "AutoPublishAlias": "live", "AutoPublishAliasAllProperties": True
            }
    made = transform(template, change["parameters"], NoPolicies())["Resources"]
    return sorted(name for name, each in made.items() if each["Type"] == "AWS::Lambda::Version")


json.dump([versions(change) for change in json.load(sys.stdin)], sys.stdout)
"""


@pytest.fixture(scope="module")
def published() -> dict[str, bool]:
    """Whether each change alone makes a version of each function, if every function has an alias."""
    changes: dict[str, dict[str, Any]] = {
        "nothing": {},
        "code": {"code": "s3://artifacts/code-2"},
        "layer": {"layer": "s3://artifacts/layer-2"},
        "parameter": {"parameters": {"DailyCallLimit": "5"}},
    }
    given = json.dumps([BASE | change for change in changes.values()])
    done = subprocess.run(
        [SAM.with_name("python"), "-c", PROGRAM], input=given, cwd=REPOSITORY, capture_output=True, text=True,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, *after = json.loads(done.stdout)
    assert len(before) == 3
    return dict(zip(list(changes)[1:], [each != before for each in after], strict=True))


def test_another_handler_would_be_published(published: dict[str, bool]) -> None:
    assert published["code"]


@pytest.mark.parametrize("change", ["layer", "parameter"])
def test_another_layer_or_another_parameter_would_not(published: dict[str, bool], change: str) -> None:
    assert not published[change]
    assert "AutoPublishAlias:" not in (REPOSITORY / "template.yaml").read_text(encoding="utf-8")
