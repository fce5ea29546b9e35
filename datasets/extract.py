"""Unpack zip and tar archives of others: nothing gets out of the target folder, whatever the archive says.

Refused are absolute names, names with "..", links that lead out of the folder, devices and pipes. Modes and owners are
not taken over.
"""
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from .errors import DatasetError
from .fetch import check_space


def extract(archive, folder, progress=True):
    """Unpack an archive into a folder, which should be new and is the caller's to remove after an error.

    Args:
        archive: path of a zip file or a tar file (plain, gz, bz2 or xz). folder: existing folder. progress: show a bar.

    Raises:
        DatasetError: the archive is missing, damaged, does not fit on the disk, or holds something that is refused.
    """
    archive, folder = Path(archive), Path(folder).resolve()
    try:
        check_space(folder, archive.stat().st_size, f"unpacking {archive.name}")
        if zipfile.is_zipfile(archive):
            extract_zip(archive, folder, progress)
        elif tarfile.is_tarfile(archive):
            extract_tar(archive, folder, progress)
        else:
            raise DatasetError(f"{str(archive)!r} is neither a zip nor a tar archive: get it again")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"the archive {str(archive)!r} is damaged ({type(error).__name__}: {error}): get it "
                           "again") from error
    except OSError as error:
        if isinstance(error, (FileNotFoundError, IsADirectoryError)) or error.errno is None:  # gzip's, without a number
            raise DatasetError(f"cannot read the archive {str(archive)!r} ({error}): get it again") from error
        raise


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
            elif member.issym():
                make_link(archive, folder, target, member)
            elif member.isfile() or member.islnk():
                if member.islnk():
                    place(archive, folder, member.linkname)
                check_space(folder, member.size, f"unpacking {archive.name}")  # a tar says no total before its end
                try:
                    source = file.extractfile(member)
                except KeyError as error:
                    raise refused(archive, member.name, f"a link to {member.linkname!r}, which it lacks") from error
                with source:
                    write_file(source, target)
            else:
                raise refused(archive, member.name, "a device or a pipe")


def place(archive, folder, name):
    """Where a member goes; DatasetError if that is not inside the folder, also by way of links made before."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or (name[1:2] == ":"):
        raise refused(archive, name, "a name that leads out of its folder")
    target = folder / path
    if path.parts and not inside(target.parent, folder):
        raise refused(archive, name, "a name that leads out of its folder through a link")
    return target


def inside(path, folder):
    """Whether a path, links followed, is the folder or in it."""
    real = os.path.realpath(path)
    return real == str(folder) or real.startswith(str(folder) + os.sep)


def make_link(archive, folder, target, member):
    """A symbolic link, if it stays inside the folder."""
    if os.path.isabs(member.linkname) or not inside(target.parent / member.linkname, folder):
        raise refused(archive, member.name, f"a link that leads out of its folder, to {member.linkname!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    clear(target)
    os.symlink(member.linkname, target)


def write_file(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    clear(target)
    with open(target, "xb") as file:  # never through a link that is there
        shutil.copyfileobj(source, file, 1 << 20)


def clear(target):
    """Remove what an earlier member of the same name left."""
    if target.is_symlink() or target.is_file():
        target.unlink()


def refused(archive, name, what):
    return DatasetError(f"the archive {str(archive)!r} holds {name!r}, {what}: it is not unpacked; get the archive "
                        "from another place")
