"""The three clients that are compared, and the process that each of their turns is measured in.

They run in the benchmark's own environment, `.local/tools/bench`: nothing but the standard library is imported here.
"""
