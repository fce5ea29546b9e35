"""Which images are missing, and how a sentence lists them."""
from datasets.splits.checks import summary
from datasets.splits.images import find_faults, missing_folders


def test_missing_files_and_folders_are_listed_in_their_order(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").touch()
    (tmp_path / "0.png").touch()
    paths = ["a/1.png", "a/2.png", "b/c/1.png", "b/c/2.png", "0.png", "9.png"]
    assert find_faults(tmp_path, paths).missing == ["a/2.png", "b/c/1.png", "b/c/2.png", "9.png"]
    assert missing_folders(tmp_path, paths) == ["b/c"]
    assert summary(["a", "b", "c"]) == "a, b, c"
    assert summary(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
