"""One shared TLS context for each CA bundle.

urllib3 and botocore load the bundle again for each new connection (urllib3 3623, botocore 3171). That costs 25 to
45 ms of CPU, and after each wait for the image API a function finds its idle connections dropped.
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
    """Loads each bundle once, however often it is named. Before that it trusts no certificate."""

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
        """Do nothing: the protocols are set once. urllib3 sets them per connection, while another may read them."""


@cache
def context(bundle: str) -> ssl.SSLContext:  # noqa: ARG001 - part of the cache key
    """The context for clients that trust this bundle (a file or a folder) and name it when they connect.

    It checks host names, so switching verification off raises an error.
    """
    return _Shared(ssl.PROTOCOL_TLS_CLIENT)


def share_with_botocore() -> None:
    """Make every client of AWS that is created from now on use the shared context.

    botocore takes no context, so this replaces the function that creates its contexts. If botocore stops using that
    function, its connections become slower, and are verified as before.
    """
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    httpsession.create_urllib3_context = lambda *_, **__: context(bundle)
