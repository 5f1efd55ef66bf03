"""Fetches a picture from an address that the API returned, which may lead anywhere.

It uses only https, requires every resolved address to be public, and connects to an address that it has checked. It
checks each redirect anew, sends no credentials, and bounds bytes and time. It trusts the API's own origin.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import urllib3

from darkroom import tls
from darkroom.domain.timing import CONNECT_SECONDS, DOWNLOAD_SECONDS
from darkroom.errors import Rejected, Unavailable
from darkroom.providers.transport import FinalResponse
from darkroom.streaming.blob import Blob, File

MAX_BYTES = 100_000_000
MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 8192
CHUNK_BYTES = 1 << 18
REDIRECTS = (301, 302, 303, 307, 308)
DEFAULT_PORTS = {"http": 80, "https": 443}


class _PlainPool(urllib3.HTTPConnectionPool):
    class ConnectionCls(urllib3.connection.HTTPConnection):
        response_class = FinalResponse


class _SecurePool(urllib3.HTTPSConnectionPool):
    class ConnectionCls(urllib3.connection.HTTPSConnection):
        response_class = FinalResponse


Resolve = Callable[[str, int], Iterable[str]]
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Some versions of `ipaddress` take these for global: protocol assignments, and site-local addresses.
_NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("fec0::/10"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def resolved(host: str, port: int) -> list[str]:
    """Every address of a host."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Fetcher:
    """Fetches the pictures that the API at `api_url` refers to."""

    def __init__(self, api_url: str, *, resolve: Resolve = resolved, ca_certs: str | None = None) -> None:
        self._api_url = api_url
        self._trusted = _origin(urlsplit(api_url))
        self._resolve = resolve
        self._ca_certs = ca_certs or certifi.where()

    def fetch(self, url: str) -> Blob:
        """The bytes at the address. Raises Rejected if the address is forbidden, Unavailable if the download failed."""
        until = time.monotonic() + DOWNLOAD_SECONDS
        if url.startswith("/"):  # a path at the API itself
            url = _joined(self._api_url, url)
        for _ in range(MAX_REDIRECTS + 1):
            target = _split(url)
            with self._response(target) as response:
                if response.status not in REDIRECTS:
                    return _content(response, until)
                url = _joined(url, response.headers.get("Location", ""))
        raise _forbidden(f"it redirects more than {MAX_REDIRECTS} times")

    @contextmanager
    def _response(self, target: SplitResult) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to one request. Its connection is closed afterwards."""
        try:
            pool = self._pool(target)
            path = (target.path or "/") + (f"?{target.query}" if target.query else "")
            headers = {"Host": target.netloc.rpartition("@")[2], "Accept": "image/*", "Connection": "close"}
            response = pool.urlopen(
                "GET", path, headers=headers, redirect=False, retries=False, preload_content=False,
                assert_same_host=False,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise _failed(type(error).__name__) from error
        try:
            yield response
        finally:
            response.close()
            pool.close()

    def _pool(self, target: SplitResult) -> urllib3.HTTPConnectionPool:
        host, port = str(target.hostname), target.port or DEFAULT_PORTS[target.scheme]
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=DOWNLOAD_SECONDS / 2)
        if _origin(target) == self._trusted and target.scheme == "http":
            return _PlainPool(host, port, timeout=timeout)
        address = host if _origin(target) == self._trusted else self._checked(target, host, port)
        return _SecurePool(
            address, port, timeout=timeout, ca_certs=self._ca_certs, cert_reqs="CERT_REQUIRED",
            server_hostname=host, ssl_context=tls.context(self._ca_certs),
        )  # fmt: skip

    def _checked(self, target: SplitResult, host: str, port: int) -> str:
        if target.scheme != "https":
            raise _forbidden("it is no https address")
        addresses = list(self._resolve(host, port))
        if not addresses or not all(is_public(address) for address in addresses):
            raise _forbidden("it leads into a private network")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether the address is on the public internet, looking through IPv6 forms that wrap an IPv4 address."""
    parsed: IpAddress = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and (inner := _wrapped(parsed)):
        return is_public(str(inner))
    if any(parsed in network for network in _NOT_PUBLIC):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_CHARACTERS or not url.isprintable():
        raise _forbidden("it is no address of a web server")
    try:
        target = urlsplit(url)
        usable = target.scheme in DEFAULT_PORTS and target.hostname and (target.port is None or target.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise _forbidden("it is no address of a web server")
    return target


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise _forbidden("it redirects to no address") from error


def _origin(target: SplitResult) -> tuple[str, str, int]:
    return target.scheme, str(target.hostname), target.port or DEFAULT_PORTS.get(target.scheme, 0)


def _content(response: urllib3.BaseHTTPResponse, until: float) -> Blob:
    if response.status != 200:
        raise _failed(f"status {response.status}")
    content = File()
    try:
        while chunk := response.read1(CHUNK_BYTES):  # the bytes at hand, so that a dripping server meets the deadline
            content.append(chunk)
            if len(content) > MAX_BYTES:
                raise _forbidden(f"it holds more than {MAX_BYTES:,} bytes")
            if time.monotonic() > until:
                raise _failed(f"not done within {DOWNLOAD_SECONDS} s")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _failed(type(error).__name__) from error
    return content


def _failed(why: str) -> Unavailable:
    return Unavailable("fetch", f"the picture's address did not answer ({why})")


def _forbidden(why: str) -> Rejected:
    return Rejected(
        "no_image",
        f"the image API answered with an address that is not fetched: {why}",
        hint="The operator can set ResponseFormat to b64_json, so that pictures come in the answer itself.",
        charged=True,
    )
