"""Other senders of requests: an operator lets `examples/producer.yaml` in; and the parameters that a company sets."""

import json
from typing import Any

import pytest

from local.image_api import StandInServer, running
from tests.e2e.conftest import BringUp
from tests.e2e.lines import ROOT
from tests.e2e.road import Doors, Road

pytestmark = pytest.mark.slow

# Everything that is off by default and that the emulator supports.
COMPANY = {"DeletionProtection": "true", "KeepResultVersions": "true", "RolePath": "/app/", "Tracing": "true"}


def test_a_topic_sends_requests_once_the_operator_lets_it_in(bring_up: BringUp) -> None:
    """The emulator checks the queue's policy, as SNS does."""
    with running(StandInServer(key="sk-topic")) as api:
        wanted: dict[str, Any] = {"image_api_url": api.url, "image_api_key": api.key}
        stack = bring_up(**wanted)
        road, cli = Road(stack, api), Doors(stack).cli
        cli(
            "cloudformation", "deploy", "--stack-name", "orders",
            "--template-file", str(ROOT / "examples" / "producer.yaml"),
            "--parameter-overrides", f"RequestsQueueArn={stack.env['REQUESTS_QUEUE_ARN']}",
        )  # fmt: skip
        topic = cli(
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            "orders",
            "--query",
            "Stacks[0].Outputs[0].OutputValue",
            "--output",
            "text",
        ).strip()

        def publish(name: str) -> None:
            body = json.dumps({"request_id": name, "instruction": "Add a white frame"})
            cli(
                "sns", "publish", "--topic-arn", topic, "--message-group-id", "shop/mug",
                "--message-deduplication-id", name, "--message", body,
            )  # fmt: skip

        publish("refused")
        bring_up(**wanted, port=stack.port, parameters={"AllowedProducerArns": topic, **COMPANY})
        publish("taken")
        assert road.turn("shop/mug", 1)["request_id"] == "taken"
        assert len(road.results("shop/mug")) == 1

    roles = json.loads(cli("iam", "list-roles", "--output", "json"))["Roles"]
    assert {role["Path"] for role in roles if role["RoleName"].startswith("darkroom-")} == {"/app/"}
    table = stack.aws.dynamodb.describe_table(TableName=stack.env["THREADS_TABLE"])["Table"]
    assert table["DeletionProtectionEnabled"]
    assert stack.aws.s3.get_bucket_versioning(Bucket=stack.env["RESULTS_BUCKET"])["Status"] == "Enabled"
