"""AWS and the image API as local servers over TLS, each in a process of its own, so that the client is measured alone.

They drop connections that are idle, count what they are asked, and hash what they are sent.
"""
