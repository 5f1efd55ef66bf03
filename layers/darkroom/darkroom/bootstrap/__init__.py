"""Each function's wiring. Only this room knows the concrete classes behind the ports."""
