"""Files from Google Drive: gdown is stood in for, as Google cannot be reached by tests."""
import hashlib
import json

import pytest
import requests

from compat.errors import UserError
from datasets.download.drive import fetch_drive

CONTENT = json.dumps({"train": [["a/1.jpg", 0, "a"]], "val": [], "test": []}).encode()


class Drive:
    """Stands for gdown: writes what Google would send."""

    def __init__(self, monkeypatch, content=None, error=None):
        import gdown

        self.content, self.error = content, error
        monkeypatch.setattr(gdown, "download", self.download)

    def download(self, id, output, resume, **options):
        assert resume
        if self.error:
            raise self.error
        if self.content is None:
            return None
        with open(output, "wb") as file:
            file.write(self.content)
        return output


@pytest.fixture
def target(tmp_path):
    return tmp_path / "split_zhou_UCF101.json"


def test_a_file_from_google_drive_arrives_whole_and_leaves_nothing_else(monkeypatch, target):
    Drive(monkeypatch, CONTENT)
    assert fetch_drive("abc", target) == hashlib.sha256(CONTENT).hexdigest()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("drive", [{"content": b"<html>Too many users have viewed or downloaded this file</html>"},
                                   {"content": CONTENT[:20]}, {"content": None},
                                   {"error": RuntimeError("Cannot retrieve\nthe public link")},
                                   {"error": requests.ConnectionError("a long story")}])
def test_what_google_drive_does_instead_names_page_and_place(monkeypatch, target, drive):
    Drive(monkeypatch, **drive)
    with pytest.raises(UserError) as caught:
        fetch_drive("abc", target)
    sentence = str(caught.value)
    assert "https://drive.google.com/file/d/abc/view" in sentence and str(target) in sentence and "\n" not in sentence
    assert not list(target.parent.iterdir())


def test_a_page_in_place_of_a_text_or_a_zip_is_refused(monkeypatch, tmp_path):
    Drive(monkeypatch, b"<!DOCTYPE html>")
    for name in ("classnames.txt", "UCF-101-midframes.zip"):
        with pytest.raises(UserError, match=f"sent as {name} is no .* file"):
            fetch_drive("abc", tmp_path / name)
    assert not list(tmp_path.iterdir())
