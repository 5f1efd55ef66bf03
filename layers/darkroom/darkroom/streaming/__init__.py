"""Bytes in memory or on disk. Large ones are read in pieces and never held in memory whole."""
