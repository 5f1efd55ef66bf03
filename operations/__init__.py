"""The operator's tools, run against a deployed stack from a checkout of the project."""
