"""The door for pictures: one that has to be normalized before it is sent, asked for by `on_request`."""

from typing import TYPE_CHECKING, Any

from darkroom.bootstrap import on_picture

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: "LambdaContext") -> dict[str, Any]:
    """Handles an order of `LambdaNormalizer`."""
    return on_picture.picture_orders().answer(event)
