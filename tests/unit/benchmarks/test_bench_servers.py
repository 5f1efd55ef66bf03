"""The benchmark's servers drop idle connections, as AWS's do, and no others."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from benchmarks.servers.front import IDLE_SECONDS
from benchmarks.servers.s3 import S3


@pytest.fixture
def connection() -> Iterator[http.client.HTTPConnection]:
    server = S3(None)
    server.put("/results/picture", b"abc", "image/png", with_checksum=False)
    with closing(http.client.HTTPConnection(urlsplit(server.url()).netloc, timeout=5)) as opened:
        yield opened


def test_a_connection_on_which_nothing_was_asked_yet_stands(connection: http.client.HTTPConnection) -> None:
    """On a busy machine a client with much to encode takes its time."""
    connection.connect()
    connection.sock.settimeout(IDLE_SECONDS + 0.3)
    with pytest.raises(TimeoutError):
        connection.sock.recv(1)  # a dropped connection would end here
    connection.sock.settimeout(5)
    connection.request("GET", "/results/picture")
    assert connection.getresponse().read() == b"abc"


def test_one_that_idles_after_an_answer_is_dropped(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/results/picture")
    assert connection.getresponse().read() == b"abc"
    assert connection.sock.recv(1) == b""


def test_none_is_dropped_by_servers_of_a_counted_turn() -> None:
    """A connection's idle time there depends on how busy the machine is."""
    server = S3(None, idle_seconds=60)
    server.put("/results/picture", b"abc", "image/png", with_checksum=False)
    with closing(http.client.HTTPConnection(urlsplit(server.url()).netloc, timeout=5)) as connection:
        connection.request("GET", "/results/picture")
        assert connection.getresponse().read() == b"abc"
        connection.sock.settimeout(IDLE_SECONDS + 0.3)
        with pytest.raises(TimeoutError):
            connection.sock.recv(1)


def test_what_lies_below_a_prefix_is_counted_in_bytes() -> None:
    server = S3(None)
    for path in ("/spool/1", "/spool/2", "/results/1"):
        server.put(path, b"abc", "image/png", with_checksum=False)
    assert server.held("/spool/") == 6
