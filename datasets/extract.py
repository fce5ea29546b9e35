"""Unpack zip and tar archives of others: nothing gets out of the target folder, whatever the archive says.

Refused are absolute names, names with "..", links to anything but a file in the archive, devices and pipes. A link is
unpacked as a copy of its file, so that no link is ever made or followed. Modes and owners are not taken over.
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

from tqdm import tqdm

from compat.errors import UserError

from .fetch import check_space

# What the libraries may raise when they read a damaged archive.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError,
           OverflowError, struct.error)
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)  # not the archive's fault


def extract(archive, folder, progress=True):
    """Unpack an archive into a folder, which should be new and is the caller's to remove after an error.

    Args:
        archive: path of a zip file or a tar file (plain, gz, bz2 or xz). folder: existing folder. progress: show a bar.

    Raises:
        UserError: the archive is missing, damaged, does not fit on the disk, or holds something that is refused.
    """
    archive, folder = Path(archive), Path(folder).resolve()
    try:
        check_space(folder, archive.stat().st_size, f"unpacking {archive.name}")
        if zipfile.is_zipfile(archive):
            extract_zip(archive, folder, progress)
        elif tarfile.is_tarfile(archive):
            extract_tar(archive, folder, progress)
        else:
            raise UserError(f"{str(archive)!r} is neither a zip nor a tar archive: remove it and get it again")
    except UserError:
        raise
    except DAMAGED as error:
        raise UserError(f"the archive {str(archive)!r} is damaged ({type(error).__name__}: {error}): remove it "
                        "and get it again") from error
    except OSError as error:
        if error.errno in DISK:
            raise
        raise UserError(f"cannot unpack the archive {str(archive)!r} ({error.strerror or error}): remove it "
                        "and get it again") from error


def extract_zip(archive, folder, progress):
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        check_space(folder, sum(member.file_size for member in members), f"unpacking {archive.name}")
        for member in tqdm(members, f"unpacking {archive.name}", disable=not progress, delay=1):
            kind = stat.S_IFMT(member.external_attr >> 16)
            target = place(archive, folder, member.filename)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif kind in (0, stat.S_IFREG):  # 0: made on a system without modes
                with file.open(member) as source:
                    write_file(source, target)
            else:
                raise refused(archive, member.filename, "a link, a device or a pipe")


def extract_tar(archive, folder, progress):
    with tarfile.open(archive) as file:
        for member in tqdm(file, f"unpacking {archive.name}", disable=not progress, delay=1):
            target = place(archive, folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile() or member.islnk() or member.issym():
                with content_of(archive, file, member) as source:
                    size = source.seek(0, os.SEEK_END)  # of the file behind a link, too
                    source.seek(0)
                    check_space(folder, size, f"unpacking {archive.name}")  # a tar says no total before its end
                    write_file(source, target)
            else:
                raise refused(archive, member.name, "a device or a pipe")


def content_of(archive, file, member):
    """The open content of a file, or of the file in the archive that a link means."""
    try:
        source = file.extractfile(member)
    except (KeyError, RecursionError):  # not in the archive; links in a circle
        source = None
    if source is None:
        raise refused(archive, member.name, f"a link to {member.linkname!r}, which is no file in it")
    return source


def place(archive, folder, name):
    """Where a member goes; UserError if that is not inside the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or (name[1:2] == ":"):
        raise refused(archive, name, "a name that leads out of its folder")
    return folder / path


def write_file(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # an earlier member of the same name
    with open(target, "xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def refused(archive, name, what):
    return UserError(f"the archive {str(archive)!r} holds {name!r}, {what}: it is not unpacked; get the archive "
                     "from another place")
