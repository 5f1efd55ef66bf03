"""What makes the project run on one machine, without an account.

`stack` is the real template in an emulator of AWS, `image_api` the stand-in for the image API with what it paints
with, and `demo` a conversation that goes through all of it. `tools` pins the programs that `make` installs.
"""
