"""Fetching a picture from an address that may lead anywhere: the forbidden addresses, and the returned bytes."""

import gzip
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st

from darkroom.errors import Rejected, Unavailable
from darkroom.providers.download import Fetcher, is_public
from tests.unit.samples import encoded, rejection, unavailability
from tests.unit.servers import Exchange, Server, answering, http, tls_context, unused_port

API = "https://llm.example.com"
PNG = encoded("PNG")
PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

Resolve = Callable[[str, int], Iterable[str]]


class Resolver:
    """Resolves every host to given addresses, and records the questions."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Iterable[str]:
        self.asked.append((host, port))
        return self.addresses


def fetcher(*addresses: str, api_url: str = API) -> Fetcher:
    return Fetcher(api_url, resolve=Resolver(*addresses))


def assert_forbidden(act: Callable[[], object]) -> None:
    """The picture is paid and lost: its request ends with an error that says so."""
    rejected = rejection(act)
    assert (rejected.code, rejected.charged) == ("no_image", True)


def assert_failed(act: Callable[[], object]) -> None:
    """The download is tried again, from the spooled answer."""
    assert unavailability(act).cause == "fetch"


# Public addresses.


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        "8.8.8.8",
        "1.1.1.1",
        OTHER_PUBLIC,
        "2a00:1450:4001:800::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_an_address_on_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("10.0.0.1", id="private-10"),
        pytest.param("172.16.0.1", id="private-172"),
        pytest.param("172.31.255.255", id="private-172-last"),
        pytest.param("192.168.1.1", id="private-192"),
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="loopback-last"),
        pytest.param("169.254.0.1", id="link-local"),
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("169.254.170.2", id="container-credentials"),
        pytest.param("fd00:ec2::254", id="metadata-ipv6"),
        pytest.param("100.64.0.1", id="cgnat"),
        pytest.param("100.127.255.255", id="cgnat-last"),
        pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104 - an address to refuse
        pytest.param("0.1.2.3", id="this-network"),
        pytest.param("192.0.0.8", id="protocol-assignments"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("198.51.100.1", id="documentation-2"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("239.255.255.250", id="multicast-ssdp"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="unspecified-ipv6"),
        pytest.param("::1", id="loopback-ipv6"),
        pytest.param("fe80::1", id="link-local-ipv6"),
        pytest.param("fe80::1%eth0", id="link-local-ipv6-with-its-zone"),
        pytest.param("fec0::1", id="site-local-ipv6"),
        pytest.param("fc00::1", id="unique-local"),
        pytest.param("fd12:3456::1", id="unique-local-2"),
        pytest.param("ff02::1", id="multicast-ipv6"),
        pytest.param("ff0e::1", id="multicast-ipv6-global"),
        pytest.param("2001:db8::1", id="documentation-ipv6"),
        pytest.param("::ffff:127.0.0.1", id="mapped-loopback"),
        pytest.param("::ffff:10.0.0.1", id="mapped-private"),
        pytest.param("::ffff:169.254.169.254", id="mapped-metadata"),
        pytest.param("::127.0.0.1", id="compatible-loopback"),
        pytest.param("64:ff9b::7f00:1", id="nat64-loopback"),
        pytest.param("64:ff9b::a9fe:a9fe", id="nat64-metadata"),
        pytest.param("64:ff9b:1::a00:1", id="nat64-local-use"),
        pytest.param("2002:7f00:1::", id="6to4-loopback"),
        pytest.param("2002:a9fe:a9fe::1", id="6to4-metadata"),
        pytest.param("2002:c0a8:101::1", id="6to4-private"),
        pytest.param("2001:0:4136:e378:8000:63bf:80ff:fffe", id="teredo-loopback"),
    ],
)
def test_any_other_address_is_not(address: str) -> None:
    assert not is_public(address)
    assert_forbidden(lambda: fetcher(address).fetch("https://cdn.example.com/a.png"))


# Forbidden addresses.


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example.com/a.png",
        "http://llm.example.com/a.png",
        "ftp://cdn.example.com/a.png",
        "file:///etc/passwd",
        "gopher://cdn.example.com/",
        "data:image/png;base64,AAAA",
        "a.png",
        "",
        "https://",
        "https:///a.png",
        "https://:443/a.png",
        "https://cdn.example.com:0/a.png",
        "https://cdn.example.com:99999/a.png",
        "https://cdn.example.com:https/a.png",
        "https://[::1/a.png",
        "https://[nonsense]/a.png",
    ],
)
def test_what_is_no_https_address_is_not_fetched(url: str) -> None:
    assert_forbidden(lambda: fetcher(PUBLIC).fetch(url))


@pytest.mark.parametrize("addresses", [(PUBLIC, "10.0.0.1"), ("10.0.0.1", PUBLIC), (OTHER_PUBLIC, "::1"), ()])
def test_a_host_with_any_address_that_is_not_public_is_refused(addresses: tuple[str, ...]) -> None:
    assert_forbidden(lambda: fetcher(*addresses).fetch("https://cdn.example.com/a.png"))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a.png",
        "https://localhost/a.png",
        "https://[::1]/a.png",
        "https://[::ffff:127.0.0.1]/a.png",
        "https://2130706433/a.png",
        "https://0x7f.1/a.png",
        "https://127.1/a.png",
        "https://0/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://llm.example.com@127.0.0.1/a.png",
        "https://127.0.0.1#@llm.example.com/a.png",
        "https://127.0.0.1?@llm.example.com/a.png",
    ],
)
def test_this_machine_is_not_reached_by_any_of_its_names(url: str) -> None:
    """The system resolves the names. An unknown name is as good as a refusal."""
    with pytest.raises((Rejected, Unavailable)):
        Fetcher(API).fetch(url)


def test_a_host_that_is_not_found_is_tried_again() -> None:
    def unknown(host: str, port: int) -> Iterable[str]:
        raise socket.gaierror(-2, f"{host}:{port} is unknown")

    assert_failed(lambda: Fetcher(API, resolve=unknown).fetch("https://cdn.example.com/a.png"))


@given(url=st.text(max_size=40) | st.from_regex(r"https?://[^/]{0,12}(:[0-9]{0,6})?/.{0,10}", fullmatch=True))
@example("https://a\x00b/")
@example("https://cdn.example.com/\ud800")
@example("https://\ud800.example.com/")
@example("https://" + "a" * 300 + ".com/")
@example("https://a..b/")
@example("https://①②⑦.⓪.⓪.①/")
@example("https://cdn.example.com\\@127.0.0.1/")
@example("https://[v1.x]/")
def test_any_address_is_refused_or_fails_in_our_own_words(url: str) -> None:
    with pytest.raises((Rejected, Unavailable)):
        fetcher("127.0.0.1").fetch(url)


# The API's own origin.


def served(response: bytes = http(200, PNG)) -> Server:
    return Server(answering(response))


def test_an_address_that_is_longer_than_any_is_refused_before_it_is_taken_apart() -> None:
    """Normalizing the marks of a host takes quadratic time."""
    started = time.process_time()
    assert_forbidden(lambda: Fetcher(API).fetch("https://a" + "\u0315\u0300" * 250_000))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("character", ["\0", "\r\n", "\x85", "\u2028", "\u202e", "\ud800"])
def test_an_address_with_what_no_address_has_is_refused(character: str) -> None:
    """The resolver reads a host only up to a NUL."""
    assert_forbidden(lambda: Fetcher(API).fetch(f"https://cdn.example.com{character}.example.org/a.png"))


def test_the_apis_own_origin_is_trusted_as_the_api_is() -> None:
    with served() as server:
        resolver = Resolver()
        assert Fetcher(server.url, resolve=resolver).fetch(server.url + "/files/a.png?token=b")[:] == PNG
        assert resolver.asked == []
        (exchange,) = server.exchanges
        assert exchange.request_line == "GET /files/a.png?token=b HTTP/1.1"
        assert exchange.headers["host"] == f"127.0.0.1:{server.port}"


def test_an_address_without_an_origin_is_one_at_the_api_itself() -> None:
    with served() as server:
        assert Fetcher(server.url + "/v1").fetch("/files/a.png")[:] == PNG
        assert Fetcher(server.url).fetch(server.url.removeprefix("http:") + "/files/a.png")[:] == PNG
        assert [exchange.request_line for exchange in server.exchanges] == ["GET /files/a.png HTTP/1.1"] * 2


def test_another_port_of_the_apis_host_is_another_origin() -> None:
    with served() as server:
        trusting = Fetcher(f"http://127.0.0.1:{unused_port()}")
        assert_forbidden(lambda: trusting.fetch(server.url + "/a.png"))
        assert server.exchanges == []


def test_another_scheme_of_the_apis_host_is_another_origin() -> None:
    assert_forbidden(lambda: fetcher(PUBLIC).fetch("http://llm.example.com:443/a.png"))


def test_no_credentials_are_sent_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with served() as server:
        assert Fetcher(server.url).fetch(server.url.replace("://", "://user:secret@") + "/a.png")[:] == PNG
        (exchange,) = server.exchanges
    assert not {"authorization", "cookie", "proxy-authorization"} & set(exchange.headers)
    assert "secret" not in exchange.head


def test_a_trusted_origin_over_tls_has_to_prove_itself(tmp_path: Path) -> None:
    authority, tls = tls_context(tmp_path, "127.0.0.1")
    with Server(answering(http(200, PNG)), tls=tls) as server:
        assert Fetcher(server.url, ca_certs=authority).fetch(server.url + "/a.png")[:] == PNG
        assert_failed(lambda: Fetcher(server.url).fetch(server.url + "/a.png"))


# The public internet, for which a server on this machine stands in.


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], list[tuple[str, int]]]:
    """Leads every connection to one server, and records the intended addresses."""
    connect = socket.create_connection

    def lead_to(server: Server) -> list[tuple[str, int]]:
        meant: list[tuple[str, int]] = []

        def create_connection(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
            meant.append(address)
            return connect(("127.0.0.1", server.port), 5)

        monkeypatch.setattr(urllib3.util.connection, "create_connection", create_connection)
        return meant

    return lead_to


Internet = Callable[[Server], list[tuple[str, int]]]


def test_the_connection_is_made_to_the_address_that_was_checked(tmp_path: Path, internet: Internet) -> None:
    authority, tls = tls_context(tmp_path, "cdn.example.com")
    resolver = Resolver(PUBLIC, OTHER_PUBLIC)
    with Server(answering(http(200, PNG)), tls=tls) as server:
        meant = internet(server)
        fetched = Fetcher(API, resolve=resolver, ca_certs=authority).fetch("https://cdn.example.com:8443/a.png")
        (exchange,) = server.exchanges
    assert fetched[:] == PNG
    assert meant == [(PUBLIC, 8443)]
    assert resolver.asked == [("cdn.example.com", 8443)]
    assert exchange.headers["host"] == "cdn.example.com:8443"


def test_a_certificate_is_held_to_the_name_and_not_to_the_address(tmp_path: Path, internet: Internet) -> None:
    authority, tls = tls_context(tmp_path, PUBLIC, "other.example.com")
    with Server(answering(http(200, PNG)), tls=tls) as server:
        internet(server)
        reaching = Fetcher(API, resolve=Resolver(PUBLIC), ca_certs=authority)
        assert_failed(lambda: reaching.fetch("https://cdn.example.com/a.png"))
        assert [exchange.head for exchange in server.exchanges] == [""]


def test_a_redirect_is_checked_anew(tmp_path: Path, internet: Internet) -> None:
    """The second time, the same name leads into a private network, as in DNS rebinding."""
    authority, tls = tls_context(tmp_path, "cdn.example.com")
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    with Server(answering(http(302, location="/b.png")), tls=tls) as server:
        internet(server)
        reaching = Fetcher(API, resolve=lambda *_: next(answers), ca_certs=authority)
        assert_forbidden(lambda: reaching.fetch("https://cdn.example.com/a.png"))
        assert len(server.exchanges) == 1


def test_a_path_that_nobody_encoded_is_encoded(tmp_path: Path, internet: Internet) -> None:
    authority, tls = tls_context(tmp_path, "cdn.example.com")
    with Server(answering(http(200, PNG)), tls=tls) as server:
        internet(server)
        reaching = Fetcher(API, resolve=Resolver(PUBLIC), ca_certs=authority)
        assert reaching.fetch("https://cdn.example.com/a b/雪.png?name=雪")[:] == PNG
        (exchange,) = server.exchanges
    assert exchange.request_line == "GET /a%20b/%E9%9B%AA.png?name=%E9%9B%AA HTTP/1.1"


def test_a_signed_address_is_asked_for_as_it_was_signed(tmp_path: Path, internet: Internet) -> None:
    authority, tls = tls_context(tmp_path, "cdn.example.com")
    signed = "/a%2Fb/./c.png?Signature=a%2Bb%3D&Expires=1&OSSAccessKeyId=x"
    with Server(answering(http(200, PNG)), tls=tls) as server:
        internet(server)
        Fetcher(API, resolve=Resolver(PUBLIC), ca_certs=authority).fetch("https://cdn.example.com" + signed)
        (exchange,) = server.exchanges
    assert exchange.request_line.split()[1].endswith("c.png?Signature=a%2Bb%3D&Expires=1&OSSAccessKeyId=x")


# Redirects.


@pytest.mark.parametrize(
    "location",
    [
        "https://metadata.example.com/",
        "http://metadata.example.com/",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        "//metadata.example.com/a.png",
        "https://[oops/a.png",
        "https://",
    ],
)
def test_a_redirect_from_the_own_origin_to_elsewhere_is_checked(location: str) -> None:
    with served(http(302, location=location)) as server:
        reaching = Fetcher(server.url, resolve=Resolver("169.254.169.254"))
        assert_forbidden(lambda: reaching.fetch(server.url + "/a.png"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_own_origin_is_followed(status: int) -> None:
    def script(exchange: Exchange) -> None:
        exchange.read()
        moved = "/old" in exchange.request_line
        exchange.send(http(status, location="new.png?a=b") if moved else http(200, PNG))

    with Server(script) as server:
        assert Fetcher(server.url).fetch(server.url + "/files/old.png")[:] == PNG
        lines = [exchange.request_line for exchange in server.exchanges]
    assert lines == ["GET /files/old.png HTTP/1.1", "GET /files/new.png?a=b HTTP/1.1"]


@pytest.mark.parametrize("response", [http(302, location="/a.png"), http(302)], ids=["to-itself", "to-nowhere"])
def test_there_is_an_end_to_redirects(response: bytes) -> None:
    with served(response) as server:
        assert_forbidden(lambda: Fetcher(server.url).fetch(server.url + "/a.png"))
        assert len(server.exchanges) <= 6


# The reply.


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_any_other_status_is_tried_again(status: int) -> None:
    with served(http(status)) as server:
        assert_failed(lambda: Fetcher(server.url).fetch(server.url + "/a.png"))


def test_a_host_that_does_not_listen_is_tried_again() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    assert_failed(lambda: Fetcher(url).fetch(url + "/a.png"))


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="no-http"),
        pytest.param(http(200, PNG[:20], length=len(PNG)), id="shorter-than-promised"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nabc", id="cut-within-a-chunk"),
        pytest.param(http(200, b"not gzip", content_encoding="gzip"), id="broken-compression"),
    ],
)
def test_an_answer_that_breaks_is_tried_again(response: bytes) -> None:
    with Server(answering(response)) as server:
        assert_failed(lambda: Fetcher(server.url).fetch(server.url + "/a.png"))


def test_a_chunked_answer_is_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n%s\r\n3\r\n%s\r\n0\r\n\r\n" % (
        PNG[:4],
        PNG[4:7],
    )
    with Server(answering(chunks)) as server:
        assert Fetcher(server.url).fetch(server.url)[:] == PNG[:7]


def test_an_answer_of_any_type_is_brought_as_it_is() -> None:
    """The bytes decide its type."""
    with served(http(200, b"<html>", content_type="text/html")) as server:
        assert Fetcher(server.url).fetch(server.url)[:] == b"<html>"


@pytest.mark.parametrize("packed", [False, True], ids=["as-it-is", "packed"])
def test_an_answer_over_100_megabytes_is_not_kept(packed: bool) -> None:
    body = bytes(101_000_000)
    response = http(200, gzip.compress(body, 1), content_encoding="gzip") if packed else http(200, body)
    with Server(answering(response)) as server:
        assert_forbidden(lambda: Fetcher(server.url).fetch(server.url + "/a.png"))
