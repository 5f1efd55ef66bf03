"""Bytes in memory or on disk: large ones are read in pieces, and never held in memory whole."""
