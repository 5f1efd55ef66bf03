"""Batch files: one request per line, handled in steps until every line has ended."""
