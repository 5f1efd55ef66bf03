"""AWS and the image API as local TLS servers, each in its own process, so that only the client is measured.

They drop idle connections, count requests, and hash the bytes that they receive.
"""
