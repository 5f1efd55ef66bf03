"""What a request means in its thread: what it answers, with which pictures, model and options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom import context, sources
from darkroom.context import Context, Image
from darkroom.errors import Rejected
from darkroom.outcome import Mode, Outcome, Source
from darkroom.ports import Asked, ObjectStore
from darkroom.renditions import Renditions
from darkroom.request import ImageRef, Request
from darkroom.thread import Thread


@dataclass(frozen=True, slots=True)
class Premise:
    """A request in its thread. `images` are those attached to it, and those that a failed turn left over."""

    instruction: str
    branch: tuple[Outcome, ...]
    images: tuple[ImageRef, ...]
    model: str
    options: Mapping[str, Any]

    @property
    def mode(self) -> Mode:
        """The call that it becomes."""
        if self.branch:
            return "conversation"
        return "image_to_image" if self.images else "text_to_image"

    def asked(self, attached: Sequence[Source] = ()) -> Asked:
        """What is remembered of a call that is made on it."""
        answered = self.branch[-1].turn if self.branch else None
        return Asked(self.mode, self.model, self.options, answered, tuple(attached))


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is going to be asked, and the words to remember it by."""

    context: Context
    asked: Asked


def of(request: Request, thread: Thread, default_model: str) -> Premise:
    """The request's premise. Raises Rejected (`unknown_parent`)."""
    return _premise(request, thread.branch(request.parent_turn), thread, default_model)


def as_far_as_known(request: Request, thread: Thread, default_model: str) -> Premise:
    """The same for a request that failed before anything was asked, whatever it names."""
    try:
        return of(request, thread, default_model)
    except Rejected:
        return _premise(request, (), thread, default_model)


def inquiry(
    premise: Premise, objects: ObjectStore, renditions: Renditions, max_context_images: int, max_request_bytes: int
) -> Inquiry:
    """Everything that a call needs, read and checked. Raises Rejected."""
    attached = sources.attached(objects, renditions, premise.images)
    known = [source.sha256 for source, _ in attached]
    older = sources.older(objects, renditions, context.remembered(premise.branch, known, max_context_images))
    sizes = [len(image.data) for _, image in (*attached, *older)]
    limit = context.limit_each(premise.branch, premise.instruction, sizes, max_request_bytes)

    def fitting(ref: ImageRef, image: Image) -> Image:
        return sources.at_most(renditions, ref, image, limit)

    conversation = context.compose(
        premise.branch,
        premise.instruction,
        [fitting(ref, image) for ref, (_, image) in zip(premise.images, attached, strict=True)],
        [(place, fitting(ImageRef(place.bucket, place.key), image)) for place, image in older],
    )
    return Inquiry(conversation, premise.asked([source for source, _ in attached]))


def _premise(request: Request, branch: tuple[Outcome, ...], thread: Thread, default_model: str) -> Premise:
    answered = branch[-1] if branch else None
    images = request.images
    if not images and request.parent_turn is None:
        images = tuple(ImageRef(source.bucket, source.key) for source in thread.sources_left_over())
    model = request.model or (answered.model if answered else None) or default_model
    options = request.options if request.options is not None else (answered.options if answered else {})
    return Premise(request.instruction, branch, images, model, options)
