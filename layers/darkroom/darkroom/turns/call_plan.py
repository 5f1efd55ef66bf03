"""Plans a request's call in its thread: the turn that it answers, its pictures, its model and its options."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from darkroom.domain import context
from darkroom.domain.context import Context, Image
from darkroom.domain.outcome import Mode, Outcome, Picture, Source
from darkroom.domain.ports import ObjectStore
from darkroom.domain.price import PICTURES
from darkroom.domain.request import Request
from darkroom.domain.request_schema import ImageRef
from darkroom.domain.thread import Thread
from darkroom.errors import Rejected
from darkroom.pictures.renditions import Renditions
from darkroom.providers.dialect import Dialect
from darkroom.turns import input_images
from darkroom.turns.input_images import Gone
from darkroom.turns.ports import CallRecord


class Defaults(NamedTuple):
    """The stack's model and dialect. The model applies if neither the request nor the answered turn names one."""

    model: str
    dialect: Dialect


class CallPlan(NamedTuple):
    """A request in its thread. `images` are those attached to it, or those that a failed turn left over."""

    instruction: str
    branch: tuple[Outcome, ...]
    images: tuple[ImageRef, ...]
    model: str
    options: Mapping[str, Any]
    dialect: str
    is_restarted: bool = False  # it had a branch, which could not be read

    @property
    def mode(self) -> Mode:
        """The mode of its call."""
        if self.branch:
            return "conversation"
        return "image_to_image" if self.images else "text_to_image"

    @property
    def state_beside(self) -> Picture | None:
        """The picture whose stored state goes back to the API. Only the model that gave the state takes it."""
        answered = self.branch[-1] if self.branch else None
        if answered and answered.has_state and (answered.dialect, answered.model) == (self.dialect, self.model):
            return answered.primary
        return None

    def record(self, attached: Sequence[Source] = ()) -> CallRecord:
        """The record of a call by this plan."""
        answered = self.branch[-1].turn if self.branch else None
        return CallRecord(
            self.mode, self.model, self.options, answered, tuple(attached), self.dialect, self.is_restarted
        )


class PlannedCall(NamedTuple):
    """The content of a call, and its record."""

    context: Context
    record: CallRecord


def of(request: Request, thread: Thread, defaults: Defaults) -> CallPlan:
    """The request's plan. Raises Rejected (`unknown_parent`)."""
    return _plan(request, thread.branch(request.parent_turn), thread, defaults)


def as_far_as_known(request: Request, thread: Thread, defaults: Defaults) -> CallPlan:
    """The plan of a request that failed before any call, even if it names an unknown parent."""
    try:
        return of(request, thread, defaults)
    except Rejected:
        return _plan(request, (), thread, defaults)


def planned_call(
    plan: CallPlan,
    objects: ObjectStore,
    renditions: Renditions,
    dialect: Dialect,
    *,
    max_context_images: int,
    max_request_bytes: int,
) -> PlannedCall:
    """Everything that a call needs, read and checked. Raises Rejected.

    If the branch's newest result is gone, a request with a picture of its own starts anew.
    """
    reader = input_images.Reader(objects, renditions, dialect.limits)
    attached = reader.attached(plan.images)
    known = [source.sha256 for source, _ in attached]
    most = max_context_images if dialect.history == "turns" else min(max_context_images, len(known) + 1)
    try:
        older = reader.older(context.remembered(plan.branch, known, most), plan.state_beside)
    except Gone:
        if not attached:
            raise
        plan, older = plan._replace(branch=(), is_restarted=True), []
    limit = _limit_each(plan, [image for _, image in (*attached, *older)], dialect, max_request_bytes)

    def fitting(ref: ImageRef, image: Image) -> Image:
        return reader.at_most(ref, image, limit)

    conversation = context.compose(
        plan.branch,
        plan.instruction,
        [fitting(ref, image) for ref, (_, image) in zip(plan.images, attached, strict=True)],
        [(place, fitting(ImageRef(place.bucket, place.key), image)) for place, image in older],
    )
    if dialect.history == "newest":
        conversation = conversation.flattened()
    return PlannedCall(conversation, plan.record([source for source, _ in attached]))


def _limit_each(plan: CallPlan, images: Sequence[Image], dialect: Dialect, max_request_bytes: int) -> int:
    """The most bytes for each picture, beside the words and the state that are sent."""
    told = plan.branch if dialect.history == "turns" else ()
    room = max_request_bytes - sum(len(image.state) for image in images)
    return context.limit_each(told, plan.instruction, [len(image.data) for image in images], room, dialect.limits)


def _plan(request: Request, branch: tuple[Outcome, ...], thread: Thread, defaults: Defaults) -> CallPlan:
    images = request.images
    if not images and request.parent_turn is None:
        images = tuple(ImageRef(source.bucket, source.key) for source in thread.sources_left_over())
    model, options = _inherited(branch, defaults.dialect)
    return CallPlan(
        request.instruction,
        branch,
        images,
        request.model or model or defaults.model,
        request.options if request.options is not None else options,
        defaults.dialect.name,
    )


def _inherited(branch: Sequence[Outcome], dialect: Dialect) -> tuple[str | None, Mapping[str, Any]]:
    """The model and the options of the answered turn, if it was called in the same dialect.

    The number of pictures is not inherited, because each would be paid again.
    """
    if not branch or branch[-1].dialect != dialect.name:
        return None, {}
    answered = branch[-1]
    taken = dialect.options.keys() - {PICTURES}
    return answered.model, {name: option for name, option in answered.options.items() if name in taken}
