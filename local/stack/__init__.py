"""The stack on this machine: the real template, built and deployed with the real tools, in an emulator of AWS.

`lifecycle` brings it up and takes it down; everything else is one thing that this needs.
"""
