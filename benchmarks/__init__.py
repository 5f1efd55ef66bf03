"""The benchmark: the handler that everyone writes, Darkroom's own, and the floor under both, measured in one run.

`make bench` runs it; `docs/performance.md` tells what is compared, and how.
"""
