"""The real template, built and deployed into the emulator with the real `sam build` and `sam deploy`."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Set
from pathlib import Path

from botocore.exceptions import ClientError

from local.stack import aws
from local.stack.digests import digest
from local.stack.home import EMULATOR_PYTHON, HOMES, REPOSITORY, SAM, UV, Home, Trouble

STACK = "darkroom"
_ARTIFACTS = "darkroom-artifacts"
_READY_WITHIN = 60.0
_BUILT_FROM = ("template.yaml", "monitoring.yaml", "layers", "local/tools/ministack.txt")
_DEPLOYED_FROM = (*_BUILT_FROM, "functions")


def fingerprint(parameters: Mapping[str, str]) -> str:
    """A hash of the sources, the parameters and the interpreter."""
    return digest(_DEPLOYED_FROM, [dict(parameters), _interpreter()])


def is_deployed(home: Home, mark: str, known: aws.Clients) -> bool:
    """Whether the emulator holds the very deployment that was recorded with this fingerprint."""
    try:
        noted = json.loads(_note(home).read_text())
    except (OSError, ValueError):
        return False
    return bool(noted == {"fingerprint": mark, "stack": _identity(known)})


def build(home: Home) -> None:
    """Build the layer, if its sources have changed. The functions are one file each and need no build."""
    for cache in (REPOSITORY / "functions").rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)
    mark = digest(_BUILT_FROM, [str(REPOSITORY), _interpreter()])
    note = home.build / "fingerprint"
    if note.exists() and note.read_text() == mark:
        return
    template = REPOSITORY / "template.yaml"
    _sam(home, "build", "--build-dir", home.build, "--base-dir", REPOSITORY, "--template", template)
    note.write_text(mark)


def deploy(home: Home, parameters: Mapping[str, str], mark: str, known: aws.Clients) -> None:
    _remove_failed(known)
    known.s3.create_bucket(Bucket=_ARTIFACTS)
    wanted = _parameters(home)
    # JSON is also YAML, and needs no quoting on a command line.
    wanted.write_text(json.dumps(dict(parameters), ensure_ascii=False, indent=2), encoding="utf-8")
    _sam(
        home, "deploy", "--template-file", home.build / "template.yaml",
        "--stack-name", STACK, "--region", aws.REGION, "--s3-bucket", _ARTIFACTS,
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides", f"file://{wanted}",
        "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
    )  # fmt: skip
    _note(home).write_text(json.dumps({"fingerprint": mark, "stack": _identity(known)}))


def last_parameters(home: Home) -> dict[str, str]:
    """The parameters of the last deployment; empty if there was none."""
    try:
        noted: dict[str, str] = json.loads(_parameters(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted


def outputs(known: aws.Clients) -> dict[str, str]:
    stack = known.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def wait_until_ready(stack: Mapping[str, str], known: aws.Clients) -> None:
    """Wait until the functions can be called and their queues are read, except those that an operator has paused."""
    deadline = time.monotonic() + _READY_WITHIN
    wanted = {stack["OnUploadFunction"]: {"Enabled"}, stack["OnRequestFunction"]: {"Enabled", "Disabled"}}
    while not all(_is_ready(name, states, known) for name, states in wanted.items()):
        if time.monotonic() > deadline:
            raise Trouble("The functions did not become ready. `make logs` may tell why.")
        time.sleep(0.2)


def is_paused(stack: Mapping[str, str], known: aws.Clients) -> bool:
    """Whether an operator has paused it, or a part of it."""
    return "Disabled" in _states(stack["OnRequestFunction"], known)


def put_key(stack: Mapping[str, str], key: str, known: aws.Clients) -> None:
    """Put the image API's key into the secret, if it is not there already."""
    secret = stack["ImageApiKeySecretArn"]
    if _key(secret, known) != key:
        known.secrets.put_secret_value(SecretId=secret, SecretString=key)


def exists(known: aws.Clients) -> bool:
    return _identity(known) is not None


def has_buckets(known: aws.Clients) -> bool:
    return any(each["Name"].startswith(f"{STACK}-uploads-") for each in known.s3.list_buckets()["Buckets"])


def _key(secret: str, known: aws.Clients) -> str | None:
    try:
        return known.secrets.get_secret_value(SecretId=secret)["SecretString"]
    except ClientError:
        return None


def _is_ready(function: str, wanted: Set[str], known: aws.Clients) -> bool:
    state = known.functions.get_function_configuration(FunctionName=function)
    settled = state["State"] == "Active" and state.get("LastUpdateStatus", "Successful") == "Successful"
    return settled and set() < _states(function, known) <= wanted


def _states(function: str, known: aws.Clients) -> set[str]:
    """The states of a function's event source mappings."""
    sources = known.functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return {each["State"] for each in sources}


def _identity(known: aws.Clients) -> list[str] | None:
    """The identity of the deployment. It changes with each deployment, and when a crash has lost one."""
    try:
        stack = known.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return None
    return [stack["StackId"], str(stack.get("LastUpdatedTime")), stack["StackStatus"]]


def _remove_failed(known: aws.Clients) -> None:
    """Remove a stack whose creation failed. Nothing else can be done with it, and it holds nothing."""
    identity = _identity(known)
    if identity and identity[2] in (
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "CREATE_FAILED",
        "REVIEW_IN_PROGRESS",
    ):
        known.cloudformation.delete_stack(StackName=STACK)
        known.cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def _sam(home: Home, *words: str | Path) -> None:
    """Run sam. Its output goes to the log, and to the screen only after a failure."""
    environment = {
        **aws.environment(home.endpoint),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        "__SAM_CLI_APP_DIR": str(HOMES / "sam"),
        "UV": str(UV),
        "LAYER_PYTHON": str(EMULATOR_PYTHON),
        "COLUMNS": "160",
    }
    # Only the part "local" of the configuration file is read, and there is none: the answers to
    # `sam deploy --guided` are about a real account.
    command = [str(word) for word in (SAM, *words, "--config-env", "local")]
    with home.log("deploy").open("ab") as log:
        begin = log.tell()
        ended = subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, check=False)  # noqa: S603
    if ended.returncode:
        said = home.log("deploy").read_bytes()[begin:].decode(errors="replace").strip().splitlines()
        last = "\n".join(said[-25:])
        raise Trouble(f"{last}\n\n`sam {words[0]}` failed. Its whole output: {home.log('deploy')}")


def _interpreter() -> str:
    return str(EMULATOR_PYTHON.resolve())


def _parameters(home: Home) -> Path:
    return home.folder / "parameters.yaml"


def _note(home: Home) -> Path:
    return home.folder / "deployed.json"
