"""Fetch a file over HTTP: with progress, resumed after interruptions, and checked before it gets its name.

What has arrived is kept in ``<name>.part``, with the server's mark of the version beside it, so that a later call goes
on only if the file is still the same there.
"""
import json
import os
import time
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from compat.errors import UserError
from compat.files import write_file

from .checksum import verified_digest
from .space import check_space

TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two pieces of data
LIMIT = 10**12  # bytes
RETRIES = 5
FIRST_WAIT = 1.0  # seconds before the first retry; each further wait is twice as long
CHUNK = 1 << 16  # bytes; what has arrived of a piece is lost when the transfer breaks off
BUSY = (429, 500, 502, 503, 504)  # HTTP status codes after which a server is asked again


def fetch(url: str, target: Path, checksum: str | None = None, limit: int = LIMIT, retries: int = RETRIES,
          timeout: tuple[float, float] = TIMEOUT, first_wait: float = FIRST_WAIT) -> str:
    """Download a file; a partial one from an earlier call is completed.

    Args:
        url: http or https address. target: path of the file; its folder is made.
        checksum: "md5:<hex>" or "sha256:<hex>", or None where none is known.
        limit: bytes that the file has at most.
        retries: how often to try again in a row without any progress. timeout: as for requests. first_wait: seconds.

    Returns:
        SHA-256 of the file as hex digits.

    Raises:
        UserError: the address does not serve the file, the disk is full, the file is too large, or the checksum is
            another one. Nothing is then at ``target``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = 0
    with PatientSession(retries, timeout, first_wait) as session:
        while True:
            before = size_of(part)
            try:
                transfer(session, url, part, limit)
                break
            except requests.RequestException as error:  # the body broke off
                failures = 1 if size_of(part) > before else failures + 1
                if failures > retries:
                    raise broke_off(url, failures, error) from error
                time.sleep(first_wait * 2 ** (failures - 1))
            except OSError as error:
                raise UserError(f"cannot write {str(part)!r} ({error.strerror or error}): make room, or give another "
                                "--root") from error
    try:
        digest = verified_digest(part, checksum, url)
        os.replace(part, target)
    finally:
        if not part.exists():
            mark_file(part).unlink(missing_ok=True)
    return digest


class PatientSession(requests.Session):
    """Asks a silent or busy server again before it gives up."""

    def __init__(self, retries: int, timeout: tuple[float, float], first_wait: float) -> None:
        super().__init__()
        self.retries, self.timeout = retries, timeout
        # Retry-After is not followed: it may ask for hours, and a later call goes on anyway.
        waits = Retry(retries, backoff_factor=first_wait, status_forcelist=BUSY, respect_retry_after_header=False)
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=waits))
        self.headers["Accept-Encoding"] = "identity"  # else ranges would count compressed bytes

    def ask(self, url: str, headers: dict[str, str]) -> requests.Response:
        """The answer without its body; UserError where there is none, also after all retries."""
        try:
            return self.get(url, headers=headers, stream=True, timeout=self.timeout)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.RetryError) as error:
            raise broke_off(url, self.retries + 1, error) from error
        except (requests.RequestException, ValueError) as error:  # not an address, too many redirects
            raise UserError(f"cannot fetch {url} ({error}): correct the address in "
                            "datasets/download/sources.json") from error


def too_large(url: str, limit: int) -> UserError:
    return UserError(f"{url} sends more than {limit / 1e9:.1f} GB, so it is another file: look at the data set's page "
                     "(docs/datasets.md) and get the file by hand")


def broke_off(url: str, times: int, error: Exception) -> UserError:
    return UserError(f"{url} broke off {times} times in a row ({type(error).__name__}): call again later, what has "
                     "arrived is kept")


def transfer(session: PatientSession, url: str, part: Path, limit: int) -> None:
    """One request: append to the partial file, or begin it anew where the server has another version.

    Raises:
        requests.RequestException: the body broke off. UserError: there is no answer, or none that holds the file.
    """
    mark = read_mark(part, url)
    begun = size_of(part) if mark else 0
    headers = {"Range": f"bytes={begun}-", "If-Range": mark} if begun else {}
    with session.ask(url, headers) as answer:
        content_range = answer.headers.get("Content-Range", "")
        if answer.status_code == 416:  # nothing is left to send, or the partial file is of something else
            if content_range.rpartition("/")[2] == str(begun):
                return
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the server does not have the rest of the partial file")
        if answer.status_code not in (200, 206):
            raise UserError(f"{url} answers HTTP {answer.status_code} {answer.reason}: the address may have changed; "
                            "look at the data set's page (docs/datasets.md) and get the file by hand")
        if not (answer.status_code == 206 and content_range.startswith(f"bytes {begun}-")):
            begun = 0
        length = answer.headers.get("Content-Length", "")
        total = begun + int(length[:20]) if length.isdecimal() else None
        if (total or 0) > limit:
            raise too_large(url, limit)
        check_space(part.parent, (total or 0) - begun, url)
        write_mark(part, url, answer)
        receive(answer, part, begun, total, limit)


def receive(answer: requests.Response, part: Path, begun: int, total: int | None, limit: int) -> None:
    """Write the body behind the first ``begun`` bytes; ``total``: bytes of the whole file, if the server says so."""
    with open(part, "r+b" if begun else "wb") as file, tqdm(
            desc=part.name.removesuffix(".part"), initial=begun, total=total, unit="B", unit_scale=True,
            unit_divisor=1024) as progress:
        file.seek(begun)
        file.truncate()
        for piece in answer.iter_content(CHUNK):
            file.write(piece)
            progress.update(len(piece))
            if file.tell() > limit:
                part.unlink()
                raise too_large(answer.url, limit)
    if total is not None and size_of(part) < total:  # older releases of urllib3 do not notice
        raise requests.ConnectionError(f"{size_of(part)} of {total} bytes arrived")


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def mark_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def write_mark(part: Path, url: str, answer: requests.Response) -> None:
    """Note which version of the file the server sends; without a mark, a partial file cannot be continued."""
    etag = answer.headers.get("ETag", "")
    mark = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")
    write_file(mark_file(part), json.dumps({"url": url, "mark": mark}))


def read_mark(part: Path, url: str) -> str:
    """The server's mark of the partial file's version; "" if there is none for this address."""
    try:
        content = json.loads(mark_file(part).read_text(encoding="utf-8"))
        return str(content["mark"]) if content["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
