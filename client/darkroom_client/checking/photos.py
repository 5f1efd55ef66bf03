"""A photo's bytes, looked at as the functions look at them before a picture is sent."""

from darkroom.domain.request_schema import ImageRef
from darkroom.domain.upload import Upload
from darkroom.errors import Rejected, TooLarge, TooManyPixels, Undecodable
from darkroom_client.checking.folder import LocalFolder
from darkroom_client.pictures import MAX_FILE_BYTES

SMALLER = "Make the picture smaller and upload it again."
ANOTHER = "Open it, save it as JPEG or PNG, and upload that."


def warnings(folder: LocalFolder, photo: Upload) -> tuple[str, ...]:
    """Warnings about a picture. Raises Rejected where it cannot be sent."""
    from darkroom.pictures import inspect

    try:
        stored = folder.read(ImageRef(photo.bucket, photo.key), most_bytes=MAX_FILE_BYTES)
        found = inspect.inspect(stored.data if stored else b"")
    except ImportError:
        return ("whether the picture is whole cannot be seen here: that needs pi-heif",)
    except TooLarge as error:
        raise Rejected("image_too_large", f"{photo.name} is over 100 MB", hint=SMALLER) from error
    except TooManyPixels as error:
        raise Rejected("image_too_large", f"{photo.name}: {error}", hint=SMALLER) from error
    except Undecodable as error:
        raise Rejected("unsupported_image", f"{photo.name}: {error}", hint=ANOTHER) from error
    return ("its file is damaged, and its picture can be saved",) if found.is_repaired else ()
