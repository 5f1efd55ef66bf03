"""The Lambda function `on_picture`: normalizes a picture for `on_request` before it is sent."""

from typing import TYPE_CHECKING, Any

from darkroom.bootstrap import on_picture

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: "LambdaContext") -> dict[str, Any]:
    """Handle an order of `LambdaNormalizer`."""
    return on_picture.picture_orders().answer(event)
