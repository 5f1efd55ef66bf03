"""Each function put together: the only room that knows who does the work behind the ports."""
