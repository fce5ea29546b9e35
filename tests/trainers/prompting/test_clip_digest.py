"""The digest of a large file is computed once, and again when the file changes."""
import hashlib
import os

import pytest

from trainers.prompting import clip_digest


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """The paths that were read."""
    calls = []
    compute = clip_digest._computed
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(clip_digest, "LARGE", 100)
    monkeypatch.setattr(clip_digest, "_computed", lambda path: calls.append(path) or compute(path))
    return calls


def digest_in_a_new_process(path):
    clip_digest._remembered.cache_clear()
    return clip_digest.file_digest(str(path))


def test_a_large_file_is_read_again_when_it_changes_and_whatever_is_remembered_of_it(computed, tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"a" * 200)
    expected = hashlib.sha256(b"a" * 200).hexdigest()
    assert [digest_in_a_new_process(path) for _ in range(3)] == [expected] * 3 and len(computed) == 1
    status = path.stat()
    path.write_bytes(b"b" * 200)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the time of the last change tells it all the same
    assert digest_in_a_new_process(path) == hashlib.sha256(b"b" * 200).hexdigest() and len(computed) == 2
    for kept in (tmp_path / "cache" / "digests").iterdir():
        kept.write_text("no digest")
    assert digest_in_a_new_process(path) == hashlib.sha256(b"b" * 200).hexdigest() and len(computed) == 3


def test_nothing_is_remembered_of_small_files_or_where_it_cannot_be(computed, monkeypatch, tmp_path):
    (tmp_path / "small").write_bytes(b"a")
    assert digest_in_a_new_process(tmp_path / "small") == hashlib.sha256(b"a").hexdigest()
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "small"))
    (tmp_path / "large").write_bytes(b"a" * 300)
    assert digest_in_a_new_process(tmp_path / "large") == hashlib.sha256(b"a" * 300).hexdigest()
    assert digest_in_a_new_process(tmp_path / "none") == ""
