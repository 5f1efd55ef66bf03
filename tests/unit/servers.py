"""Servers on this machine that answer as badly as the internet does, with a script for each connection."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One connection from the server's side. `over` is set at the end of the test."""

    connection: socket.socket
    over: threading.Event
    head: str = ""
    body: bytes = b""
    cut_off: threading.Event = field(default_factory=threading.Event)

    @property
    def request_line(self) -> str:
        return self.head.partition("\r\n")[0]

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lowercase name."""
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value.strip() for name, _, value in lines}

    def read_head(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received and (chunk := self.connection.recv(65_536)):
            received += chunk
        head, _, self.body = received.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")

    def read(self) -> None:
        """Read the whole request, to the last byte."""
        self.read_head()
        while len(self.body) < int(self.headers.get("content-length", 0)):
            self.body += self.connection.recv(1 << 20)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send a byte now and then, for five seconds or until the other side hangs up: see `cut_off`."""
        for number in range(50):
            try:
                self.send(data[number % len(data) :][:1])
            except OSError:
                self.cut_off.set()
                return
            if self.over.wait(0.1):
                return


class Server:
    """Plays a script to each connection on a free port of 127.0.0.1; over TLS if a context is given."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, handshake_after: float = 0) -> None:
        self._script = script
        self._tls = tls
        self._handshake_after = handshake_after
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self.exchanges: list[Exchange] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._play, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, connection: socket.socket) -> None:
        exchange = Exchange(connection, self._over)
        self.exchanges.append(exchange)
        with suppress(OSError), connection:
            connection.settimeout(15)
            if self._tls:
                self._over.wait(self._handshake_after)
                with self._tls.wrap_socket(connection, server_side=True) as exchange.connection:
                    self._script(exchange)
            else:
                self._script(exchange)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        for thread in list(self._threads):
            thread.join(15)
        self._listener.close()


def http(status: int = 200, body: bytes = b"", length: int | None = None, **headers: str) -> bytes:
    """A response. `length` is its claimed length; `content_type` stands for `Content-Type`."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def answering(response: bytes) -> Script:
    """A script that reads the request and sends this response."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(response)

    return script


def unused_port() -> int:
    """A port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def tls_context(folder: Path, *hosts: str) -> tuple[str, ssl.SSLContext]:
    """A certificate for these hosts: the file of the authority that signed it, and a server's context with it."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The tests' authority")])
    authority = (
        _certificate(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_may_sign(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server of the tests")])
    server = (
        _certificate(own_name, authority_name, server_key)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        # Python 3.13 and later refuse a certificate without it.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    authority_file, server_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(authority.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    server_file.write_bytes(server.public_bytes(pem) + server_key.private_bytes(pem, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return str(authority_file), context


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _may_sign() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
