"""Unpacking of good, damaged and malicious archives."""
import io
import os
import stat
import tarfile
import zipfile
from collections import namedtuple

import pytest

from compat.errors import UserError
from datasets.download import space
from datasets.download.extract import extract

SECRET = "outside.txt"


def member(name, content=b"", kind=tarfile.REGTYPE, link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(content)
    return info, io.BytesIO(content)


def make_tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for info, content in members:
            file.addfile(info, content)
    return path


def make_zip(path, *entries):
    """``entries``: (name, content, file type and mode or 0)."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            file.writestr(info, content)
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / SECRET).write_text("untouched")
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_without_its_modes(tmp_path, folder, mode):
    archive = make_tar(tmp_path / "a.tar", member(".", kind=tarfile.DIRTYPE), member("./images", kind=tarfile.DIRTYPE),
                       member("./images/cat/1.jpg", b"one", mode=0o000),
                       member("images/cat/2.jpg", b"two", mode=0o4777),
                       mode=mode)
    extract(archive, folder)
    assert files_in(folder) == {"images/cat/1.jpg": b"one", "images/cat/2.jpg": b"two"}
    for path in folder.rglob("*.jpg"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o7111 == 0  # the archive's modes are not taken over


def test_a_zip_is_unpacked(tmp_path, folder):
    archive = make_zip(tmp_path / "a.zip", ("2750/", b"", 0), ("2750/River/1.jpg", b"one", stat.S_IFREG | 0o644),
                       ("2750/River/2.jpg", b"two", 0))
    extract(archive, folder)
    assert files_in(folder) == {"2750/River/1.jpg": b"one", "2750/River/2.jpg": b"two"}


def test_links_to_files_of_the_archive_become_copies(tmp_path, folder):
    extract(make_tar(tmp_path / "a.tar", member("b/soft", kind=tarfile.SYMTYPE, link="../a/1.jpg"),
                     member("./a/1.jpg", b"one"), member("b/hard", kind=tarfile.LNKTYPE, link="a/1.jpg"),
                     member("c", b"last")), folder)
    assert files_in(folder) == {"a/1.jpg": b"one", "b/soft": b"one", "b/hard": b"one", "c": b"last"}
    assert not any(path.is_symlink() or path.is_file() and path.stat().st_nlink > 1 for path in folder.rglob("*"))


MALICIOUS_TARS = {
    "absolute": [member("/tmp/evil.txt", b"evil")],
    "parent": [member("a/../../outside.txt", b"evil")],
    "backslashes": [member("..\\outside.txt", b"evil")],
    "symbolic link out": [member("link", kind=tarfile.SYMTYPE, link="../outside.txt")],
    "absolute symbolic link": [member("link", kind=tarfile.SYMTYPE, link="/etc/passwd")],
    "write through a link": [member("link", kind=tarfile.SYMTYPE, link=".."), member("link/outside.txt", b"evil")],
    "links in a chain": [member("deep/a", kind=tarfile.SYMTYPE, link="."),
                         member("deep/b", kind=tarfile.SYMTYPE, link="a/../.."), member("deep/b/outside.txt", b"evil")],
    "links that lead out once both are there": [member("b", kind=tarfile.SYMTYPE, link="a/.."),
                                                member("a", kind=tarfile.SYMTYPE, link=".")],
    "link that leads out once its folder is moved": [member("dtd/images/x", kind=tarfile.SYMTYPE, link="../..")],
    "links in a circle": [member("a", kind=tarfile.SYMTYPE, link="b"), member("b", kind=tarfile.SYMTYPE, link="a")],
    "hard link to a folder": [member("a", kind=tarfile.DIRTYPE), member("b", kind=tarfile.LNKTYPE, link="a")],
    "hard link out": [member("link", kind=tarfile.LNKTYPE, link="../outside.txt")],
    "absolute hard link": [member("link", kind=tarfile.LNKTYPE, link="/etc/passwd")],
    "hard link to nothing": [member("link", kind=tarfile.LNKTYPE, link="missing.txt")],
    "device": [member("device", kind=tarfile.CHRTYPE)],
    "block device": [member("device", kind=tarfile.BLKTYPE)],
    "pipe": [member("pipe", kind=tarfile.FIFOTYPE)],
}
MALICIOUS_ZIPS = {
    "absolute": ("/tmp/evil.txt", b"evil", 0),
    "parent": ("../outside.txt", b"evil", 0),
    "drive": ("C:/evil.txt", b"evil", 0),
    "backslashes": ("..\\outside.txt", b"evil", 0),
    "symbolic link": ("link", b"../outside.txt", stat.S_IFLNK | 0o777),
    "pipe": ("pipe", b"", stat.S_IFIFO | 0o644),
}


def is_refused(archive, folder):
    with pytest.raises(UserError, match="it is not unpacked") as caught:
        extract(archive, folder)
    assert str(archive) in str(caught.value) and "\n" not in str(caught.value)
    outside = folder.parent / SECRET
    assert outside.read_text() == "untouched" and not os.path.exists("/tmp/evil.txt")
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([SECRET, archive.name, folder.name])


@pytest.mark.parametrize("case", MALICIOUS_TARS)
def test_malicious_tars_are_refused(tmp_path, folder, case):
    is_refused(make_tar(tmp_path / "a.tar", *MALICIOUS_TARS[case]), folder)


@pytest.mark.parametrize("case", MALICIOUS_ZIPS)
def test_malicious_zips_are_refused(tmp_path, folder, case):
    is_refused(make_zip(tmp_path / "a.zip", MALICIOUS_ZIPS[case]), folder)


def test_a_member_does_not_overwrite_what_a_link_points_to(tmp_path, folder):
    extract(make_tar(tmp_path / "a.tar", member("a.txt", b"one"), member("b", kind=tarfile.SYMTYPE, link="a.txt"),
                     member("b", b"two")), folder)
    assert files_in(folder) == {"a.txt": b"one", "b": b"two"} and not (folder / "b").is_symlink()


@pytest.mark.parametrize("members", [[member("a/x", b"one"), member("a", b"two")],
                                     [member("a", b"one"), member("a/x", b"two")],
                                     [member("n" * 300, b"one")], [member(".", b"one")]],
                         ids=["file in place of a folder", "folder in place of a file", "long name", "no name"])
def test_members_that_cannot_be_written_are_a_sentence(tmp_path, folder, members):
    with pytest.raises(UserError, match="cannot unpack the archive .*a.tar.*: remove it and get it again"):
        extract(make_tar(tmp_path / "a.tar", *members), folder)


def test_links_count_as_the_room_that_their_copies_need(tmp_path, folder, monkeypatch):
    archive = make_tar(tmp_path / "a.tar", member("a", bytes(1000)), member("b", kind=tarfile.LNKTYPE, link="a"))
    asked = []
    monkeypatch.setattr("datasets.download.extract.check_space", lambda folder, needed, what: asked.append(needed))
    extract(archive, folder)
    assert asked == [archive.stat().st_size, 1000, 1000]


def damaged(tmp_path, name, make):
    archive = make(tmp_path / name)
    content = archive.read_bytes()
    archive.write_bytes(content[:len(content) // 2])
    return archive


BIG = os.urandom(50_000)


@pytest.mark.parametrize("archive", [
    lambda folder: damaged(folder, "a.tar.gz", lambda path: make_tar(path, member("a.bin", BIG))),
    lambda folder: damaged(folder, "a.tar.xz", lambda path: make_tar(path, member("a.bin", BIG), mode="w:xz")),
    lambda folder: damaged(folder, "a.tar", lambda path: make_tar(path, member("a.bin", BIG), mode="w")),
    lambda folder: damaged(folder, "a.zip", lambda path: make_zip(path, ("a.bin", BIG, 0))),
], ids=["tar.gz", "tar.xz", "tar", "zip"])
def test_damaged_archives_are_named(tmp_path, folder, archive):
    path = archive(tmp_path)
    with pytest.raises(UserError, match="get it again") as caught:
        extract(path, folder)
    assert str(path) in str(caught.value)


def test_a_zip_with_a_wrong_checksum_inside_is_damaged(tmp_path, folder):
    archive = make_zip(tmp_path / "a.zip", ("a.bin", b"A" * 1000, 0))
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.bin", b"A" * 1000)
    archive.write_bytes(archive.read_bytes().replace(b"A" * 1000, b"A" * 999 + b"B"))
    with pytest.raises(UserError, match="is damaged .BadZipFile"):
        extract(archive, folder)


def test_what_is_no_archive_or_not_there_is_named(tmp_path, folder):
    (tmp_path / "page.zip").write_text("<html>Too many requests</html>")
    with pytest.raises(UserError, match="neither a zip nor a tar archive"):
        extract(tmp_path / "page.zip", folder)
    with pytest.raises(UserError, match="cannot unpack the archive .*No such file"):
        extract(tmp_path / "missing.zip", folder)


@pytest.mark.parametrize("make", [
    lambda path: make_tar(path, member("bomb.bin", bytes(10_000_000))),
    lambda path: make_zip(path, ("bomb.bin", bytes(10_000_000), 0)),
], ids=["tar", "zip"])
def test_an_archive_that_needs_more_room_than_there_is_is_not_unpacked(tmp_path, folder, make, monkeypatch):
    archive = make(tmp_path / "bomb")
    assert archive.stat().st_size < 100_000
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage(1, 1, space.SPARE + 9_000_000))
    with pytest.raises(UserError, match="unpacking bomb needs 0.01 GB"):
        extract(archive, folder)
    assert not files_in(folder)
