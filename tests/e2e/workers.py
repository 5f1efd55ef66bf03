"""The processes that run a stack's functions (by default on_request), for tests that kill or freeze them."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import Stack

ON_REQUEST, ON_UPLOAD = "on-request", "on-upload"


def limit_time(stack: Stack, seconds: int) -> None:
    """Lower the function's time-out, and with it the queues' wait for a worker that never started its work."""
    name, functions, sqs = stack.env["ON_REQUEST_FUNCTION"], stack.aws.functions, stack.aws.sqs
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)
    for source in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        url = sqs.get_queue_url(QueueName=source["EventSourceArn"].rpartition(":")[2])["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


def kill(stack: Stack, function: str = ON_REQUEST) -> list[int]:
    """Kill every worker with SIGKILL. Return their ids."""
    return _signal(stack, function, signal.SIGKILL)


def freeze(stack: Stack) -> list[int]:
    """Stop every worker, until the function's time-out ends it."""
    return _signal(stack, ON_REQUEST, signal.SIGSTOP)


def running(stack: Stack, function: str = ON_REQUEST) -> list[int]:
    """The workers' process ids, found by the stack's folder in their commands."""
    mine = f"/{stack.port}/scratch/ministack-lambda-darkroom-{function}-"
    return [pid for pid, command in _commands() if mine in command]


def _signal(stack: Stack, function: str, number: signal.Signals) -> list[int]:
    pids = running(stack, function)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
            os.kill(pid, number)
    return pids


def _commands() -> Iterator[tuple[int, str]]:
    """Every process and its command line. A machine with a /proc need not have `ps`."""
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(["ps", "-ww", "-axo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607
        yield from ((int(line.split()[0]), line) for line in listed.stdout.splitlines())
        return
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(process.name), (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
