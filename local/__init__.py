"""Everything that runs the project on one machine, without an account.

`stack` is the real template in an emulator of AWS, `image_api` the stand-in for the image API with its painter, and
`demo` a conversation that goes through all of it. `tools` pins the programs that `make` installs.
"""
