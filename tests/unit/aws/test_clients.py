"""The clients and the logger that the functions share."""

import json
import uuid

import boto3
import pytest

from darkroom.aws import clients


def test_an_environment_tells_its_boto3_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda's runtime brings boto3, and updates it at any time."""
    # A logger keeps the output of its first use, so this test has a name of its own.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", uuid.uuid4().hex)
    clients.logger.cache_clear()
    try:
        clients.logger()
        clients.logger()
    finally:
        clients.logger.cache_clear()
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["message"], line["boto3"]) == ("started", boto3.__version__)
