"""A cold start of Darkroom: imports its handler, and builds everything for a request, including lazy parts."""

import inspect
from typing import Any

import app
import botocore.session

from darkroom.bootstrap import on_request
from darkroom.pictures import inspect as picture_inspection

CLIENTS = {"s3", "dynamodb", "sqs", "secretsmanager"}


def build() -> set[str]:
    """The names of the services with a client."""
    services: set[str] = set()
    session: Any = botocore.session.Session
    inner = session.create_client

    def noting(self: Any, service: str, *args: Any, **kwargs: Any) -> Any:
        services.add(service)
        return inner(self, service, *args, **kwargs)

    session.create_client = noting
    for name, built in vars(on_request).items():
        if hasattr(built, "cache_clear") and not inspect.signature(built.__wrapped__).parameters:
            getattr(on_request, name)()
    return services


if missing := CLIENTS - build():
    raise SystemExit(f"no clients were built for {missing}")
assert app.handler, picture_inspection  # noqa: S101 - the imports are what is measured
