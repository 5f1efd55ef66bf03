"""The stand-in on a free port, and a photo to send it."""

from collections.abc import Iterator

import pytest
import requests

from local.image_api import StandInServer, running
from local.image_api.painting.lake_house import draw_lake_house
from tests.unit.local.image_api.stand_in_client import KEY, Client, png


@pytest.fixture
def client() -> Iterator[Client]:
    with running(StandInServer(key=KEY)) as server, requests.Session() as session:
        session.trust_env = False
        yield Client(server.url, session)


@pytest.fixture(scope="session")
def photo() -> bytes:
    return png(draw_lake_house((256, 192)))
