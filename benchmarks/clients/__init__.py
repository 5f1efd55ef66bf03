"""The three compared clients, and the process that measures each of their turns.

They run in the benchmark's own environment, `.local/tools/bench`, so only the standard library is imported here.
"""
