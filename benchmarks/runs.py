"""Runs of a client, each in its own process. A run counts only if the servers saw the expected calls."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks import callgrind
from benchmarks.callgrind import Count
from benchmarks.environment import MODULES, PYTHON, Environment
from benchmarks.floor_plan import Moved, floor_plan
from benchmarks.scenario import SPOOL, WARM_UP, Request, Scenario, Stage
from benchmarks.servers.front import IDLE_SECONDS, Exchange, counted
from benchmarks.servers.image_api import Call
from benchmarks.servers.processes import Servers
from darkroom.domain.keys import STATE
from darkroom.pictures import marking
from darkroom.streaming.blob import sha256
from local.stack.home import REPOSITORY

Client = Literal["naive", "darkroom", "floor"]
MAX_SECONDS = 90.0
MAX_COUNTED_SECONDS = 3600.0
TURN = 2  # the part of a count, after that of the small turn


@dataclass(frozen=True, slots=True)
class Series:
    """Comparable runs: one client, one scenario. The process enters control groups (folders) at its start or just
    before the measured turn.
    """

    client: Client
    scenario: Scenario
    start_groups: tuple[str, ...] = ()
    turn_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of one run in seconds and bytes. `served`: seconds in the servers, without the API's call.
    `spooled`: bytes in the spool at the end, including the few of the small turn before.
    """

    wall: float
    cpu: float
    growth: float
    peak: float
    served: float
    read_units: float
    write_units: float
    spooled: int
    calls: dict[str, int] = field(hash=False)
    count: Count | None = None  # the turn's


class Discarded(Exception):
    """The run is invalid. Its text says why."""


class Died(Discarded):
    """The process ended too early, or not at all."""


class Bench:
    """Runs clients against the servers. With `is_counted`, Valgrind counts their instructions. Then no server may drop
    an idle connection, because the idle time depends on the machine.
    """

    def __init__(self, servers: Servers, environment: Environment, *, is_counted: bool = False) -> None:
        self._servers = servers
        self._environment = environment
        self._is_counted = is_counted
        self._longest = MAX_COUNTED_SECONDS if is_counted else MAX_SECONDS
        self._stage = Stage(servers)
        self._moved: dict[str, Moved] = {}

    @property
    def servers(self) -> Servers:
        return self._servers

    @property
    def environment(self) -> Environment:
        return self._environment

    def run(self, series: Series, longest: float | None = None) -> Measured:
        """Run once, within so many seconds. Raises Discarded."""
        if series.client == "floor":
            self._know(series.scenario)
        warm_up, asked = self._stage.set(replace(WARM_UP, dialect=series.scenario.dialect), series.scenario)
        self._forget_exchanges()
        try:
            found = self._process(series, warm_up, asked, longest)
            exchanges = self._servers.exchanges()
            self._check(series, asked, self._servers.api.calls(), found, exchanges)
            if series.client == "darkroom":
                self._moved[series.scenario.name] = Moved.of(exchanges, found["turn_starts"], len(asked))
            spooled = self._servers.s3.held(SPOOL)
        finally:
            self._stage.clear([*warm_up, *asked])
        turn = [each for each in exchanges if each.began >= found["turn_starts"]]
        return Measured(
            found["wall"], found["cpu"], found["growth"], found["peak"],
            served=sum(each.seconds for each in turn if not each.operation.startswith("api:")),
            read_units=sum(each.units.read for each in turn),
            write_units=sum(each.units.written for each in turn),
            spooled=spooled,
            calls=found["calls"], count=found["count"],
        )  # fmt: skip

    def _know(self, scenario: Scenario) -> None:
        """Check that a run of Darkroom has shown the bytes that the floor has to move. Raises Discarded."""
        if scenario.name not in self._moved:
            raise Discarded(f"floor, {scenario.name}: no run of Darkroom's has shown what to move")

    def _forget_exchanges(self) -> None:
        self._servers.exchanges()
        self._servers.api.calls()

    def _process(
        self, series: Series, warm_up: Sequence[Request], asked: Sequence[Request], longest: float | None
    ) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            report, profile = Path(folder) / "report.json", Path(folder) / "profile"
            job = {
                "module": MODULES[series.client],
                "counts_calls": series.client != "floor",
                "warm_up": self._events(series, warm_up)[0],
                "turn": self._events(series, asked),
                "pause": 0.0 if self._is_counted else IDLE_SECONDS + 0.2,
                "slowness": callgrind.SLOWNESS if self._is_counted else 1,
                "start_groups": series.start_groups,
                "turn_groups": series.turn_groups,
                "report": str(report),
            }
            done = self._ran(series, job, profile, longest or self._longest)
            if done.returncode or not report.exists():
                said = f"{done.stdout[-1000:]}{done.stderr[-500:]}".strip()
                raise Died(f"{series.client}, {series.scenario.name}: ended with {done.returncode}\n{said}")
            count = _turns_count(profile) if self._is_counted else None
            return {**json.loads(report.read_text()), "count": count}

    def _ran(
        self, series: Series, job: dict[str, Any], profile: Path, longest: float
    ) -> subprocess.CompletedProcess[str]:
        under, more = (callgrind.command(profile), callgrind.VARIABLES) if self._is_counted else ([], {})
        variables = self._environment.variables(series.client, self._servers, series.scenario.dialect)
        try:
            return subprocess.run(
                [*under, PYTHON, "-m", "benchmarks.clients.turn"],
                input=json.dumps(job), text=True, capture_output=True, cwd=REPOSITORY, check=False,
                env={**variables, **more}, timeout=longest,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Died(f"{series.client}, {series.scenario.name}: not over after {longest:.0f} s") from error

    def _events(self, series: Series, asked: Sequence[Request]) -> list[dict[str, Any]]:
        """The events of a run. Darkroom takes all records in one invocation, the others one in each."""
        records = [request.record() for request in asked]
        if series.client == "darkroom":
            return [{"Records": records}]
        events: list[dict[str, Any]] = [{"Records": [record]} for record in records]
        if series.client == "floor":
            moved = self._moved[series.scenario.name]
            for event, request in zip(events, asked, strict=True):
                event["floor"] = floor_plan(request, moved, self._servers)
        return events

    def _check(
        self, series: Series, asked: Sequence[Request], calls: list[Call], found: dict[str, Any], seen: list[Exchange]
    ) -> None:
        for request in asked:
            pictures = [call.pictures for call in calls if call.instruction == request.words]
            if pictures != [request.sent]:
                raise Discarded(f"{series.client}, {series.scenario.name}: the API was not sent what was to be sent")
            self._check_result(series, request)
        told, arrived = (
            found["every_call"],
            {name: n for name, n in counted(seen).items() if not name.startswith("api:")},
        )
        if series.client != "floor" and told != arrived:
            raise Discarded(f"{series.client}, {series.scenario.name}: {told} was called, and {arrived} arrived")

    def _check_result(self, series: Series, request: Request) -> None:
        written = self._servers.s3.written(request.results)
        pictures = {
            sha256(marking.unmarked(self._servers.s3.read(path)))
            for path in written
            if not path.endswith((".json", f"/{STATE}"))
        }
        if pictures != {request.made}:
            raise Discarded(f"{series.client}, {series.scenario.name}: the picture in S3 is not the one that was made")
        if series.client != "darkroom":
            return
        documents = [self._servers.s3.read(path) for path in written if path.endswith("/result.json")]
        if [json.loads(document)["status"] for document in documents] != ["succeeded"]:
            raise Discarded(f"{series.client}, {series.scenario.name}: no result.json that says succeeded")


def _turns_count(profile: Path) -> Count:
    count = callgrind.counted(callgrind.part(profile, TURN))
    if not count.hashing:
        raise Discarded("Valgrind's count does not name OpenSSL's SHA-256, so that it cannot be left out")
    return count
