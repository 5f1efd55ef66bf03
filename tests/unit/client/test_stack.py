"""A stack's outputs are read once, and again if they prove out of date. A service may name the parts itself."""

from pathlib import Path
from typing import Any

import pytest

from darkroom.providers.dialects.gemini import GEMINI
from darkroom.providers.dialects.nebula import NEBULA
from darkroom_client.errors import Denied, Gone, Invalid, Trouble, Unreachable
from darkroom_client.room import Darkroom
from darkroom_client.stacks import connection
from darkroom_client.stacks.outputs_cache import OutputsCache
from darkroom_client.stacks.stack import Deployed, Known, Stack

ENV = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
}  # fmt: skip


class CloudFormation:
    """A fake with one stack, whose table may get another name. It counts the calls."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.asked = 0

    def client(self, service: str) -> "CloudFormation":
        assert service == "cloudformation"
        return self

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - boto3's own
        self.asked += 1
        outputs = [{"OutputKey": "ThreadsTable", "OutputValue": self.table}]
        parameters = [{"ParameterKey": "MaxPaidCalls", "ParameterValue": "2"}]
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs, "Parameters": parameters}]}

    def describe_stack_resources(self, StackName: str) -> Any:  # noqa: N803 - boto3's own
        return {"StackResources": [{"LogicalResourceId": "Of", "PhysicalResourceId": StackName}]}


@pytest.fixture
def formation() -> Any:
    return CloudFormation("threads")


@pytest.fixture
def cache(tmp_path: Path) -> OutputsCache:
    return OutputsCache("shop", environ={"XDG_CACHE_HOME": str(tmp_path)})


def opened(formation: Any, cache: OutputsCache) -> Stack:
    """The stack in a new process."""
    return Stack(Deployed("shop", formation, cache), formation.client)


def test_outputs_are_read_once_for_all_commands(formation: Any, cache: OutputsCache) -> None:
    for _ in range(3):
        assert opened(formation, cache).outputs == {"ThreadsTable": "threads"}
    assert formation.asked == 1


def test_parameters_and_resources_are_those_of_now(formation: Any, cache: OutputsCache) -> None:
    stack = opened(formation, cache)
    assert (stack.parameters, stack.resources) == ({"MaxPaidCalls": "2"}, {"Of": "shop"})


@pytest.mark.parametrize("refusal", [Gone, Denied, Invalid])  # another dialect may accept an invalid option
def test_outputs_of_an_earlier_stack_are_read_anew_and_it_is_asked_again(
    formation: Any, cache: OutputsCache, refusal: type[Trouble]
) -> None:
    assert opened(formation, cache).outputs
    formation.table = "others"
    stack = opened(formation, cache)

    def ask() -> str:
        if stack.outputs["ThreadsTable"] == "threads":
            raise refusal("not there")
        return "an answer"

    assert stack.up_to_date(ask) == "an answer"
    assert cache.read() == {"ThreadsTable": "others"}


def test_what_is_denied_by_outputs_of_now_is_denied(formation: Any, cache: OutputsCache) -> None:
    asked = []

    def ask() -> None:
        asked.append(stack.outputs)
        raise Denied("no")

    for opening in range(2):  # outputs that were just read, and cached ones
        stack = opened(formation, cache)
        with pytest.raises(Denied):
            stack.up_to_date(ask)
        assert len(asked) == opening + 1


def test_an_output_that_an_earlier_release_did_not_have_is_looked_for_once_more(
    formation: Any, cache: OutputsCache
) -> None:
    cache.write({"Older": "1"})
    assert opened(formation, cache).outputs["ThreadsTable"] == "threads"
    assert formation.asked == 1


def test_a_stack_of_something_else_is_told(formation: Any, cache: OutputsCache) -> None:
    with pytest.raises(Unreachable, match="The stack shop has no output UploadsBucket"):
        _ = opened(formation, cache).outputs["UploadsBucket"]


def test_a_stack_that_is_only_being_made_is_not_remembered_as_one_without_outputs(
    formation: Any, cache: OutputsCache
) -> None:
    cache.write({})
    assert opened(formation, cache).outputs == {"ThreadsTable": "threads"}


def test_whoever_chooses_a_stack_has_it_read_now(formation: Any, cache: OutputsCache) -> None:
    assert opened(formation, cache).outputs
    formation.table = "others"
    assert opened(formation, cache).fresh_outputs() == {"ThreadsTable": "others"}
    assert formation.asked == 2


def test_a_stack_on_this_machine_hears_of_no_real_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a real one")
    reached = connection.on_this_machine(ENV)
    client = reached.client("s3")
    credentials = client._request_signer._credentials
    assert client.meta.endpoint_url == ENV["AWS_ENDPOINT_URL"]
    assert (credentials.access_key, credentials.token) == ("test", None)
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}, ExpiresIn=60)
    assert "X-Amz-Expires=60" in url


def test_a_service_names_the_parts_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    named = {
        "UPLOADS_BUCKET": "u", "RESULTS_BUCKET": "r", "REQUESTS_QUEUE_URL": "q", "THREADS_TABLE": "t"
    }  # fmt: skip
    assert Darkroom.from_environment(named).stack.outputs == {
        "UploadsBucket": "u", "ResultsBucket": "r", "RequestsQueueUrl": "q", "ThreadsTable": "t"
    }  # fmt: skip
    del named["THREADS_TABLE"]
    with pytest.raises(Unreachable, match="THREADS_TABLE not set"):
        Darkroom.from_environment(named)


def test_a_service_may_name_the_dialect_of_the_stack_in_its_environment() -> None:
    named = dict.fromkeys(("UPLOADS_BUCKET", "RESULTS_BUCKET", "REQUESTS_QUEUE_URL", "THREADS_TABLE"), "x")
    assert Darkroom.from_environment({**named, "IMAGE_API_DIALECT": "gemini"}).stack.dialect is GEMINI
    assert Darkroom.from_environment(named).stack.dialect is NEBULA


def test_model_and_address_are_the_stacks_own_or_those_of_its_dialect() -> None:
    def stack(dialect: dict[str, str], **parameters: str) -> Stack:
        return Stack(Known(dialect, parameters, {}), lambda _: None)

    own = stack({}, ImageModel="m", ImageApiUrl="https://a")
    assert (own.image_model, own.image_api_url) == ("m", "https://a")
    empty = stack({"ImageApiDialect": "gemini"}, ImageModel="", ImageApiUrl="")
    assert (empty.image_model, empty.image_api_url) == (GEMINI.model, GEMINI.url)


def test_a_dialect_of_a_later_release_is_told() -> None:
    with pytest.raises(Unreachable, match="speaks the dialect later to its image API"):
        _ = Stack(Known({"ImageApiDialect": "later"}, {}, {}), lambda _: None).dialect


def test_what_is_known_is_not_read_anew() -> None:
    assert not Known({}, {}, {}).reads_anew()
