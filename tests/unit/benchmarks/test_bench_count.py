"""Instructions are counted from Valgrind's output. A machine without Valgrind reports that, and fails nothing."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import callgrind
from benchmarks.callgrind import Count
from benchmarks.clients.turn import lengthen_waits
from benchmarks.rows.instructions import Instructions, own, whole
from benchmarks.runs import Bench, Measured
from benchmarks.samples import Samples
from benchmarks.verdict import conclusion, failures

PROFILE = """
events: Ir
summary: 1000
ob=(1) libcrypto.so.3
fn=(1) EVP_DigestUpdate
0 7
cfn=(2) SHA256_Update
calls=3 0
0 400
cfn=(3) memcpy
calls=1 0
0 50
fn=(2)
0 20
cfn=(4) 0x000000000029ad80
calls=3 0
0 380
fn=(5) sha256_final
cfn=(2)
calls=1 0
+2 30
totals: 1000
"""
HASH_ONCE, HASH_TWICE = (
    f"import hashlib, os; os.getpgid(0); {'hashlib.sha256(bytes(100_000)); ' * times}os.getpgid(0); os._exit(0)"
    for times in (1, 2)
)


def test_the_cost_of_hashing_is_that_of_the_calls_to_it() -> None:
    """The cost of the functions that it calls is already in it."""
    assert callgrind.read(PROFILE.splitlines()) == Count(1000, 430)


def test_a_turns_own_instructions_are_those_that_hash_nothing() -> None:
    run = Measured(
        wall=1.0, cpu=0.5, growth=8e6, peak=9e7, served=0.1, read_units=1, write_units=1, spooled=0, calls={},
        count=Count(5_000_000, 2_000_000),
    )  # fmt: skip
    assert (own(run), whole(run)) == (3.0, 5.0)


@pytest.mark.skipif(not callgrind.is_here(), reason=callgrind.INSTALL)
def test_a_part_is_counted_between_two_marks_and_is_the_same_each_time(tmp_path: Path) -> None:
    once, again, twice = (
        counted(program, tmp_path / str(number)) for number, program in enumerate((HASH_ONCE, HASH_ONCE, HASH_TWICE))
    )
    assert once == again
    assert 1.99 * once.hashing < twice.hashing < 2.01 * once.hashing
    assert 100_000 < once.hashing < once.whole


def counted(program: str, profile: Path) -> Count:
    command = [*callgrind.command(profile), sys.executable, "-c", program]
    subprocess.run(command, check=True, capture_output=True, env=callgrind.VARIABLES)
    return callgrind.counted(callgrind.part(profile, 2))


def test_without_valgrind_each_goal_is_not_measured_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    lines = Instructions().report(Samples(0), cast("Bench", None)).lines
    assert conclusion(lines) == "Goals: 5 not measured."
    assert {line.missing for line in lines} == {callgrind.INSTALL}
    assert failures(lines) == []


def test_waits_last_as_much_longer_as_a_counted_process(monkeypatch: pytest.MonkeyPatch) -> None:
    base: Any = threading.Event
    monkeypatch.setattr(base, "wait", base.wait)  # restores it at the end
    lengthen_waits(10)
    began = time.monotonic()
    assert not threading.Event().wait(0.02)
    assert time.monotonic() - began >= 0.2
