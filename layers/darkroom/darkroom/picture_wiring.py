"""Where `on_picture` is put together, once per environment: it alone knows the concrete classes that it works with."""

import os

from darkroom import clients
from darkroom.journal import PictureJournal
from darkroom.laboratory import Laboratory, Orders
from darkroom.objects import S3Objects
from darkroom.settings import picture_settings


def picture_orders() -> Orders:
    """What answers the orders for pictures."""
    settings = picture_settings(os.environ)
    laboratory = Laboratory(S3Objects(clients.s3()), settings.spool_bucket)
    return Orders(laboratory, PictureJournal(clients.logger()))
