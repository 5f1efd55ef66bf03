"""One TLS context for all clients: it loads the bundle once, and refuses servers without a valid certificate."""

import os
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore import httpsession
from botocore.config import Config
from botocore.exceptions import SSLError
from urllib3.util import create_urllib3_context

from darkroom import tls
from darkroom.errors import Unavailable
from darkroom.providers.download import Fetcher
from darkroom.providers.transport import exchange
from tests.unit.servers import Server, answering, http, tls_context

SERVING = answering(http(200, b"{}"))
Connect = Callable[[str], object]


def image_api(url: str) -> None:
    with exchange(10) as session:
        session.get(url)


def fetcher(url: str) -> None:
    Fetcher(url, ca_certs=os.environ["REQUESTS_CA_BUNDLE"]).fetch(url + "/a.png")


def aws(url: str) -> None:
    session = boto3.Session("access", "secret", region_name="us-east-1")
    client = session.client("dynamodb", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))
    client.list_tables()


WAYS = (image_api, fetcher, aws)
REFUSALS = (requests.exceptions.SSLError, Unavailable, SSLError)


@pytest.fixture(autouse=True)
def _sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(httpsession, "create_urllib3_context", httpsession.create_urllib3_context)


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ssl.SSLContext]:
    """A server's context with a certificate for this host, by a trusted authority."""

    def trust(host: str) -> ssl.SSLContext:
        authority, server = tls_context(tmp_path, host)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
        tls.share_with_botocore()
        return server

    return trust


@pytest.mark.parametrize("connect", WAYS)
def test_who_proves_himself_is_talked_to(connect: Connect, trusting: Callable[[str], ssl.SSLContext]) -> None:
    with Server(SERVING, tls=trusting("127.0.0.1")) as server:
        connect(server.url)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize("connect", WAYS)
def test_another_hosts_certificate_is_refused(connect: Connect, trusting: Callable[[str], ssl.SSLContext]) -> None:
    with Server(SERVING, tls=trusting("other.example.com")) as server:
        with pytest.raises(REFUSALS):
            connect(server.url)
        assert [exchange.head for exchange in server.exchanges] == [""]


@pytest.mark.parametrize("connect", WAYS)
def test_a_certificate_by_nobody_that_we_know_is_refused(
    connect: Connect, trusting: Callable[[str], ssl.SSLContext], tmp_path: Path
) -> None:
    trusting("127.0.0.1")
    (tmp_path / "stranger").mkdir()
    _, strangers = tls_context(tmp_path / "stranger", "127.0.0.1")
    with Server(SERVING, tls=strangers) as server:
        with pytest.raises(REFUSALS):
            connect(server.url)
        assert [exchange.head for exchange in server.exchanges] == [""]


@pytest.mark.parametrize("first", WAYS)
def test_the_bundle_is_loaded_once_for_all(first: Connect, trusting: Callable[[str], ssl.SSLContext]) -> None:
    with Server(SERVING, tls=trusting("127.0.0.1")) as server:
        first(server.url)
        Path(os.environ["REQUESTS_CA_BUNDLE"]).write_text("nothing that could be loaded")
        for connect in WAYS * 2:
            connect(server.url)
        assert len(server.exchanges) == 7


def test_those_who_connect_at_once_wait_for_the_bundle(trusting: Callable[[str], ssl.SSLContext]) -> None:
    with Server(SERVING, tls=trusting("127.0.0.1")) as server, ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda connect: connect(server.url), WAYS * 3))
        assert len(server.exchanges) == 9


def test_aws_has_a_bundle_of_its_own_where_one_is_named(
    trusting: Callable[[str], ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting("127.0.0.1")
    (tmp_path / "aws").mkdir()
    bundle, context = tls_context(tmp_path / "aws", "127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    tls.share_with_botocore()
    with Server(SERVING, tls=context) as server:
        aws(server.url)
        with pytest.raises(requests.exceptions.SSLError):
            image_api(server.url)


def test_nobody_can_turn_verification_off(trusting: Callable[[str], ssl.SSLContext]) -> None:
    with Server(SERVING, tls=trusting("other.example.com")) as server:
        with exchange(10) as session, pytest.raises(ValueError, match="verify_mode"):
            session.get(server.url, verify=False)
        with pytest.raises(REFUSALS):
            image_api(server.url)


def test_a_botocore_that_makes_its_contexts_otherwise_verifies_too(
    trusting: Callable[[str], ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    own: Any = httpsession.create_urllib3_context
    monkeypatch.setattr(httpsession.URLLib3Session, "_get_ssl_context", lambda _: own())
    with Server(SERVING, tls=trusting("127.0.0.1")) as server:
        aws(server.url)
    with Server(SERVING, tls=trusting("other.example.com")) as server, pytest.raises(SSLError):
        aws(server.url)


def test_it_verifies_no_less_than_urllib3_does_by_itself() -> None:
    wanted = create_urllib3_context().verify_flags
    assert tls.context("any").verify_flags & wanted == wanted
