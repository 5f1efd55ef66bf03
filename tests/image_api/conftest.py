"""The stand-in on a free port, and a photo to send it."""

import threading
from collections.abc import Iterator

import pytest
import requests

from local.image_api import StandInServer
from local.painting.lake_house import draw_lake_house
from tests.image_api.stand_in_client import KEY, Client, png


@pytest.fixture
def client() -> Iterator[Client]:
    server = StandInServer(key=KEY)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with requests.Session() as session:
        session.trust_env = False
        yield Client(server.url, session)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def photo() -> bytes:
    return png(draw_lake_house((256, 192)))
