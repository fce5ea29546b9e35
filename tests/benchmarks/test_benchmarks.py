"""Each benchmark runs at a tiny size, in seconds, and prints or records what it promises."""
import json
import re

import pytest
import torch

from benchmarks import class_count, data_wait, efficiency, faults, imagenet_open
from benchmarks.synthetic import class_name
from experiments.sweep import warm

MINI = ["--config-file", "configs/trainers/CoOp_MAO/mini.yaml"]


@pytest.fixture(autouse=True)
def in_the_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)


def test_made_up_class_names_differ():
    assert len({class_name(k) for k in range(2000)}) == 2000


def test_class_count_prints_a_line_per_case_with_ratios_to_the_first(capsys):
    assert class_count.main(["--trainers", "CoOp_MAO", "--classes", "4", "8", "--steps", "1", "--rounds", "1",
                             "--batch", "4"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[:2] for line in lines] == [["CoOp_MAO", "4"], ["CoOp_MAO", "8"]]
    assert lines[0][3] == lines[0][5] == "1.00"


def test_data_wait_prints_a_share_per_epoch(bundled_root, capsys):
    assert data_wait.main(["--epochs", "1", "--shots", "1", "--workers", "0", "--data", str(bundled_root)]) == 0
    assert re.search(r"epoch 1: [\d.]+ ms/step, waiting for data [\d.]+ %", capsys.readouterr().out)


def test_efficiency_records_the_second_epoch_once(tmp_path, capsys):
    words = ["--seed", "1", "--trainer", "CoOp_MAO", "--output-dir", str(tmp_path), *MINI, "DATASET.NAME",
             "Synthetic40", "DATALOADER.NUM_WORKERS", "0", "DATALOADER.TRAIN_X.BATCH_SIZE", "16",
             "MAO.SIMILARITY", "clip"]
    assert efficiency.main(words) == 0
    record = json.loads((tmp_path / "efficiency.jsonl").read_text())
    assert (record["num_classes"], record["steps"], record["stage"]) == (40, 20, "base")
    assert record["images_per_second"] > 0 and record["peak_memory_mb"] > 100
    assert record["images_per_second"] * record["epoch_seconds"] > 320  # hard negatives beside the anchors
    assert not list(tmp_path.rglob("model*.tar*"))
    assert efficiency.main(words) == 0 and "is done already" in capsys.readouterr().out
    assert len((tmp_path / "efficiency.jsonl").read_text().splitlines()) == 1


def test_synthetic_data_needs_two_classes(tmp_path, capsys):
    assert efficiency.main(["--trainer", "CoOp", "--output-dir", str(tmp_path), "DATASET.NAME", "Synthetic1"]) == 2
    assert "needs at least two classes" in capsys.readouterr().err


class Forked:
    """A run of train.py that begins after its imports, as those of a sweep do, with what is used of a Popen."""

    def __init__(self, case, output, log):
        self.process = warm.SERVER.Process(target=warm.train_in_child, args=(case.command(output)[1:], str(log)))
        self.process.start()
        self.kill = self.process.kill

    def poll(self):
        return self.process.exitcode

    def wait(self):
        self.process.join()
        return self.process.exitcode


def test_killed_runs_end_like_undisturbed_ones(tmp_path, bundled_root, capsys, monkeypatch):
    if warm.is_safe():
        monkeypatch.setattr(faults.Faults, "start", lambda self, case, output: Forked(case, output, self.log))
    assert faults.main(["--kills", "2", "--trainers", "CoOp", "--folder", str(tmp_path / "runs"), "--data",
                        str(bundled_root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line.endswith(", equal") for line in lines[:2]) and lines[2] == "2 kills, 2 equal"


def test_what_a_killed_run_left_in_another_way_is_named(tmp_path):
    for name, weight, seconds in (("whole", 1.0, 3), ("killed", 1.0, 4), ("other", 2.0, 3)):
        folder = tmp_path / name
        (folder / "toy").mkdir(parents=True)
        torch.save({"state_dict": {"w": torch.tensor(weight)}, "epoch": 1}, folder / "toy" / "model.pth.tar-1")
        (folder / "results.jsonl").write_text(f'{{"accuracy": {weight}, "seconds": {seconds}}}\n' * seconds)
    (tmp_path / "other" / "x.12.tmp").touch()
    assert faults.difference(tmp_path / "whole", tmp_path / "killed") == ""
    assert faults.difference(tmp_path / "whole", tmp_path / "other").startswith(
        "results.jsonl, toy/model.pth.tar-1, x.12.tmp in ")


def test_imagenet_open_compares_with_asking_the_disk(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(imagenet_open, "OPENINGS", imagenet_open.OPENINGS[1:3])
    assert imagenet_open.main(["--images", "2000", "--val-images", "1000", "--folder", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "each of 2000 training images" in lines[0] and len(lines) == 3
    assert "(2000 training and 1000 test images)" in lines[-1]
