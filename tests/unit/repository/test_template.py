"""The template keeps the contract's promises, and asks for no more than it uses."""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack.parameters import read_template

ROOT = Path(__file__).parents[3]
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS = {
    "ImageApiDialect": "nebula",
    "ImageApiUrl": "",
    "ImageModel": "",
    "ImageApiTimeoutSeconds": 300,
    "ResponseFormat": "b64_json",
    "RequestStyle": "contents",
    "MaxContextImages": 3,
    "MaxRequestMegabytes": 20,
    "MaxPaidCalls": 2,
    "DailyCallLimit": 0,
    "MaxTurnsPerThread": 200,
    "GiveUpAfterSeconds": 86400,
    "MaximumConcurrency": 10,
    "DefaultInstruction": "",
    "PairingGraceSeconds": 120,
    "KeepFoldersApart": "false",
    "MarkResults": "true",
    "PricePerImage": "",
}
OF_THE_STACK = {
    "AllowedProducerArns": "",
    "AllowedProducerAccounts": "",
    "PermissionsBoundaryArn": "",
    "RolePath": "/",
    "KmsKeyArn": "",
    "KeepResultVersions": "false",
    "DeletionProtection": "false",
    "Tracing": "false",
    "RequireTls": "true",
}
OUTPUTS = {
    "UploadsBucket", "ResultsBucket", "SpoolBucket", "RequestsQueueUrl", "RequestsQueueArn",
    "RequestsDeadLetterQueueUrl", "UploadEventsDeadLetterQueueUrl", "BatchesDeadLetterQueueUrl", "ThreadsTable",
    "OnUploadFunction", "OnRequestFunction", "OnPictureFunction", "ImageApiKeySecretArn", "AlarmsTopicArn",
    "SenderPolicyArn", "ReaderPolicyArn", "OperatorPolicyArn", "KeyPolicyArn", "StackVersion",
    "ImageApiDialect",
}  # fmt: skip
FUNCTIONS = {
    "OnUploadFunction": "OnUploadRole",
    "OnRequestFunction": "OnRequestRole",
    "OnPictureFunction": "OnPictureRole",
}


PEOPLE = ("SenderPolicy", "ReaderPolicy", "OperatorPolicy")


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each.get("Properties", {}) for name, each in RESOURCES.items() if each["Type"] == kind}


def statements(holder: str) -> Iterator[dict[str, Any]]:
    """The statements of a role, or of a policy for people."""
    properties = RESOURCES[holder]["Properties"]
    for policy in properties.get("Policies", [properties]):
        yield from policy["PolicyDocument"]["Statement"]


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def mappings() -> Iterator[dict[str, Any]]:
    """The mappings from queues to functions."""
    for function in of_type("AWS::Serverless::Function").values():
        for source in function.get("Events", {}).values():
            yield source["Properties"]


def environment(function: str) -> set[str]:
    own = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return {*own, *shared}


def test_the_parameters_have_the_contracts_names_and_defaults() -> None:
    declared = {name: each["Default"] for name, each in TEMPLATE["Parameters"].items()}
    assert declared == PARAMETERS | OF_THE_STACK


def test_every_parameter_is_explained() -> None:
    assert all(each["Description"].endswith(".") for each in TEMPLATE["Parameters"].values())


def test_the_outputs_have_the_contracts_names() -> None:
    assert set(TEMPLATE["Outputs"]) == OUTPUTS


def test_sam_deploy_may_make_roles_and_the_nested_stack_without_being_told() -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    assert settings["capabilities"].split() == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    named = ("RoleName", "ManagedPolicyName")
    assert [name for name, each in RESOURCES.items() if set(named) & set(each.get("Properties", {}))] == []


def test_everything_that_is_made_has_a_tag_by_which_costs_are_told() -> None:
    """CloudFormation gives a stack's tags to its resources, and to its nested stack."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    assert settings["tags"] == "application=darkroom"


def test_every_parameter_reaches_the_function_that_reads_it() -> None:
    reached = environment("OnUploadFunction") | environment("OnRequestFunction")
    variables = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() for name in PARAMETERS}
    assert variables <= reached


def test_a_function_that_goes_on_sending_to_a_queue_that_it_reads_is_no_loop_to_lambda() -> None:
    """Lambda refuses the 16th invocation of a chain, and a batch's message sends itself anew each day.

    `on_request` sends to `ProbesQueue` as well, in chains of at most two, so Lambda may go on looking for loops there.
    """
    assert RESOURCES["OnUploadFunction"]["Properties"]["RecursiveLoop"] == "Allow"
    assert "RecursiveLoop" not in RESOURCES["OnRequestFunction"]["Properties"]


@pytest.mark.parametrize("role", [*FUNCTIONS.values(), *PEOPLE])
def test_who_reads_a_bucket_may_know_what_is_missing_in_it(role: str) -> None:
    """Without `s3:ListBucket`, S3 answers 403 for a missing key, and its reader breaks."""
    read, known = (
        {
            resource.partition("/")[0].strip("${}")
            for statement in statements(role)
            if action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }
        for action in ("s3:GetObject", "s3:ListBucket")
    )
    assert read
    assert read <= known


def test_no_queue_takes_more_of_the_accounts_concurrency_than_it_was_given() -> None:
    scaling = {listed(each["Queue"])[0]: each["ScalingConfig"] for each in mappings()}
    condition, of_uploads, _ = scaling.pop("UploadEventsQueue.Arn")
    assert condition == "TlsIsRequired"
    scaling["UploadEventsQueue.Arn"] = of_uploads
    given = {queue: each["MaximumConcurrency"] for queue, each in scaling.items()}
    of_the_parameter = dict.fromkeys(("UploadEventsQueue.Arn", "BatchesQueue.Arn", "RequestsQueue.Arn"))
    # The probes are few, and 2 is the least that Lambda accepts.
    assert given == dict.fromkeys(of_the_parameter, "MaximumConcurrency") | {"ProbesQueue.Arn": 2}


def test_the_longest_instruction_for_all_fits_into_the_environment_of_a_function() -> None:
    """Lambda takes 4 KB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    stack, account, region = "s" * 24, "123456789012", "ap-southeast-1"
    most = TEMPLATE["Parameters"]["DefaultInstruction"]["MaxLength"]
    resources = {
        **{name: f"https://sqs.{region}.amazonaws.com/{account}/{stack}-{name}.fifo" for name in RESOURCES},
        "ThreadsTable": f"{stack}-ThreadsTable-ABCDEFGHIJKLM",
        "DefaultInstruction": "🏔" * most,
    }
    declared = TEMPLATE["Globals"]["Function"], RESOURCES["OnUploadFunction"]["Properties"]
    held = {name: str(value) for part in declared for name, value in part["Environment"]["Variables"].items()}
    for name, value in held.items():
        for pseudo, said in (("StackName", stack), ("AccountId", account), ("Region", region)):
            held[name] = resources.get(value, held[name]).replace(f"${{AWS::{pseudo}}}", said)
    assert sum(len(f"{name}{value}".encode()) for name, value in held.items()) < 4096


def test_of_a_photo_that_was_deleted_nothing_is_left_for_good() -> None:
    (rule,) = [
        each
        for each in of_type("AWS::S3::Bucket")["UploadsBucket"]["LifecycleConfiguration"]["Rules"]
        if "NoncurrentVersionExpiration" in each
    ]
    assert rule["ExpiredObjectDeleteMarker"]


def test_whatever_ends_otherwise_lies_among_dead_letters() -> None:
    """A probe is a copy, and losing it loses nothing."""
    queues = of_type("AWS::SQS::Queue")
    sources = {listed(each["Queue"])[0].removesuffix(".Arn") for each in mappings()}
    assert {queue for queue in sources if "RedrivePolicy" not in queues[queue]} == {"ProbesQueue"}
    dead = {queues[queue]["RedrivePolicy"]["deadLetterTargetArn"] for queue in sources - {"ProbesQueue"}}
    assert {f"{name}.Arn" for name in queues if "DeadLetter" in name} == dead


def test_the_runbook_counts_deliveries_as_the_queues_do() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    bounds = {
        queue: RESOURCES[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
        for queue in ("UploadEventsQueue", "RequestsQueue", "BatchesQueue")
    }
    assert set(bounds.values()) == {1000}
    said = re.findall(r"(\w+) (?:times|deliveries)\b|after (\w+) an event", runbook)
    assert {"".join(each) for each in said} - {"five", "eight", "several", "some"} == {"1000"}
    for queue, days in (("UploadEventsQueue", "4.2 days"), ("RequestsQueue", "10.4 days")):
        seconds = bounds[queue] * RESOURCES[queue]["Properties"]["VisibilityTimeout"]
        assert f"{seconds / 86_400:.1f} days" == days
        assert f"after {days}" in runbook


def test_requests_are_kept_in_order_and_named_by_their_senders() -> None:
    queue = RESOURCES["RequestsQueue"]["Properties"]
    assert queue["FifoQueue"]
    assert not queue["ContentBasedDeduplication"]
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == (
        "messageGroup",
        "perMessageGroupId",
    )
    assert queue["MaximumMessageSize"] == 1024 * 1024


@pytest.mark.parametrize("name", sorted(of_type("AWS::SQS::Queue")))
def test_a_queue_is_encrypted_and_keeps_messages_as_long_as_it_can(name: str) -> None:
    queue = of_type("AWS::SQS::Queue")[name]
    assert queue["SqsManagedSseEnabled"]
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_a_bucket_is_private_encrypted_and_outlives_the_stack(name: str) -> None:
    bucket = of_type("AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "BucketEncryption" in bucket
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_everything_that_holds_data_refuses_what_is_not_encrypted_on_its_way() -> None:
    kinds = {"Bucket": "AWS::S3::Bucket", "Queues": "AWS::SQS::Queue", "Topics": "AWS::SNS::Topic"}
    protected = {
        listed(policy[guarded])[0]
        for guarded, kind in kinds.items()
        for policy in of_type(f"{kind}Policy").values()
        if _denies_plain_text(policy)
    }
    assert protected == {name for kind in kinds.values() for name in of_type(kind)}
    assert TEMPLATE["Parameters"]["RequireTls"]["Default"] == "true"


def _denies_plain_text(policy: dict[str, Any]) -> bool:
    # A conditional statement is read as [condition, statement, nothing].
    branches = [listed(statement) for statement in policy["PolicyDocument"]["Statement"]]
    found = [each for each in itertools.chain(*branches) if isinstance(each, dict)]
    return any(each["Effect"] == "Deny" and "Bool" in each["Condition"] for each in found)


def test_topics_and_accounts_that_the_operator_names_may_send_requests_and_no_others() -> None:
    """A queue has one policy, so one from another stack would replace this one."""
    (policy,) = [each for each in of_type("AWS::SQS::QueuePolicy").values() if each["Queues"] == ["RequestsQueue"]]
    allowed = {
        condition: statement
        for condition, statement, _ in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert {condition: statement["Principal"] for condition, statement in allowed.items()} == {
        "TopicsMaySend": {"Service": "sns.amazonaws.com"},
        "AccountsMaySend": {"AWS": "AllowedProducerAccounts"},
    }
    assert {statement["Action"] for statement in allowed.values()} == {"sqs:SendMessage"}
    assert allowed["TopicsMaySend"]["Condition"] == {"ArnEquals": {"aws:SourceArn": "AllowedProducerArns"}}
    assert TEMPLATE["Conditions"]["RequestsQueueHasPolicy"] == ["TlsIsRequired", *allowed]


@pytest.mark.parametrize(
    ("arn", "is_taken"),
    [
        ("", True),
        ("arn:aws:sns:eu-west-1:123456789012:orders.fifo", True),
        ("arn:aws-cn:sns:cn-north-1:123456789012:orders.fifo", True),
        ("arn:aws:sns:eu-west-1:123456789012:orders", False),  # a standard topic reaches no FIFO queue
        ("arn:aws:events:eu-west-1:123456789012:rule/orders", False),
        ("*", False),
    ],
)
def test_only_a_fifo_topic_is_a_source_that_may_be_allowed(arn: str, is_taken: bool) -> None:
    assert bool(re.search(TEMPLATE["Parameters"]["AllowedProducerArns"]["AllowedPattern"], arn)) == is_taken


def test_an_upload_with_its_uploaders_own_key_is_refused_at_the_door_whatever_else_is_required() -> None:
    statements = of_type("AWS::S3::BucketPolicy")["UploadsBucketPolicy"]["PolicyDocument"]["Statement"]
    assert "Condition" not in RESOURCES["UploadsBucketPolicy"]
    (refusal,) = [each for each in statements if isinstance(each, dict)]
    assert (refusal["Effect"], refusal["Principal"], refusal["Action"]) == ("Deny", "*", "s3:PutObject")
    assert refusal["Resource"] == "${UploadsBucket.Arn}/*"
    # A key that is given is not null.
    assert refusal["Condition"] == {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}


# Both only read, and concern the account.
CANNOT_BE_NARROWED = frozenset(("lambda:GetAccountSettings", "cloudwatch:DescribeAlarms"))


@pytest.mark.parametrize("role", [*FUNCTIONS.values(), *PEOPLE, "KeyPolicy"])
def test_a_role_or_policy_names_its_actions_and_what_they_may_touch(role: str) -> None:
    for statement in statements(role):
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        if CANNOT_BE_NARROWED.issuperset(listed(statement["Action"])):
            continue
        assert not [resource for resource in listed(statement["Resource"]) if resource.startswith("*")]
        assert all("*" not in resource.partition("/")[0] for resource in listed(statement["Resource"]))


@pytest.mark.parametrize("policy", [*PEOPLE, "KeyPolicy"])
def test_a_policy_is_no_longer_than_iam_takes(policy: str) -> None:
    """6,144 characters with all names in them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    document = json.dumps(RESOURCES[policy]["Properties"]["PolicyDocument"], separators=(",", ":"))
    longest = {
        "Bucket": f"arn:aws:s3:::{'s' * 24}-results-123456789012-ap-southeast-1",
        "Queue": f"arn:aws:sqs:ap-southeast-1:123456789012:{'s' * 24}-upload-events-dead-letters",
        "Table": f"arn:aws:dynamodb:ap-southeast-1:123456789012:table/{'s' * 24}-ThreadsTable-ABCDEFGHIJKLM",
    }
    for kind, arn in longest.items():
        document = re.sub(rf"\$\{{\w+{kind}(\.Arn)?\}}|\b\w+{kind}\.Arn", arn, document)
    for pseudo, said in (("StackName", "s" * 24), ("AccountId", "1" * 12), ("Region", "ap-southeast-1")):
        document = document.replace(f"${{AWS::{pseudo}}}", said)
    assert len(document) < 6144


def test_no_role_has_another_policy_but_those_that_the_operator_turns_on() -> None:
    """They are the permissions for a KMS key, and for traces, which cannot be narrowed to a resource."""
    turned_on = [["IsTraced", "TracingPolicy", "AWS::NoValue"], ["HasKey", "KeyPolicy", "AWS::NoValue"]]
    assert [of_type("AWS::IAM::Role")[role]["ManagedPolicyArns"] for role in FUNCTIONS.values()] == [turned_on] * 3
    assert set(of_type("AWS::IAM::ManagedPolicy")) == {*PEOPLE, "KeyPolicy", "TracingPolicy"}
    assert (RESOURCES["TracingPolicy"]["Condition"], RESOURCES["KeyPolicy"]["Condition"]) == ("IsTraced", "HasKey")
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == ["IsTraced", "Active", "PassThrough"]


def test_a_company_may_bound_the_roles_and_name_their_path() -> None:
    roles, policies = of_type("AWS::IAM::Role"), of_type("AWS::IAM::ManagedPolicy")
    assert {each["Path"] for each in [*roles.values(), *policies.values()]} == {"RolePath"}
    bounded = ["HasBoundary", "PermissionsBoundaryArn", "AWS::NoValue"]
    assert [role["PermissionsBoundary"] for role in roles.values()] == [bounded] * len(roles)


@pytest.mark.parametrize(
    ("path", "is_taken"), [("/", True), ("/app/darkroom/", True), ("app/", False), ("/app", False), ("//", False)]
)
def test_a_path_is_one_that_iam_takes(path: str, is_taken: bool) -> None:
    assert bool(re.search(TEMPLATE["Parameters"]["RolePath"]["AllowedPattern"], path)) == is_taken


def test_a_key_of_ones_own_holds_for_all_that_is_kept_but_uploads() -> None:
    """Under it an entity tag is no MD5: the same photo, saved again, would count as a new one and be paid."""
    key = ["HasKey", "KmsKeyArn", "AWS::NoValue"]
    for name, bucket in of_type("AWS::S3::Bucket").items():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        told = rule["ServerSideEncryptionByDefault"]
        if name == "UploadsBucket":
            assert told == {"SSEAlgorithm": "AES256"}
        else:
            assert told == {"SSEAlgorithm": ["HasKey", "aws:kms", "AES256"], "KMSMasterKeyID": key}
            assert rule["BucketKeyEnabled"] == ["HasKey", True, "AWS::NoValue"]
    table = RESOURCES["ThreadsTable"]["Properties"]["SSESpecification"]
    assert (table["SSEType"], table["KMSMasterKeyId"]) == (["HasKey", "KMS", "AWS::NoValue"], key)
    kept = [*of_type("AWS::SecretsManager::Secret").values(), *of_type("AWS::Logs::LogGroup").values()]
    assert [each["KmsKeyId"] for each in kept] == [key] * 4


def test_what_protects_more_is_off_until_the_operator_turns_it_on() -> None:
    """A protected table would survive a failed first deployment, and block the next."""
    assert RESOURCES["ThreadsTable"]["Properties"]["DeletionProtectionEnabled"] == ["TableIsProtected", True, False]
    versions = RESOURCES["ResultsBucket"]["Properties"]["VersioningConfiguration"]
    assert versions == ["ResultsHaveVersions", {"Status": "Enabled"}, "AWS::NoValue"]
    conditions = {
        name: TEMPLATE["Conditions"][name] for name in ("TableIsProtected", "ResultsHaveVersions", "IsTraced")
    }
    for parameter, wanted in conditions.values():
        assert wanted == "true"
        assert TEMPLATE["Parameters"][parameter]["Default"] == "false"


@pytest.mark.parametrize(("function", "role"), FUNCTIONS.items())
def test_a_function_has_a_role_and_a_log_of_its_own(function: str, role: str) -> None:
    properties = RESOURCES[function]["Properties"]
    assert properties["Role"] == f"{role}.Arn"
    assert properties["LoggingConfig"]["LogGroup"] == function.replace("Function", "LogGroup")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_a_file_of_its_own_and_reports_what_failed(function: str) -> None:
    properties = RESOURCES[function]["Properties"]
    assert (ROOT / properties["CodeUri"] / "app.py").is_file()
    for source in properties.get("Events", {}).values():
        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_no_environment_variable_holds_the_key() -> None:
    held = set().union(*map(environment, FUNCTIONS))
    assert [name for name in held if "KEY" in name] == ["IMAGE_API_KEY_SECRET_ARN"]


def test_the_layer_ships_what_the_lock_file_says() -> None:
    locked = {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    shipped = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "layers/darkroom/requirements.txt").read_text(), re.M))
    assert shipped == {name: locked[name]["version"] for name in _needed(locked)}


def _needed(locked: dict[str, dict[str, Any]]) -> set[str]:
    """The packages in the layer's group, and their dependencies."""
    needed: set[str] = set()
    waiting = [each["name"] for each in locked["darkroom"]["dev-dependencies"]["layer"]]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [each["name"] for each in locked[name].get("dependencies", []) if "marker" not in each]
    return needed


def test_a_paid_answer_outlives_every_message_that_may_ask_for_it() -> None:
    (rule,) = of_type("AWS::S3::Bucket")["SpoolBucket"]["LifecycleConfiguration"]["Rules"]
    lives = [queue["MessageRetentionPeriod"] for queue in of_type("AWS::SQS::Queue").values()]
    assert rule["ExpirationInDays"] * 24 * 3600 > 2 * max(lives), "in its queue, and then among the dead letters"
