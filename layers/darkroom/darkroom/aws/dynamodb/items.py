"""Converts documents to DynamoDB's items, and back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

SMALLEST = 1e-100  # DynamoDB refuses numbers below 1e-130

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(_exact(value)) for name, value in document.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _exact(value: Any) -> Any:
    """Floats as the decimals that they print as. DynamoDB stores no binary fractions."""
    if isinstance(value, float):
        return Decimal(str(value)) if abs(value) > SMALLEST else Decimal(0)
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
