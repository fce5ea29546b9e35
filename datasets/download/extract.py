"""Unpack zip and tar archives of others: nothing gets out of the target folder, whatever the archive says.

Refused are absolute names, names with "..", links to anything but a file in the archive, devices and pipes. A link is
unpacked as a copy of its file, so that no link is ever made or followed. Modes and owners are not taken over. The
``data`` filter of tarfile does less: it makes links, and takes the first slash off a name instead of refusing it.
"""
import errno
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from compat.errors import UserError

from .space import check_space

# What the libraries may raise when they read a damaged archive.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError,
           OverflowError, struct.error)
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)  # not the archive's fault


class Refused(Exception):
    """Says which member of an archive is not unpacked and why."""


def extract(archive: Path, folder: Path, progress: bool = True) -> None:
    """Unpack an archive into a folder, which should be new and is the caller's to remove after an error.

    Args:
        archive: path of a zip file or a tar file (plain, gz, bz2 or xz). folder: existing folder. progress: show a bar.

    Raises:
        UserError: the archive is missing, damaged, does not fit on the disk, or holds something that is refused.
        OSError: the disk fails.
    """
    what, remedy = f"unpacking {archive.name}", "remove it and get it again"
    try:
        check_space(folder, archive.stat().st_size, what)
        if zipfile.is_zipfile(archive):
            extract_zip(archive, folder, what, progress)
        elif tarfile.is_tarfile(archive):
            extract_tar(archive, folder, what, progress)
        else:
            raise UserError(f"{str(archive)!r} is neither a zip nor a tar archive: {remedy}")
    except UserError:
        raise
    except Refused as error:
        raise UserError(f"the archive {str(archive)!r} holds {error}: it is not unpacked; get the archive from another "
                        "place") from error
    except DAMAGED as error:
        raise UserError(f"the archive {str(archive)!r} is damaged ({type(error).__name__}: {error}): "
                        f"{remedy}") from error
    except OSError as error:
        if error.errno in DISK:
            raise
        raise UserError(f"cannot unpack the archive {str(archive)!r} ({error.strerror or error}): {remedy}") from error


def extract_zip(archive: Path, folder: Path, what: str, progress: bool) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        check_space(folder, sum(member.file_size for member in members), what)
        for member in tqdm(members, what, disable=not progress, delay=1):
            target = place(folder, member.filename)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG):  # 0: made on a system without modes
                with file.open(member) as source:
                    write_member(source, target)
            else:
                raise Refused(f"{member.filename!r}, a link, a device or a pipe")


def extract_tar(archive: Path, folder: Path, what: str, progress: bool) -> None:
    with tarfile.open(archive) as file:
        for member in tqdm(file, what, disable=not progress, delay=1):
            target = place(folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile() or member.islnk() or member.issym():
                with content_of(file, member) as source:
                    size = source.seek(0, os.SEEK_END)  # of the file behind a link, too
                    source.seek(0)
                    check_space(folder, size, what)  # a tar says no total before its end
                    write_member(source, target)
            else:
                raise Refused(f"{member.name!r}, a device or a pipe")


def content_of(file: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """The open content of a file, or of the file in the archive that a link means."""
    try:
        source = file.extractfile(member)
    except (KeyError, RecursionError):  # not in the archive; links in a circle
        source = None
    if source is None:
        raise Refused(f"{member.name!r}, a link to {member.linkname!r}, which is no file in it")
    return source


def place(folder: Path, name: str) -> Path:
    """Where a member goes; it has to be inside the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
        raise Refused(f"{name!r}, a name that leads out of its folder")
    return folder / path


def write_member(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # an earlier member of the same name
    with open(target, "xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
