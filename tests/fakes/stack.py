"""Parts of a stack, put together as most tests need them."""

from collections.abc import Callable, Mapping
from typing import Any

from darkroom.domain.ports import ObjectStore, QueueSender
from darkroom.domain.price import Price
from darkroom.domain.request_schema import RequestRules
from darkroom.providers.dialects.nebula import NEBULA
from darkroom.turns.call_plan import Defaults
from darkroom.turns.handler import TurnPolicy
from darkroom.turns.publisher import Publisher
from darkroom.uploads.intake import Intake, IntakeDependencies, IntakePolicy
from darkroom.uploads.ports import Lanes, UploadEvents, UploadState
from darkroom_client.stacks.stack import Known, Stack
from tests.fakes.queue import MemoryUploadEvents


def rules(*buckets: str) -> RequestRules:
    """The rules of a stack with these buckets."""
    return RequestRules(buckets, NEBULA.options)


def deployed(
    outputs: Mapping[str, str],
    parameters: Mapping[str, str],
    resources: Mapping[str, str],
    dynamodb: object,
    s3: object,
    sqs: object,
    functions: object,
) -> Stack:
    """A stack with known names, reached by these clients."""
    clients = {"dynamodb": dynamodb, "s3": s3, "sqs": sqs, "lambda": functions}
    return Stack(Known(outputs, parameters, resources), clients.__getitem__)


def changed(stack: Stack, **changes: object) -> Stack:
    """The same stack with another `outputs`, `parameters`, or client."""
    names = ("outputs", "parameters", "resources", "dynamodb", "s3", "sqs", "functions")
    parts: Any = {name: getattr(stack, name) for name in names}
    return deployed(**parts | changes)


def turn_policy(**decided: Any) -> TurnPolicy:
    """The policy of an operator who left most parameters as they are."""
    defaults = decided.pop("defaults", Defaults("m", NEBULA))
    return TurnPolicy(
        **{
            "rules": RequestRules(("uploads", "results"), defaults.dialect.options),
            "defaults": defaults,
            "max_context_images": 3,
            "max_turns": 200,
            "give_up_after": 86_400,
            "api_timeout": 300,
            "price": Price(),
            "max_request_bytes": 20_000_000,
            **decided,
        }
    )


def intake(
    objects: ObjectStore,
    state: UploadState,
    lanes: Lanes,
    requests: QueueSender,
    batches: QueueSender,
    clock: Callable[[], float],
    *,
    grace: float,
    default_instruction: str = "",
    keeps_folders_apart: bool = False,
    events: UploadEvents | None = None,
) -> Intake:
    """The intake of uploads, put together from these parts."""
    publisher, announcing = Publisher(objects, "results"), events or MemoryUploadEvents()
    return Intake(
        IntakePolicy(
            rules("uploads", "results")._replace(keeps_folders_apart=keeps_folders_apart), default_instruction, grace
        ),
        IntakeDependencies(objects, state, lanes, requests, batches, announcing, publisher, clock),
    )
