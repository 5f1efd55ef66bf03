"""The stack on this machine: the real template, built and deployed with the real tools into an emulator of AWS.

`lifecycle` brings it up and takes it down. Each other module does one thing for that.
"""
