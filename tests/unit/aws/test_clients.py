"""What the functions share."""

import json

import boto3
import pytest

from darkroom.aws import clients


def test_an_environment_tells_its_boto3_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda's runtime brings it, and renews it when it likes."""
    clients.logger.cache_clear()
    try:
        clients.logger()
        clients.logger()
    finally:
        clients.logger.cache_clear()
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["message"], line["boto3"]) == ("started", boto3.__version__)
