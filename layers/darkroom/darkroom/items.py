"""Items of a DynamoDB table: their names, their types, and the expressions that update them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

KEPT_SECONDS = 35 * 24 * 3600  # ledger and spool: longer than any message can live

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def turn_sk(turn: int) -> str:
    """The sort key of a turn."""
    return f"TURN#{turn:05d}"


def request_sk(request_id: str) -> str:
    """The sort key of a request's entry in the ledger."""
    return f"REQUEST#{request_id}"


def key(thread_id: str, sk: str) -> dict[str, Any]:
    """An item's key, in DynamoDB's own JSON."""
    return to_item({"thread_id": thread_id, "sk": sk})


def to_item(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON-like document as DynamoDB's own JSON."""
    return {name: _serialize(_exact(value)) for name, value in document.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-like document that an item holds."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def setting(values: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """`SET` for these attributes: the expression, its names and its values. None removes the attribute."""
    kept = [name for name, value in values.items() if value is not None]
    gone = [name for name, value in values.items() if value is None]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
    if gone:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
    return (
        expression,
        {f"#{name}": name for name in values},
        to_item({f":{name}": values[name] for name in kept}),
    )


def _exact(value: Any) -> Any:
    """Floats as the decimals that they print as: DynamoDB takes no binary fractions."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
