"""Image APIs: a dialect each, and the one client that speaks with them."""
