"""The services that can send to the requests' queue, by the abilities in AWS's own models."""

from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.unit.repository.test_template import RESOURCES, ROOT

MODELS = botocore.session.get_session()
GUIDE = (ROOT / "docs/guide-services.md").read_text(encoding="utf-8")


def said_to_a_queue(service: str, shape: str) -> set[str]:
    structure: Any = MODELS.get_service_model(service).shape_for(shape)
    return set(structure.members)


def test_the_queue_demands_a_deduplication_id() -> None:
    assert not RESOURCES["RequestsQueue"]["Properties"]["ContentBasedDeduplication"]


@pytest.mark.parametrize(("service", "shape"), [("events", "SqsParameters"), ("scheduler", "SqsParameters")])
def test_rules_and_the_scheduler_name_none_and_the_guide_says_so(service: str, shape: str) -> None:
    assert said_to_a_queue(service, shape) == {"MessageGroupId"}
    assert "**A rule of EventBridge cannot send here,** on any bus, and neither can its scheduler." in GUIDE


@pytest.mark.parametrize(
    ("service", "shape"),
    [("pipes", "PipeTargetSqsQueueParameters"), ("sns", "PublishInput"), ("sqs", "SendMessageRequest")],
)
def test_pipes_topics_and_sdks_name_both_ids(service: str, shape: str) -> None:
    assert said_to_a_queue(service, shape) >= {"MessageGroupId", "MessageDeduplicationId"}


@pytest.mark.parametrize("template", sorted(ROOT.glob("examples/*.yaml")), ids=lambda path: path.name)
def test_a_template_among_the_examples_is_told_of_and_deployed_by_a_test(template: Path) -> None:
    assert f"[{template.name}]({template.name})" in (ROOT / "examples/README.md").read_text(encoding="utf-8")
    tests = [ROOT / "tests/e2e" / name for name in ("test_producers.py", "test_pipeline.py")]
    assert any(template.name in test.read_text(encoding="utf-8") for test in tests)
