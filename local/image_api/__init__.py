"""The stand-in for the image API: the one piece of the local stack that stands in for something real.

It speaks each dialect that Darkroom speaks, at the real API's paths and as its documentation says (`dialects`), but
paints the pictures itself (`local.image_api.painting`): visible, deterministic edits of the newest picture by the words
it knows, a scene where there is no picture, the instruction as a caption where it knows no word. It has no
understanding and no price, and says nothing about what a model would make of it. Its faults are those of `faults`.

    python -m local.image_api --port 8080 [--key sk-stand-in]

Outside the documented API: `GET /_stand-in/health`, `GET /_stand-in/calls`, `POST /_stand-in/fault`.
"""

from local.image_api.server import StandInServer, running

__all__ = ["StandInServer", "running"]
