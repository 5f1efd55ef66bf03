"""Other senders of requests, and receivers of results: the templates of `examples/`, deployed as their comments say.

Each test and `examples/README.md` say where the emulator falls short: it moves nothing from a queue through a pipe, and
makes no API destination by CloudFormation.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.image_api import StandInServer, running
from local.stack.parameters import read_template
from tests.e2e.conftest import BringUp
from tests.e2e.lines import ROOT
from tests.e2e.road import Doors, Road, eventually
from tests.templates import without

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
OTHER_ACCOUNT = "111122223333"  # the emulator takes an access key of twelve digits for an account
# Everything that is off by default and that the emulator supports.
COMPANY = {"DeletionProtection": "true", "KeepResultVersions": "true", "RolePath": "/app/", "Tracing": "true"}


def deployed(doors: Doors, name: str, template: Path, **parameters: str) -> dict[str, str]:
    """Deploy an example's stack with `aws cloudformation deploy`. Return its outputs."""
    given = [f"{key}={value}" for key, value in parameters.items()]
    doors.cli(
        "cloudformation", "deploy", "--stack-name", name, "--template-file", str(template),
        "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *given,
    )  # fmt: skip
    found = json.loads(doors.cli("cloudformation", "describe-stacks", "--stack-name", name, "--output", "json"))
    return {each["OutputKey"]: each["OutputValue"] for each in found["Stacks"][0]["Outputs"]}


def request(name: str, **more: str) -> str:
    return json.dumps({"request_id": name, "instruction": "Add a white frame", **more})


@dataclass(frozen=True)
class OtherAccount:
    """A role of another account with the policy of the example."""

    endpoint: str
    queue_url: str
    credentials: Mapping[str, str]

    @classmethod
    def of(cls, road: Road) -> "OtherAccount":
        env = {**road.stack.env, "AWS_ACCESS_KEY_ID": OTHER_ACCOUNT}
        there = Doors(replace(road.stack, env=env))
        arn = road.stack.env["REQUESTS_QUEUE_ARN"]
        outputs = deployed(there, "producer", EXAMPLES / "other-account.yaml", RequestsQueueArn=arn)
        trust = {"Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        there.cli("iam", "create-role", "--role-name", "shop", "--assume-role-policy-document", document)
        policy = outputs["SendRequestsPolicyArn"]
        there.cli("iam", "attach-role-policy", "--role-name", "shop", "--policy-arn", policy)
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/shop"
        taken = there.cli("sts", "assume-role", "--role-arn", role, "--role-session-name", "shop", "--output", "json")
        return cls(env["AWS_ENDPOINT_URL"], env["REQUESTS_QUEUE_URL"], json.loads(taken)["Credentials"])

    @property
    def sqs(self) -> Any:
        return boto3.client(
            "sqs", region_name="us-east-1", endpoint_url=self.endpoint,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )  # fmt: skip

    def send(self, name: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.queue_url, MessageBody=request(name), MessageGroupId="other/mug", MessageDeduplicationId=name
        )


@dataclass(frozen=True)
class Producers:
    """A stack whose operator has let a topic and an account in. It refused both before."""

    road: Road
    topic: str
    other: OtherAccount

    def publish(self, name: str) -> None:
        self.road.cli(
            "sns", "publish", "--topic-arn", self.topic, "--message-group-id", "shop/mug",
            "--message-deduplication-id", name, "--message", request(name),
        )  # fmt: skip


@pytest.fixture(scope="module")
def producers(bring_up: BringUp) -> Iterator[Producers]:
    with running(StandInServer(key="sk-topic")) as api:
        wanted: dict[str, Any] = {"image_api_url": api.url, "image_api_key": api.key}
        stack = bring_up(**wanted)
        road = Road(stack, api)
        arn = stack.env["REQUESTS_QUEUE_ARN"]
        topic = deployed(road, "orders", EXAMPLES / "producer.yaml", RequestsQueueArn=arn)["TopicArn"]
        made = Producers(road, topic, OtherAccount.of(road))
        made.publish("refused")
        with pytest.raises(ClientError, match="AccessDenied"):
            made.other.send("refused")
        let_in = {"AllowedProducerArns": topic, "AllowedProducerAccounts": OTHER_ACCOUNT}
        bring_up(**wanted, port=stack.port, parameters={**let_in, **COMPANY})
        yield made


def test_a_topic_sends_requests_once_the_operator_lets_it_in(producers: Producers) -> None:
    """The emulator checks the queue's policy, as SNS does."""
    producers.publish("taken")
    assert producers.road.turn("shop/mug", 1)["request_id"] == "taken"
    assert len(producers.road.results("shop/mug")) == 1


def test_another_account_sends_requests_once_both_sides_agree_and_can_do_nothing_else(producers: Producers) -> None:
    producers.other.send("taken")
    assert producers.road.turn("other/mug", 1)["request_id"] == "taken"
    assert len(producers.road.results("other/mug")) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        producers.other.sqs.receive_message(QueueUrl=producers.other.queue_url)


def test_what_a_company_turns_on_is_on(producers: Producers) -> None:
    stack = producers.road.stack
    roles = json.loads(producers.road.cli("iam", "list-roles", "--output", "json"))["Roles"]
    assert {role["Path"] for role in roles if role["RoleName"].startswith("darkroom-")} == {"/app/"}
    table = stack.aws.dynamodb.describe_table(TableName=stack.env["THREADS_TABLE"])["Table"]
    assert table["DeletionProtectionEnabled"]
    assert stack.aws.s3.get_bucket_versioning(Bucket=stack.env["RESULTS_BUCKET"])["Status"] == "Enabled"


# ---------------------------------------------------------------- a bus and a pipe


def at(path: str, document: Any) -> Any:
    """The value at a path such as `$.body.detail`. The body of a message is read as JSON, as a pipe does."""
    for name in path.removeprefix("$.").split("."):
        document = document[name]
        document = json.loads(document) if name == "body" else document
    return document


def test_events_of_a_bus_become_requests_by_way_of_a_pipe(producers: Producers) -> None:
    """The emulator's rule puts matching events into the queue. The test plays the pipe."""
    road, sqs = producers.road, producers.road.stack.aws.sqs
    arn = road.stack.env["REQUESTS_QUEUE_ARN"]
    outputs = deployed(road, "pipe", EXAMPLES / "pipe.yaml", RequestsQueueArn=arn)
    for detail in (request("no-thread"), request("order-1", thread_id="pipe/mug")):
        event = {"EventBusName": outputs["BusName"], "Source": "shop", "DetailType": "Picture ordered"}
        road.cli("events", "put-events", "--entries", json.dumps([{**event, "Detail": detail}]))
    (waiting,) = eventually(lambda: sqs.receive_message(QueueUrl=outputs["WaitingUrl"]).get("Messages"))
    asked = read_template(EXAMPLES / "pipe.yaml")["Resources"]["Pipe"]["Properties"]["TargetParameters"]
    message = {"body": waiting["Body"]}
    sqs.send_message(
        QueueUrl=road.stack.env["REQUESTS_QUEUE_URL"],
        MessageBody=json.dumps(at(asked["InputTemplate"].strip("<>"), message)),
        **{name: at(path, message) for name, path in asked["SqsQueueParameters"].items()},
    )
    assert road.turn("pipe/mug", 1)["request_id"] == "order-1"


# ---------------------------------------------------------------- a signed webhook


@dataclass
class Endpoint:
    """A service that receives outcomes."""

    url: str
    told: list[tuple[Mapping[str, str], dict[str, Any]]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            endpoint.told.append((headers, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/outcomes")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def destination(road: Road, endpoint: Endpoint, key: str) -> str:
    """Make the template's API destination through the API. Its endpoint is on this machine, and so without TLS."""
    resources = read_template(EXAMPLES / "webhook.yaml")["Resources"]
    connection, target = resources["Connection"]["Properties"], dict(resources["Destination"]["Properties"])
    connection["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyValue"] = key
    events = boto3.client("events", region_name="us-east-1", endpoint_url=road.stack.env["AWS_ENDPOINT_URL"],
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    target["ConnectionArn"] = events.create_connection(Name="webhook", **connection)["ConnectionArn"]
    target["InvocationEndpoint"] = endpoint.url
    return str(events.create_api_destination(Name="webhook", **target)["ApiDestinationArn"])


def signature(secret: str, told: Mapping[str, str]) -> str:
    """The signature, computed as the template's comment says, and as a receiver does."""
    signed = "\n".join(told[name] for name in ("id", "time", "bucket", "key", "etag"))
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def test_a_webhook_tells_of_an_outcome_and_signs_what_it_says(producers: Producers, tmp_path: Path) -> None:
    road, template = producers.road, tmp_path / "webhook.yaml"
    with listening() as endpoint:
        arn = destination(road, endpoint, "the-key-of-the-endpoint")
        text = without((EXAMPLES / "webhook.yaml").read_text(encoding="utf-8"), "Connection", "Destination")
        template.write_text(text.replace("!GetAtt Destination.Arn", arn))
        bucket = road.stack.env["RESULTS_BUCKET"]
        own = {"ResultsBucket": bucket, "Endpoint": "https://example.com", "ApiKey": "the-key-of-the-endpoint"}
        outputs = deployed(road, "webhook", template, **own)
        road.send("webhook/mug", {"request_id": "r", "instruction": "Add a white frame"})
        headers, told = eventually(
            lambda: next((each for each in endpoint.told if "webhook/mug" in each[1]["key"]), None)
        )
    secret = road.stack.aws.secrets.get_secret_value(SecretId=outputs["SigningSecretArn"])["SecretString"]
    assert hmac.compare_digest(told.pop("signature"), signature(secret, told))
    assert headers["x-api-key"] == "the-key-of-the-endpoint"
    document = road.document(told["key"])
    assert document is not None
    assert (told["bucket"], document["request_id"]) == (bucket, "r")
    assert set(told) == {"id", "time", "bucket", "key", "etag"}
