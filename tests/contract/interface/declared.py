"""Everything that is declared: the template's names, and the published schemas."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("OnUploadFunction", "OnRequestFunction", "OnPictureFunction")
# Alarms watch the stack and are no part of it. They may move to a stack within it.
MONITORING = {"AWS::CloudWatch::Alarm", "AWS::CloudFormation::Stack", "AWS::Serverless::Application"}


def schemas() -> dict[str, str]:
    """The SHA-256 of each published schema."""
    files = (ROOT / "docs" / "schemas").glob("*.json")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def template() -> dict[str, Any]:
    """The names in the template: parameters, outputs, resources, and each function's environment."""
    content = read_template(ROOT / "template.yaml")
    resources = {name: each["Type"] for name, each in content["Resources"].items() if each["Type"] not in MONITORING}
    return {
        "parameters": sorted(content["Parameters"]),
        "outputs": sorted(content["Outputs"]),
        "resources": resources,
        "functions": {name: _function(content, name) for name in FUNCTIONS},
    }


def _function(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Event sources become resources of the function's name and theirs. Metrics carry the service's name."""
    properties = content["Resources"][name]["Properties"]
    own, shared = (each["Environment"]["Variables"] for each in (properties, content["Globals"]["Function"]))
    return {
        "environment": sorted({**own, **shared}),
        "service": own["POWERTOOLS_SERVICE_NAME"],
        "event sources": {source: each["Properties"]["Queue"] for source, each in properties.get("Events", {}).items()},
    }
