"""The floor of a cold start: an interpreter that can speak HTTP over TLS."""

import http.client
import os
import ssl

http.client.HTTPSConnection("localhost", context=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]))
