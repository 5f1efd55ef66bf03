"""Answering one request: it becomes a turn of a thread, and is paid once."""
