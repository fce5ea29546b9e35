"""Fetch a file from Google Drive with gdown; a partial one is completed."""
import json
import os
import zipfile
from pathlib import Path

import requests

from compat.errors import UserError

from .checksum import verified_digest
from .fetch import TIMEOUT

RETRIES = 2  # fewer than elsewhere: a data root takes a dozen files from Google, and without a network each one waits


def fetch_drive(drive_id: str, target: Path, checksum: str | None = None) -> str:
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
    import gdown  # slow to import, and most files come from elsewhere

    # gdown looks for partial files of its own, <output><letters>.part, so it gets a name of its own.
    part = target.with_name(target.name + ".part")
    page = f"https://drive.google.com/file/d/{drive_id}/view"
    remedy = f"call again later, or get it in a browser from {page} and put it at {str(target)!r}"
    try:
        gdown.download(id=drive_id, output=str(part), resume=True, timeout=TIMEOUT, retries=RETRIES)
        digest = verified_digest(part, checksum, page)
    except UserError:
        raise
    except Exception as error:  # gdown, requests and the disk raise many kinds
        cause = error.__cause__ or error  # after retries, gdown raises an error of its own
        reason = "no connection" if isinstance(cause, (requests.ConnectionError, requests.Timeout)) else \
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise UserError(f"{target.name} cannot be fetched from Google Drive ({reason}): {remedy}") from error
    if not is_sound(part, target.suffix):  # Google may send a page that says why it does not send the file
        part.unlink()
        raise UserError(f"what Google Drive sent as {target.name} is no {target.suffix} file: {remedy}")
    os.replace(part, target)
    return digest


def is_sound(path: Path, suffix: str) -> bool:
    """Whether a file holds what its suffix says."""
    if suffix == ".zip":
        return zipfile.is_zipfile(path)
    try:
        text = path.read_text(encoding="utf-8")
        return isinstance(json.loads(text), dict) if suffix == ".json" else not text.lstrip().startswith("<")
    except ValueError:
        return False
