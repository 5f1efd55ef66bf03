"""Uploads: an object in the uploads bucket becomes a request."""
