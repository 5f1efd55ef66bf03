"""The threads table: everything that Darkroom remembers, by the port that it serves."""
