"""The environment of the measured processes: the interpreter, the packages, and the variables that Lambda would set."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers.processes import Servers
from benchmarks.servers.small_calls import KEY, REGION, TEMPLATE
from benchmarks.trust import Trust
from local.stack.home import REPOSITORY, TOOLS, UV
from local.stack.parameters import read_template

HOME = REPOSITORY / ".local" / "bench"
PYTHON = TOOLS / "bench" / "bin" / "python"
LAYER = REPOSITORY / "layers" / "darkroom"
BUCKETS = ("uploads", "results", "spool")
TABLE = "threads"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/"
BUCKET_NAME = "${AWS::StackName}-%s-${AWS::AccountId}-${AWS::Region}"  # in the template
GIVEN = {"MaxRequestMegabytes": "30"}  # 3 x 7 MB are 28 MB in base64
MODULES = {"naive": "benchmarks.clients.naive", "floor": "benchmarks.clients.floor", "darkroom": "app"}


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of the measured processes. `packages` is the layer's folder, built and compiled for `PYTHON`, as
    shipped. `uncompiled` has a sample's packages, as `sam build` unpacks them.
    """

    trust: Trust
    packages: Path
    uncompiled: Path

    def variables(self, client: str, servers: Servers, dialect: str = "nebula") -> dict[str, str]:
        """All variables of a process of this client. None comes from the process that starts it."""
        folders = [self.trust.packages, REPOSITORY]
        if client != "naive":
            folders[1:1] = [self.packages, REPOSITORY / "functions" / "on_request"]
        common = {**_common(servers), "PYTHONPATH": os.pathsep.join(map(str, folders))}
        told = _of_the_template(servers, dialect) if client == "darkroom" else _of_a_sample(servers)
        return {**common, "SSL_CERT_FILE": str(self.trust.bundle), **told}


def built_layer() -> Path:
    """The layer's `python` folder, built by its own Makefile for the measured interpreter."""
    target = HOME / "layer"
    shutil.rmtree(target, ignore_errors=True)
    build_layer(target, {"LAYER_PYTHON": str(PYTHON)})
    return target / "python"


def uncompiled_packages() -> Path:
    """The packages of a sample, with boto3, as AWS advises. `sam build` unpacks wheels and compiles nothing, and on
    Lambda their folder is read-only.
    """
    target = HOME / "sample"
    shutil.rmtree(target, ignore_errors=True)
    (installed,) = (PYTHON.parents[1] / "lib").glob("python3*/site-packages")
    for package in installed.iterdir():
        if not package.name.startswith("_"):
            _copy(package, target / package.name)
    return target


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)


def build_layer(target: Path, variables: Mapping[str, str]) -> None:
    """Build the layer as `sam build` does, in a folder of our own."""
    given = {"UV": str(UV), "ARTIFACTS_DIR": str(target), **variables}
    told = [f"{name}={value}" for name, value in given.items()]
    subprocess.run(["/usr/bin/env", "make", "--silent", "build-DarkroomLayer", *told], cwd=LAYER, check=True)


def template() -> dict[str, Any]:
    """The real template."""
    return read_template(TEMPLATE)


def python_version() -> str:
    """The measured interpreter's version in the form of a runtime's name: `python3.13`."""
    told = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout
    return "python" + ".".join(told.split()[1].split(".")[:2])


def memory_megabytes() -> int:
    """The memory of the function that answers requests."""
    return int(template()["Resources"]["OnRequestFunction"]["Properties"]["MemorySize"])


def _common(servers: Servers) -> dict[str, str]:
    small = servers.small.url()
    arenas = "MALLOC_ARENA_MAX"  # set for all clients, so that threads make none of them larger
    return {
        arenas: template()["Globals"]["Function"]["Environment"]["Variables"][arenas],
        "PATH": os.environ["PATH"],
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_ENDPOINT_URL_S3": servers.s3.url(),
        "AWS_ENDPOINT_URL_DYNAMODB": small,
        "AWS_ENDPOINT_URL_SQS": small,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": small,
    }


def _of_a_sample(servers: Servers) -> dict[str, str]:
    return {
        "IMAGE_API_URL": servers.api.url(),
        "IMAGE_API_KEY": KEY,
        "IMAGE_MODEL": "gemini-3.1-flash-image",
        "RESULTS_BUCKET": "results",
        "THREADS_TABLE": TABLE,
        "POWERTOOLS_SERVICE_NAME": "sample",
    }


def _of_the_template(servers: Servers, dialect: str) -> dict[str, str]:
    """The function's environment from the template: each parameter's default, except the benchmark's own values."""
    content = template()
    queues = [name for name, each in content["Resources"].items() if each["Type"] == "AWS::SQS::Queue"]
    known = {
        **{name: str(parameter["Default"]) for name, parameter in content["Parameters"].items()},
        **{name: f"{QUEUE_URL}{name}.fifo" for name in queues},
        **{BUCKET_NAME % bucket: bucket for bucket in BUCKETS},
        **GIVEN,
        "ImageApiDialect": dialect,
        "ImageApiUrl": servers.api.url(),
        "ImageApiKeySecret.Id": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:key",
        "ThreadsTable": TABLE,
    }
    declared = content["Globals"]["Function"], content["Resources"]["OnRequestFunction"]["Properties"]
    variables = {name: value for part in declared for name, value in part["Environment"]["Variables"].items()}
    return {name: known.get(str(value), str(value)) for name, value in variables.items()}
