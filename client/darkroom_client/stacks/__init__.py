"""It finds a stack, on AWS or on this machine, and reaches its services in the caller's name."""
