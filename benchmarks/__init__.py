"""The benchmark: the handler that everyone writes, Darkroom, and the floor under both, measured in one run.

`make bench` runs it. `docs/performance.md` describes the comparison and its method.
"""
