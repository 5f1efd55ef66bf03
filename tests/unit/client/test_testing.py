"""The stack for a service's own tests produces faults on request. If it cannot start, it names the missing part."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from darkroom_client import testing
from darkroom_client.errors import Invalid, Unreachable
from darkroom_client.testing import LocalDarkroom
from local.image_api import StandInServer, running

AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
}  # fmt: skip


@pytest.fixture
def stand_in() -> Iterator[StandInServer]:
    with running(StandInServer()) as server:
        yield server


def met(server: StandInServer) -> str | None:
    fault = server.studio.faults.next_for("a cat")
    return fault.name if fault else None


def test_the_next_calls_fail_and_no_others(stand_in: StandInServer) -> None:
    room = LocalDarkroom({**AWS, "IMAGE_API_URL": stand_in.url})
    room.fail_next("429", times=2)
    assert [met(stand_in) for _ in range(3)] == ["429", "429", None]
    room.fail_next("503")
    assert [met(stand_in) for _ in range(2)] == ["503", None]


def test_what_is_no_fault_is_told_with_those_that_are(stand_in: StandInServer) -> None:
    room = LocalDarkroom({**AWS, "IMAGE_API_URL": stand_in.url})
    with pytest.raises(Invalid, match="'418' is not one of 401, 402, 429"):
        room.fail_next("418")


def test_a_stand_in_that_is_not_there_is_told() -> None:
    room = LocalDarkroom({**AWS, "IMAGE_API_URL": "http://127.0.0.1:1"})
    with pytest.raises(Unreachable, match="stand-in for the image API does not answer"):
        room.fail_next("429")


def test_a_checkout_that_is_not_ready_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_REPO", str(tmp_path))
    with pytest.raises(Unreachable, match="is no checkout of Darkroom"), testing.stack():
        pass
    (tmp_path / "local/stack").mkdir(parents=True)
    (tmp_path / "local/stack/lifecycle.py").touch()
    (tmp_path / "template.yaml").touch()
    with pytest.raises(Unreachable, match="`make tools` there installs them"), testing.stack():
        pass
