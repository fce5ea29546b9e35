"""Fetch a file over HTTP: with progress, resumed after interruptions, and checked before it gets its name.

What has arrived is kept in ``<name>.part``, with the server's mark of the version beside it, so that a later call goes
on only if the file is still the same there.
"""
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import requests
from tqdm import tqdm

from compat.errors import UserError
from compat.files import write_file

TIMEOUT = (15, 60)  # seconds to connect, and between two pieces of data
RETRIES = 5
FIRST_WAIT = 1.0  # seconds before the first retry; each further wait is twice as long
CHUNK = 1 << 16  # bytes; what has arrived of a piece is lost when the transfer breaks off
SPARE = 50 << 20  # bytes that stay free on the disk


class Interrupted(Exception):
    """The transfer broke off; trying again may help."""


def fetch(url, target, checksum=None, retries=RETRIES, timeout=TIMEOUT, first_wait=FIRST_WAIT):
    """Download a file; a partial one from an earlier call is completed.

    Args:
        url: http or https address. target: path of the file; its folder is made.
        checksum: "md5:<hex>" or "sha256:<hex>", or None where none is known.
        retries: how often to try again in a row without any progress. timeout: as for requests. first_wait: seconds.

    Returns:
        SHA-256 of the file as hex digits.

    Raises:
        UserError: the address does not serve the file, the disk is full, or the checksum is another one. Nothing is
            then at ``target``.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = 0
    while True:
        before = size_of(part)
        try:
            transfer(url, part, timeout)
            break
        except Interrupted as error:
            failures = 1 if size_of(part) > before else failures + 1
            if failures > retries:
                raise UserError(f"{url} broke off {failures} times in a row ({error}): call again later, what has "
                                "arrived is kept") from error
            time.sleep(first_wait * 2 ** (failures - 1))
        except OSError as error:  # requests' errors are Interrupted by now: this is the disk
            raise UserError(f"cannot write {str(part)!r} ({error.strerror or error}): make room, or give another "
                            "--root") from error
    sums = digests(part)
    check_sum(url, part, checksum, sums)
    os.replace(part, target)
    mark_file(part).unlink(missing_ok=True)
    return sums["sha256"]


def transfer(url, part, timeout):
    """One request: append to the partial file, or begin it anew where the server has another version."""
    mark = read_mark(part, url)
    begun = size_of(part) if mark else 0
    headers = {"Accept-Encoding": "identity"}  # else ranges would count compressed bytes
    if begun:
        headers.update({"Range": f"bytes={begun}-", "If-Range": mark})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
            if answer.status_code == 416:  # nothing is left to send, or the partial file is of something else
                if answer.headers.get("Content-Range", "").rpartition("/")[2] == str(begun):
                    return
                part.unlink(missing_ok=True)
                raise Interrupted("the server does not have the rest of the partial file")
            check_status(url, answer)
            begun = begun if continues(answer, begun) else 0
            length = answer.headers.get("Content-Length")
            total = begun + int(length) if length and length.isdecimal() else None
            check_space(part.parent, (total or 0) - begun, url)
            write_mark(part, url, answer)
            receive(answer, part, begun, total)
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError) as error:
        raise Interrupted(type(error).__name__) from error
    except requests.RequestException as error:  # not an address, too many redirects
        raise UserError(f"cannot fetch {url} ({error}): correct the address in datasets/sources.json") from error


def check_status(url, answer):
    """Raise unless the answer holds data: Interrupted where a retry may help."""
    if answer.status_code in (429, 500, 502, 503, 504):
        raise Interrupted(f"HTTP {answer.status_code}")
    if answer.status_code not in (200, 206):
        raise UserError(f"{url} answers HTTP {answer.status_code} {answer.reason}: the address may have changed; "
                        "look at the data set's page (docs/datasets.md) and get the file by hand")


def continues(answer, begun):
    """Whether the answer goes on where the partial file ends."""
    return answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-")


def receive(answer, part, begun, total):
    """Write the body behind the first ``begun`` bytes; Interrupted if it is shorter than announced."""
    with open(part, "r+b" if begun else "wb") as file, tqdm(
            desc=part.name.removesuffix(".part"), initial=begun, total=total, unit="B", unit_scale=True,
            unit_divisor=1024) as progress:
        file.seek(begun)
        file.truncate()
        for piece in answer.iter_content(CHUNK):
            file.write(piece)
            progress.update(len(piece))
    if total is not None and size_of(part) < total:
        raise Interrupted(f"{size_of(part)} of {total} bytes arrived")


def check_space(folder, needed, what):
    """Raise UserError if a folder's disk has not room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise UserError(f"{what} needs {needed / 1e9:.2f} GB, but {str(folder)!r} has {free / 1e9:.2f} GB free: "
                        "make room, or give another --root")


def digests(path):
    """{"md5": hex digits, "sha256": hex digits} of a file."""
    sums = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            for digest in sums.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in sums.items()}


def check_sum(url, part, checksum, sums):
    """Remove the file and raise UserError if its checksum is another one."""
    if checksum is None:
        return
    kind, _, wanted = checksum.partition(":")
    if sums[kind] != wanted.lower():
        part.unlink()
        mark_file(part).unlink(missing_ok=True)
        raise UserError(f"{url} has the {kind} {sums[kind]}, but {wanted} is known for it: it was damaged on the "
                        "way or is another version; call again, and if that does not help get it by hand "
                        "(docs/datasets.md)")


def size_of(path):
    """Bytes of a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def mark_file(part):
    return part.with_name(part.name + ".json")


def write_mark(part, url, answer):
    """Note which version of the file the server sends; without a mark, a partial file cannot be continued."""
    etag = answer.headers.get("ETag", "")
    mark = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")
    write_file(mark_file(part), json.dumps({"url": url, "mark": mark}))


def read_mark(part, url):
    """The server's mark of the partial file's version; None if there is none for this address."""
    try:
        content = json.loads(mark_file(part).read_text(encoding="utf-8"))
        return (content["mark"] or None) if content["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
