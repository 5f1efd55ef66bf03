"""Image APIs: a dialect for each kind, and one client that calls them."""
