"""Checks a photo's bytes, as the functions do before they send a picture."""

from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Rejected, TooLarge, TooManyPixels, Undecodable
from darkroom_client.checking.folder import LocalFolder
from darkroom_client.pictures import MAX_FILE_BYTES

SMALLER = "Make the picture smaller and upload it again."
ANOTHER = "Open it, save it as JPEG or PNG, and upload that."


def warnings(folder: LocalFolder, photo: Upload) -> tuple[str, ...]:
    """Warnings about a picture. Raises Rejected if it cannot be sent."""
    from darkroom.pictures import inspect

    try:
        stored = folder.read(ImageRef(photo.bucket, photo.key), most_bytes=MAX_FILE_BYTES)
        found = inspect.inspect(stored.data if stored else b"")
    except ImportError:
        return ("this machine cannot check that the picture is whole, because pi-heif is not installed",)
    except TooLarge as error:
        raise Rejected("image_too_large", f"{photo.name} is over 100 MB", hint=SMALLER) from error
    except TooManyPixels as error:
        raise Rejected("image_too_large", f"{photo.name}: {error}", hint=SMALLER) from error
    except Undecodable as error:
        raise Rejected("unsupported_image", f"{photo.name}: {error}", hint=ANOTHER) from error
    return ("its file is damaged, but its picture can be recovered",) if found.is_repaired else ()
