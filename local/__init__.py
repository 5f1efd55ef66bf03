"""The stack on one machine: the real template in an emulator of AWS, and a stand-in for the image API."""
