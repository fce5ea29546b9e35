"""python -m datasets.download, against a local server: the files end up where the loaders look for them."""
import hashlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from local_server import LocalServer
from raw_trees import MAKERS

import datasets.download.__main__ as downloading
from datasets.download.fetch import CHUNK


@pytest.fixture
def server():
    server = LocalServer()
    yield server
    server.close()


def tar_of(files):
    """Bytes of a tar.gz file. ``files``: {name: content}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


SPLIT = {part: [[f"{name}/{part}.jpg", label, name] for label, name in enumerate(("banded", "dotted"))]
         for part in ("train", "val", "test")}
IMAGES = {f"dtd/images/{path}": b"image" for part in SPLIT.values() for path, _, _ in part}


@pytest.fixture
def textures(server):
    """A table of addresses with DescribableTextures on the local server, split file included."""
    server.files["dtd.tar.gz"] = tar_of({**IMAGES, "dtd/labels/labels.txt": b"labels", "dtd/other.txt": b"other"})
    server.files["split.json"] = json.dumps(SPLIT).encode()
    return {"DescribableTextures": {
        "page": "https://example.org", "terms": "none", "gigabytes": 0.1,
        "files": [{"url": server.url("dtd.tar.gz"), "checksum": md5(server.files["dtd.tar.gz"]),
                   "take": {"dtd/images": "images", "dtd/labels": "labels"}}],
        "splits": [{"url": server.url("split.json"), "to": "split_zhou_DescribableTextures.json", "checksum": None}]}}


def run(sources, *arguments):
    return downloading.main([*map(str, arguments)], sources)


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_downloaded_data_set_is_what_the_loader_reads(textures, tmp_path, capsys):
    assert run(textures, "describabletextures", "--root", tmp_path) == 0
    out = capsys.readouterr().out
    assert "ready in" in out and "no checksum is known for it; it has the SHA-256" in out
    assert visible(tmp_path / "dtd") == ["images", "labels", "split_zhou_DescribableTextures.json"]
    reading = DATASET_REGISTRY.get("DescribableTextures").read(tmp_path)
    assert reading.official and [list(item) for item in reading.parts["test"]] == SPLIT["test"]
    log = json.loads((tmp_path / "dtd" / ".downloads.json").read_text())
    digest = hashlib.sha256((tmp_path / "dtd" / "split_zhou_DescribableTextures.json").read_bytes()).hexdigest()
    assert log["split_zhou_DescribableTextures.json"]["sha256"] == digest


def test_a_second_call_fetches_nothing(textures, server, tmp_path, capsys):
    run(textures, "DescribableTextures", "--root", tmp_path)
    server.requests.clear()
    capsys.readouterr()
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 0
    assert not server.requests and capsys.readouterr().out.count("is there already") == 2


@pytest.mark.parametrize("make", [
    os.mkfifo, os.mkdir, lambda path: path.write_text("[1]"), lambda path: path.write_text("[" * 10**5),
    lambda path: path.write_bytes(b"\xff"), lambda path: path.symlink_to(path)],
    ids=["pipe", "folder", "a list", "deep", "not UTF-8", "circle"])
@pytest.mark.parametrize("file", [".downloads.json", ".download.lock"])
def test_a_damaged_note_or_lock_neither_hangs_nor_ends_a_download(textures, tmp_path, capsys, file, make):
    (tmp_path / "dtd").mkdir()
    make(tmp_path / "dtd" / file)
    refused = file == ".download.lock" and not (tmp_path / "dtd" / file).is_file() and make is not os.mkfifo
    assert run(textures, "DescribableTextures", "--root", tmp_path) == (2 if refused else 0)
    assert "Traceback" not in (said := capsys.readouterr()).err and ("cannot write into" in said.err) == refused


def test_a_lock_does_not_empty_the_file_that_a_link_leads_to(textures, tmp_path):
    (tmp_path / "dtd").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "dtd" / ".download.lock").symlink_to(tmp_path / "mine.txt")
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("root", ["file", "file/below", "circle", "x" * 300, "a\0b"])
def test_a_root_that_is_no_folder_is_named(textures, tmp_path, capsys, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    assert run(textures, "DescribableTextures", "--root", root) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_splits_gets_small_files_alone_and_keep_keeps_archives(textures, tmp_path):
    assert run(textures, "DescribableTextures", "--root", tmp_path, "--splits") == 0
    assert visible(tmp_path / "dtd") == ["split_zhou_DescribableTextures.json"]
    assert run(textures, "DescribableTextures", "--root", tmp_path, "--keep") == 0
    assert "dtd.tar.gz" in visible(tmp_path / "dtd")


def test_an_archive_that_is_there_is_used_if_it_is_the_right_one(textures, server, tmp_path, capsys):
    (tmp_path / "dtd").mkdir()
    (tmp_path / "dtd" / "dtd.tar.gz").write_bytes(b"another")
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 2
    assert "dtd.tar.gz' is there already, but its md5 is not" in capsys.readouterr().err
    (tmp_path / "dtd" / "dtd.tar.gz").write_bytes(server.files["dtd.tar.gz"])
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 0
    assert ("dtd.tar.gz", None) not in server.requests


def test_the_users_own_images_are_left_alone(textures, server, tmp_path):
    own = tmp_path / "dtd" / "images" / "mine.jpg"
    own.parent.mkdir(parents=True)
    own.touch()
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 0
    assert list(own.parent.iterdir()) == [own] and ("dtd.tar.gz", None) not in server.requests


def test_an_archive_with_a_wrong_checksum_is_not_unpacked(textures, tmp_path, capsys):
    textures["DescribableTextures"]["files"][0]["checksum"] = "md5:" + "0" * 32
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 2
    sentence = r"error: DescribableTextures: .*dtd.tar.gz has the md5 \w{32}, but 0{32} is known"
    assert re.search(sentence, capsys.readouterr().err)
    assert visible(tmp_path / "dtd") == ["split_zhou_DescribableTextures.json"]


@pytest.mark.parametrize("name, words", [("/tmp/evil.txt", "it is not unpacked"),
                                         ("../../evil.txt", "it is not unpacked"),
                                         ("dtd/pictures/1.jpg", "does not hold 'dtd/images'")])
def test_malicious_and_other_archives_leave_nothing_unpacked(textures, server, tmp_path, capsys, name, words):
    content = server.files["dtd.tar.gz"] = tar_of({"dtd/labels/labels.txt": b"labels", name: b"evil"})
    textures["DescribableTextures"]["files"][0]["checksum"] = md5(content)
    assert run(textures, "DescribableTextures", "--root", tmp_path / "data") == 2
    assert words in capsys.readouterr().err
    assert visible(tmp_path / "data" / "dtd") == ["dtd.tar.gz", "split_zhou_DescribableTextures.json"]
    assert not list(tmp_path.rglob("*evil*")) and not list(tmp_path.rglob(".unpacking-*"))


def test_what_a_killed_call_left_is_cleared_and_completed(textures, server, tmp_path):
    folder = tmp_path / "dtd"
    (folder / ".unpacking-killed" / "dtd" / "images").mkdir(parents=True)
    (folder / "labels").mkdir()  # moved into place; images, the sign that all is there, was not yet
    (folder / "labels" / "half.txt").touch()
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 0
    assert visible(folder) == ["images", "labels", "split_zhou_DescribableTextures.json"]
    assert [path.name for path in (folder / "labels").iterdir()] == ["labels.txt"]
    assert not list(folder.glob(".unpacking-*"))


def test_an_archive_in_an_archive_is_unpacked(server, tmp_path):
    inner = tar_of({"101_ObjectCategories/accordion/1.jpg": b"image"})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("caltech-101/101_ObjectCategories.tar.gz", inner)
    server.files["caltech-101.zip"] = buffer.getvalue()
    entry = downloading.read_sources()["Caltech101"]
    entry["files"][0].update(url=server.url("caltech-101.zip"), checksum=None)
    entry["splits"] = []
    assert run({"Caltech101": entry}, "Caltech101", "--root", tmp_path) == 0
    assert (tmp_path / "caltech-101" / "101_ObjectCategories" / "accordion" / "1.jpg").read_bytes() == b"image"


def test_of_two_calls_at_once_the_second_waits_and_fetches_nothing(textures, server, tmp_path, capsys):
    server.stall["split.json"], server.stalled_for = [0], 0.5  # holds up the call that is first
    with ThreadPoolExecutor(2) as pool:  # each call opens the lock for itself, so threads wait as processes do
        calls = [pool.submit(run, textures, "DescribableTextures", "--root", tmp_path) for _ in range(2)]
        assert [call.result(timeout=60) for call in calls] == [0, 0]
    assert "waiting for another download" in capsys.readouterr().out
    assert [path for path, _ in server.requests] == ["split.json", "split.json", "dtd.tar.gz"]  # one broke off
    assert visible(tmp_path / "dtd") == ["images", "labels", "split_zhou_DescribableTextures.json"]


def test_steps_by_hand_name_the_folder_and_end_when_they_are_done(tmp_path, capsys):
    entry = downloading.read_sources()["StanfordCars"]
    entry["splits"] = []
    sources = {"StanfordCars": entry}
    assert run(sources, "StanfordCars", "--root", tmp_path) == 1
    out = capsys.readouterr().out
    assert "to be done by hand" in out and str(tmp_path / "stanford_cars" / "cars_train") in out
    for name in ("cars_train", "cars_test"):
        assert run(sources, "StanfordCars", "--root", tmp_path) == 1
        (tmp_path / "stanford_cars" / name).mkdir()
        assert run(sources, "StanfordCars", "--root", tmp_path) == 1  # the folder is empty
        (tmp_path / "stanford_cars" / name / "00001.jpg").touch()
    assert run(sources, "StanfordCars", "--root", tmp_path) == 0


def test_unknown_names_are_refused_and_bundled_ones_need_no_download(textures, tmp_path, capsys):
    assert run(textures, "DescribableTexture", "--root", tmp_path) == 2
    assert "'DescribableTexture' is unknown: did you mean 'DescribableTextures'?" in capsys.readouterr().err
    assert run(textures, "Pictograms", "--root", tmp_path) == 0
    assert "comes with the repository" in capsys.readouterr().out
    assert run(textures, "CIFAR100", "--root", tmp_path) == 0
    assert "CIFAR100: torchvision downloads it" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_one_failure_does_not_stop_the_others(textures, server, tmp_path, capsys):
    sources = {"EuroSAT": {**textures["DescribableTextures"], "splits": [
        {"url": server.url("gone.json"), "to": "split_zhou_EuroSAT.json"}]}, **textures}
    assert run(sources, "all", "--root", tmp_path) == 2
    streams = capsys.readouterr()
    assert "error: EuroSAT: " in streams.err and "DescribableTextures: ready" in streams.out


def test_one_failed_file_does_not_stop_the_others_nor_hide_the_steps_by_hand(textures, server, tmp_path, capsys):
    entry = textures["DescribableTextures"]
    entry["splits"][0]["url"] = server.url("gone.json")
    entry.update(present=["more"], by_hand=["Put more into {folder}/more."])
    assert run(textures, "DescribableTextures", "--root", tmp_path) == 2
    streams = capsys.readouterr()
    assert "gone.json answers HTTP 404" in streams.err and "ready" not in streams.out
    assert f"1. Put more into {tmp_path / 'dtd'}/more." in streams.out
    assert visible(tmp_path / "dtd") == ["images", "labels"]


def test_a_stopped_call_leaves_a_partial_file_that_the_next_call_completes(textures, server, tmp_path, repository):
    labels = random.Random(1).randbytes(300_000)
    content = server.files["dtd.tar.gz"] = tar_of({**IMAGES, "dtd/labels/labels.txt": labels})
    textures["DescribableTextures"]["files"][0]["checksum"] = md5(content)
    server.stall["dtd.tar.gz"], server.stalled_for = [2 * CHUNK], 20
    command = ("import json, sys; sys.path.insert(0, 'compat'); from datasets.download.__main__ import main; "
               "sys.exit(main(sys.argv[2:], json.loads(sys.argv[1])))")
    arguments = ["DescribableTextures", "--root", str(tmp_path)]
    call = subprocess.Popen([sys.executable, "-c", command, json.dumps(textures), *arguments], cwd=repository,
                            text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    part = tmp_path / "dtd" / "dtd.tar.gz.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size == 2 * CHUNK):
        assert time.monotonic() < deadline and call.poll() is None
        time.sleep(0.05)
    call.send_signal(signal.SIGINT)
    _, errors = call.communicate(timeout=30)
    assert call.returncode == 130 and "the same command goes on from there" in errors and "Traceback" not in errors
    assert visible(tmp_path / "dtd") == ["dtd.tar.gz.part", "dtd.tar.gz.part.json",
                                         "split_zhou_DescribableTextures.json"]
    assert run(textures, *arguments) == 0
    assert server.requests[-1] == ("dtd.tar.gz", f"bytes={2 * CHUNK}-")
    assert visible(tmp_path / "dtd") == ["images", "labels", "split_zhou_DescribableTextures.json"]


def test_the_table_of_addresses_is_well_formed():
    sources = downloading.read_sources()
    assert set(sources) == set(MAKERS)
    for name, entry in sources.items():
        dataset = DATASET_REGISTRY.get(name)
        assert entry["page"].startswith("https://") and entry["terms"], name
        assert entry["gigabytes"] is None or entry["gigabytes"] > 0, name
        assert entry["files"] or entry["by_hand"], name
        assert ("by_hand" in entry) == ("present" in entry), name
        placed = list(entry.get("present", ()))
        for file in entry["files"] + entry["splits"]:
            assert ("url" in file) != ("drive" in file), name
            assert file["source"] and file["last_seen"] is None or re.fullmatch(r"\d{4}-\d\d-\d\d", file["last_seen"])
            pattern, address = (r"https?://\S+", file["url"]) if "url" in file else (r"[\w-]{33}", file["drive"])
            assert re.fullmatch(pattern, address)
            checksum = file.get("checksum")
            assert checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum), name
            placed += file["take"].values() if "take" in file else [file["to"]]
        if dataset.split_file:
            assert dataset.split_file in placed
        if dataset.image_dir and name != "ImageNet":
            assert dataset.image_dir in placed


def test_the_command_lists_the_data_sets(repository):
    done = subprocess.run([sys.executable, "-m", "datasets.download", "--list"], cwd=repository, text=True,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name in MAKERS:
        assert re.search(rf"^{name}\s", done.stdout, re.MULTILINE)
