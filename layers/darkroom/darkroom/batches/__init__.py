"""Batch files: a request a line, worked on in steps until all of their lines have ended."""
