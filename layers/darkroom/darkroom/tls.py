"""One TLS context for every CA bundle, whoever connects.

urllib3 and botocore load the bundle again for each new connection (urllib3 3623, botocore 3171): 25 to 45 ms of CPU,
and a function that waited for the image API finds its idle connections dropped.
"""

import os
import ssl
import threading
from functools import cache
from typing import Any

import certifi
from botocore import httpsession
from urllib3.util import create_urllib3_context


class _Shared(ssl.SSLContext):
    """Loads each bundle once, however often it is named; trusts nothing before."""

    def __init__(self, *_: Any) -> None:
        self.hostname_checks_common_name = False
        self.verify_flags |= create_urllib3_context().verify_flags
        super().set_alpn_protocols(["http/1.1"])
        self._lock = threading.Lock()
        self._loaded: set[tuple[object, ...]] = set()

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        with self._lock:
            if (cafile, capath, cadata) not in self._loaded:
                super().load_verify_locations(cafile, capath, cadata)
                self._loaded.add((cafile, capath, cadata))

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        """Set once: urllib3 would do it with each connection, while another one may be reading them."""


@cache
def context(bundle: str) -> ssl.SSLContext:  # noqa: ARG001 - whom one trusts is what contexts are told apart by
    """The context of those who trust this bundle, a file or a folder, and who name it when they connect.

    It checks names too, and so cannot be told not to verify: that is an error.
    """
    return _Shared(ssl.PROTOCOL_TLS_CLIENT)


def share_with_botocore() -> None:
    """From now on the clients of AWS that are made use it too.

    botocore has no place to hand a context in, so what makes its contexts is replaced. Should it make them
    otherwise one day its connections will be slower, and verified as before.
    """
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    httpsession.create_urllib3_context = lambda *_, **__: context(bundle)
