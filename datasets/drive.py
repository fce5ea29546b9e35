"""Fetch a file from Google Drive with gdown; a partial one is completed."""
import inspect
import json
import os
import zipfile

from compat.errors import UserError

from .fetch import TIMEOUT, check_sum, digests


def fetch_drive(drive_id, target, checksum=None):
    """Download a file from Google Drive.

    Args:
        drive_id: the file's id there. target: path of the file, a .json, .txt or .zip; its folder is there.
        checksum: as for ``fetch.fetch``.

    Returns:
        SHA-256 of the file as hex digits.

    Raises:
        UserError: Google does not give the file (it limits how often a file is fetched), or it is damaged. Nothing
            is then at ``target``.
    """
    import gdown

    part = target.with_name(target.name + ".part")
    page = f"https://drive.google.com/file/d/{drive_id}/view"
    remedy = f"call again later, or get it in a browser from {page} and put it at {str(target)!r}"
    # Older releases know no timeout.
    options = {"timeout": TIMEOUT} if "timeout" in inspect.signature(gdown.download).parameters else {}
    try:
        # gdown looks for partial files of its own, <output><letters>.part, so it gets a name of its own.
        got = gdown.download(id=drive_id, output=str(part), resume=True, **options)
    except Exception as error:  # gdown, requests and the disk raise many kinds
        raise UserError(f"{target.name} cannot be fetched from Google Drive ({reason(error)}): "
                        f"{remedy}") from error
    if got is None or not part.exists():
        raise UserError(f"{target.name} cannot be fetched from Google Drive: {remedy}")
    sums = digests(part)
    check_sum(page, part, checksum, sums)
    sound = {".json": is_json, ".zip": zipfile.is_zipfile, ".txt": is_text}[target.suffix]
    if not sound(part):  # Google may send a page that says why it does not send the file
        part.unlink()
        raise UserError(f"what Google Drive sent as {target.name} is no {target.suffix} file: {remedy}")
    os.replace(part, target)
    return sums["sha256"]


def reason(error):
    """One short line for an error of any kind."""
    import requests

    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return "no connection"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def is_json(path):
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except ValueError:
        return False


def is_text(path):
    try:
        return not path.read_text(encoding="utf-8").lstrip().startswith("<")
    except ValueError:
        return False
