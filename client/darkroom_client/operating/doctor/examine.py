"""Checks everything that may keep a stack from its work. A check that may not look does not keep the others from it."""

import time
from collections.abc import Callable, Iterator

from darkroom_client.errors import Denied, Trouble
from darkroom_client.operating import status
from darkroom_client.operating.doctor import image_api, key
from darkroom_client.operating.doctor.finding import Finding, State
from darkroom_client.operating.status import ModelTrouble
from darkroom_client.stacks import releases
from darkroom_client.stacks.aws_errors import OPERATOR, translated
from darkroom_client.stacks.stack import MAPPINGS, Stack

# By what they read.
READS = {
    "uploads": "OnUploadFunctionUploads", "batches": "OnUploadFunctionBatches",
    "requests": MAPPINGS["RequestsQueue"], "copies of requests": MAPPINGS["ProbesQueue"],
}  # fmt: skip
SKEW_SECONDS = 300  # AWS refuses what is signed with a clock that is further off
LATE_SECONDS = 30
PROBES = 2  # invocations that may look after the provider at once


class Doctor:
    """Examines one stack. `version` is the client's, `clock` this machine's."""

    def __init__(
        self, stack: Stack, version: str, *, ask: image_api.Ask = image_api.listed,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._stack = stack
        self._version = version
        self._ask = ask
        self._clock = clock

    def findings(self) -> Iterator[Finding]:
        """Runs each check, in an order in which they help each other. Raises Unreachable."""
        stack = self._stack
        yield self._versions(stack.fresh_outputs().get("StackVersion", ""))
        with translated(OPERATOR):
            now = stack.now()
        yield self._skew(now)
        troubles = self._troubles()
        yield from self._image_api(troubles, now)
        yield self._seen("provider", lambda: _provider(troubles, stack.image_model))
        yield self._seen("queues", self._mappings)
        yield self._seen("limit", lambda: self._limit(now))
        yield self._seen("quotas", self._quotas)
        yield self._seen("alarms", self._alarms)
        yield self._seen("subscribers", self._subscribers)
        yield self._seen("dead letters", self._dead_letters)

    def _seen(self, name: str, look: Callable[[], Finding]) -> Finding:
        """The finding of a check; unknown where the caller may not look."""
        try:
            with translated(OPERATOR):
                return look()
        except Denied as denied:
            return Finding(name, "unknown", str(denied))

    def _versions(self, deployed: str) -> Finding:
        if found := releases.difference(self._version, deployed):
            return Finding("version", "broken" if found.is_client_older else "unwise", found.said, found.way_out)
        return Finding("version", "ok", f"Client and stack are {deployed}.")

    def _skew(self, now: float) -> Finding:
        off = self._clock() - now
        said = f"This machine's clock is {abs(off):,.0f} s {'fast' if off > 0 else 'slow'}."
        if abs(off) > SKEW_SECONDS:
            return Finding("clock", "broken", f"{said} AWS refuses what it signs.", "Set it, or let NTP do so.")
        if abs(off) > LATE_SECONDS:
            return Finding("clock", "unwise", said, "Set it, or let NTP do so.")
        return Finding("clock", "ok", "This machine's clock is right.")

    def _troubles(self) -> dict[str, ModelTrouble]:
        with translated(OPERATOR):
            return status.troubles(self._stack)

    def _image_api(self, troubles: dict[str, ModelTrouble], now: float) -> Iterator[Finding]:
        try:
            seen = key.known(self._stack, troubles, self._ask, now)
        except Trouble as trouble:
            yield Finding("key", "unknown", str(trouble))
            return
        yield key.key_finding(seen)
        yield key.model_finding(seen, self._stack)

    def _mappings(self) -> Finding:
        off = []
        for reads, name in READS.items():
            uuid = self._stack.resources[name]
            state = self._stack.functions.get_event_source_mapping(UUID=uuid)["State"]
            off += [] if state in ("Enabled", "Enabling") else [(reads, uuid)]
        if not off:
            return Finding("queues", "ok", "Lambda reads all queues.")
        said = f"Lambda does not read {' and '.join(reads for reads, _ in off)}: nothing of them goes on."
        ours = [uuid for reads, uuid in off if READS[reads] not in MAPPINGS.values()]
        ways = [f"`aws lambda update-event-source-mapping --enabled --uuid {uuid}`" for uuid in ours]
        ways += ["`darkroom resume`"] if len(ours) < len(off) else []
        return Finding("queues", "broken", said, f"{', '.join(ways)} lets it go on.")

    def _limit(self, now: float) -> Finding:
        limit = int(self._stack.parameters.get("DailyCallLimit") or 0)
        if not limit:
            said = "There is no limit of calls a day: everyone who may upload or send can spend without bound."
            return Finding("limit", "unwise", said, "Set the parameter DailyCallLimit.")
        calls = status.calls_today(self._stack, limit, now)
        if calls >= limit:
            said = f"The {limit:,} calls of this UTC day are used up: requests wait until midnight."
            return Finding("limit", "broken", said, "Raise the parameter DailyCallLimit, or let them wait.")
        return Finding("limit", "ok", f"{calls:,} of {limit:,} calls are used today.")

    def _quotas(self) -> Finding:
        found = self._stack.functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        wanted = int(self._stack.parameters.get("MaximumConcurrency") or 0) + PROBES
        said = f"Lambda runs {found:,} functions at once in this account, and requests may want {wanted:,}."
        way_out = "Ask for a higher quota of concurrent executions, or lower the parameter MaximumConcurrency."
        if found < wanted:
            return Finding("quotas", "broken", said, way_out)
        if found < 2 * wanted:
            return Finding("quotas", "unwise", f"{said} Uploads and pictures need some, too.", way_out)
        return Finding("quotas", "ok", f"Lambda runs {found:,} functions at once in this account, which is enough.")

    def _alarms(self) -> Finding:
        ringing = status.ringing(self._stack)
        if ringing is None:
            return Finding("alarms", "unknown", "You may not see the alarms: attach the stack's OperatorPolicyArn.")
        if ringing:
            said = f"{', '.join(ringing)} {'ring' if len(ringing) > 1 else 'rings'}."
            return Finding("alarms", "unwise", said, "docs/runbook.md says what each means, and what to do.")
        return Finding("alarms", "ok", "No alarm rings.")

    def _subscribers(self) -> Finding:
        topic = self._stack.outputs["AlarmsTopicArn"]
        counts = self._stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        confirmed, pending = (int(counts.get(f"Subscriptions{each}", 0)) for each in ("Confirmed", "Pending"))
        if confirmed:
            return Finding("subscribers", "ok", f"{confirmed} subscriber{'s' * (confirmed != 1)} of the alarms.")
        if pending:
            return Finding(
                "subscribers",
                "unwise",
                "No subscriber of the alarms is confirmed.",
                "Confirm the subscription: a mail has come.",
            )
        subscribe = f"`aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint …`"
        return Finding("subscribers", "unwise", "The alarms have no subscriber.", f"Subscribe: {subscribe}.")

    def _dead_letters(self) -> Finding:
        if count := status.dead_letters(self._stack):
            said = f"There {'is' if count == 1 else 'are'} {count:,} dead letter{'s' * (count > 1)}."
            return Finding("dead letters", "unwise", said, "`darkroom redrive`, once their cause is fixed.")
        return Finding("dead letters", "ok", "There are no dead letters.")


def _provider(troubles: dict[str, ModelTrouble], image_model: str) -> Finding:
    """Whether calls go out at all, whatever for."""
    shut = {model: each for model, each in troubles.items() if each.is_open}
    if any(status.is_own(model, image_model) for model in shut):
        named = ", ".join(f"{model} ({each.cause})" for model, each in shut.items())
        state: State = "unwise" if {each.cause for each in shut.values()} == {"throttled"} else "broken"
        said = f"Calls are held back, and only probes go out: {named}."
        return Finding("provider", state, said, "It goes on by itself once the cause is gone: docs/runbook.md.")
    if shut:
        sentences = (status.one_held_back(model, each) for model, each in shut.items())
        said = " ".join(each[0].upper() + each[1:] for each in sentences)
        ways = dict.fromkeys(status.way_out_of_one(each) for each in shut.values())
        return Finding("provider", "unwise", said, " ".join(ways))
    return Finding("provider", "ok", "Calls are not held back.")
