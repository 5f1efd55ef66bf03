"""It finds a stack, on AWS or on this machine, and connects to its services with the caller's credentials."""
