"""A function's process, under Lambda's own bootstrap: its folder, the built layer, and a Python as bare as Lambda's."""

import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from local.stack import aws
from local.stack.home import EMULATOR_PYTHON, REPOSITORY
from tests.e2e.bootstrap.runtime_api import PATIENCE_SECONDS, RuntimeApi, serving

# The packages that Lambda's runtime brings beside boto3. They come from the project: that Python has none of them.
RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class Function:
    """A process that waits for invocations, or runs one."""

    api: RuntimeApi
    pid: int
    log: Path

    def threads_when_idle(self) -> int:
        """The number of its threads when it asks for its next invocation, which is when Lambda freezes it.

        The bootstrap asks from a thread of its own.
        """
        assert self.api.asks.wait(PATIENCE_SECONDS)
        time.sleep(0.2)  # threads that have ended need a moment to disappear
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the process, as Lambda does between two invocations."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


def runtime_folder(folder: Path) -> Path:
    """A folder with the runtime's own packages, like `/var/runtime` on Lambda."""
    folder.mkdir()
    packages = Path(sysconfig.get_path("purelib"))
    for path in [*(packages / name for name in RUNTIME), *packages.glob("runtime_client*.so")]:
        (folder / path.name).symlink_to(path)
    return folder


@contextmanager
def started(folder: Path, layer: Path, environment: Mapping[str, str], scratch: Path) -> Iterator[Function]:
    """A process of the function in a folder, with this layer, these variables, and nothing else from this machine."""
    log = scratch / "log"
    with serving() as api, log.open("wb") as output:
        variables = {
            **aws.CREDENTIALS,
            **environment,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, (layer, runtime_folder(scratch / "runtime")))),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": folder.name,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "LAMBDA_TASK_ROOT": str(folder),
            "TZ": ":UTC",
        }
        command = [str(EMULATOR_PYTHON), "-m", "awslambdaric", "app.handler"]
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output)
        try:
            yield Function(api, process.pid, log)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def folder_of(function: str) -> Path:
    return REPOSITORY / "functions" / function
