"""The wiring of `on_picture`, done once per environment. Only this module knows its concrete classes."""

import os

from darkroom.aws import clients
from darkroom.aws.s3 import S3Objects
from darkroom.bootstrap.settings import PictureSettings, read
from darkroom.pictures.handler import Normalizer, Orders
from darkroom.worker.telemetry import PictureTelemetry


def picture_orders() -> Orders:
    """The handler of the orders for pictures."""
    settings = read(PictureSettings, os.environ)
    normalizer = Normalizer(S3Objects(clients.s3()), settings.spool_bucket)
    return Orders(normalizer, PictureTelemetry(clients.logger()))
