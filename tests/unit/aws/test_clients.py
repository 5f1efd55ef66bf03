"""What the functions share."""

import json
import uuid

import boto3
import pytest

from darkroom.aws import clients


def test_an_environment_tells_its_boto3_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda's runtime brings it, and renews it when it likes."""
    # A logger of a name that was used before keeps the output that it had then.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", uuid.uuid4().hex)
    clients.logger.cache_clear()
    try:
        clients.logger()
        clients.logger()
    finally:
        clients.logger.cache_clear()
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["message"], line["boto3"]) == ("started", boto3.__version__)
