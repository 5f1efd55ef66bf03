"""The stand-in for the image API: the only part of the local stack that replaces a real service.

It speaks each dialect that Darkroom speaks, at the real API's paths and as its documentation says (`dialects`). It
paints the pictures itself (`local.image_api.painting`). It edits the newest picture by the words it knows, visibly and
deterministically. If there is no picture, it paints a scene. If it knows no word, it writes the instruction on the
picture. It understands nothing and costs nothing, and its pictures do not predict those of a model. `faults` lists the
faults that it can produce.

    python -m local.image_api --port 8080 [--key sk-stand-in]

Outside the documented API: `GET /_stand-in/health`, `GET /_stand-in/calls`, `POST /_stand-in/fault`.
"""

from local.image_api.server import StandInServer, running

__all__ = ["StandInServer", "running"]
