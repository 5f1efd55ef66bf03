"""Where `on_picture` is put together, once per environment: it alone knows the concrete classes that it works with."""

import os

from darkroom.aws import clients
from darkroom.aws.s3 import S3Objects
from darkroom.bootstrap.settings import PictureSettings, read
from darkroom.pictures.handler import Normalizer, Orders
from darkroom.worker.telemetry import PictureTelemetry


def picture_orders() -> Orders:
    """What answers the orders for pictures."""
    settings = read(PictureSettings, os.environ)
    normalizer = Normalizer(S3Objects(clients.s3()), settings.spool_bucket)
    return Orders(normalizer, PictureTelemetry(clients.logger()))
