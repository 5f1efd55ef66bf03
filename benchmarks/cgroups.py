"""Linux control groups, version 1 and version 2: a memory limit, a share of a processor."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds
MEGABYTES_OF_ONE_PROCESSOR = 1769  # of Lambda's memory setting


class NotPermitted(Exception):
    """This machine does not let us make control groups. The text says so."""


@contextmanager
def memory(limit: int) -> Iterator[str]:
    """A group (its folder) with a memory limit in bytes and without swap."""
    second = {"memory.max": str(limit), "memory.swap.max": "0"}
    first = {"memory.limit_in_bytes": str(limit), "memory.memsw.limit_in_bytes": str(limit)}
    with _group("memory", first, second) as folder:
        yield folder


@contextmanager
def processor(share: float) -> Iterator[str]:
    """A group with this share of one processor. A share over 1 uses several."""
    quota = str(round(share * PERIOD))
    first = {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": quota}
    with _group("cpu", first, {"cpu.max": f"{quota} {PERIOD}"}) as folder:
        yield folder


@contextmanager
def _group(controller: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[str]:
    is_second = (ROOT / "cgroup.controllers").exists()
    folder = (ROOT if is_second else ROOT / controller) / f"darkroom-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError as error:
        raise NotPermitted(f"not measured, no control group may be made here ({error.strerror})") from error
    try:
        _set(folder, second if is_second else first)
        yield str(folder)
    finally:
        _remove(folder)


def _set(folder: Path, values: Mapping[str, str]) -> None:
    """Write the group's values. Those for swap may be missing, because a kernel without swap does not need them."""
    for name, value in values.items():
        try:
            (folder / name).write_text(value)
        except OSError as error:
            if "swap" not in name and "memsw" not in name:
                raise NotPermitted(f"not measured, {name} may not be set here ({error.strerror})") from error


def _remove(folder: Path) -> None:
    """Remove the group. The kernel keeps it for a moment after its last process."""
    for _ in range(50):
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.1)
