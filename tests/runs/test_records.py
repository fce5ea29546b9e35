"""Records of runs: what a reader finds after whole, torn and repeated writes; which configurations are one."""
import json
import subprocess
import sys

import pytest

from compat.errors import UserError
from runs.records import (
    EFFICIENCY_FILE,
    IDENTITY,
    RECORDS_FILE,
    TRAINING_FILE,
    append_record,
    config_digest,
    read_records,
)
from trainers import mao


def record(**changes):
    base = {"trainer": "CoOp", "dataset": "Pictograms", "seed": 1, "shots": 16, "classes": "base", "split": "test",
            "stage": "", "epoch": 20, "config_digest": "a", "correct": 1, "total": 2}
    return {**base, **changes}


def found(folder, **options):
    return [{key: value for key, value in entry.items() if key != "folder"}
            for entry in read_records([folder], **options)]


def test_records_come_back_in_order(tmp_path):
    records = [record(seed=seed) for seed in (1, 2, 3)]
    for entry in records:
        append_record(tmp_path, entry)
    assert found(tmp_path) == records
    assert read_records([tmp_path])[0]["folder"] == str(tmp_path)


def test_last_of_two_records_of_an_evaluation_stands(tmp_path):
    append_record(tmp_path, record(correct=1))
    append_record(tmp_path, record(epoch=10, correct=0))
    append_record(tmp_path, record(correct=2))
    assert found(tmp_path) == [record(epoch=10, correct=0), record(correct=2)]


@pytest.mark.parametrize("key", IDENTITY)
def test_records_that_differ_in_a_key_are_two(tmp_path, key):
    other = 7 if isinstance(record()[key], int) else "other"
    append_record(tmp_path, record())
    append_record(tmp_path, record(**{key: other}))
    assert len(found(tmp_path)) == 2


def test_equal_records_of_two_folders_are_two(tmp_path):
    for name in "ab":
        append_record(tmp_path / name, record())
    assert len(found(tmp_path)) == 2


def test_unfinished_line_is_dropped_by_the_next_record(tmp_path):
    append_record(tmp_path, record(seed=1))
    append_record(tmp_path, record(seed=2))
    path = tmp_path / RECORDS_FILE
    path.write_bytes(path.read_bytes()[:-10])  # killed while writing
    append_record(tmp_path, record(seed=3))
    assert found(tmp_path) == [record(seed=1), record(seed=3)]


def test_bad_line_is_named_or_skipped(tmp_path):
    append_record(tmp_path, record(seed=1))
    path = tmp_path / RECORDS_FILE
    with open(path, "a") as file:
        file.write('{"trainer": "CoOp"}\nno json\n[1]\n')
    append_record(tmp_path, record(seed=2))
    with pytest.raises(UserError, match="line 2") as caught:
        read_records([tmp_path])
    assert str(path) in str(caught.value) and caught.value.exit_code == 2
    assert found(tmp_path, skip_bad=True) == [record(seed=1), record(seed=2)]


def test_each_kind_of_record_has_its_file(tmp_path):
    epoch = {**record(), "loss": 1.5}
    measured = {"trainer": "CoOp", "dataset": "Pictograms", "num_classes": 9, "batch_size": 4, "device": "cpu",
                "date": "today"}
    append_record(tmp_path, record())
    append_record(tmp_path, epoch, TRAINING_FILE)
    append_record(tmp_path, {**epoch, "loss": 0.5}, TRAINING_FILE)  # the epoch was run again after a stop
    append_record(tmp_path, measured, EFFICIENCY_FILE)
    where = {"folder": str(tmp_path)}
    assert read_records([tmp_path]) == [{**record(), **where}]
    assert read_records([tmp_path], TRAINING_FILE) == [{**epoch, "loss": 0.5, **where}]
    assert read_records([tmp_path], EFFICIENCY_FILE) == [{**measured, **where}]
    assert read_records([tmp_path / RECORDS_FILE], TRAINING_FILE) == []  # a file stands for itself alone


def test_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        read_records([tmp_path / "nowhere"])


def test_full_disk_leaves_the_file_as_it_was(tmp_path, repository):
    append_record(tmp_path, record())
    before = (tmp_path / RECORDS_FILE).read_bytes()
    program = (
        "import resource, signal, sys; from runs.records import append_record\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))\n"
        "try: append_record(sys.argv[1], {'x': 'y' * 1000})\n"
        "except OSError: sys.exit(7)\n")
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path), str(len(before) + 100)], cwd=repository)
    assert run.returncode == 7
    assert (tmp_path / RECORDS_FILE).read_bytes() == before


def default_config():
    from dassl.config import get_cfg_default

    return get_cfg_default()


@pytest.mark.parametrize("key, value", [
    ("OUTPUT_DIR", "elsewhere"), ("RESUME", "elsewhere"), ("DATASET.ROOT", "elsewhere"), ("DATALOADER.NUM_WORKERS", 7),
    ("VERBOSE", False), ("TRAIN.PRINT_FREQ", 7), ("USE_CUDA", False)])
def test_digest_does_not_depend_on_where_and_how_fast(key, value):
    cfg = default_config()
    cfg.merge_from_list([key, value])
    assert config_digest(cfg) == config_digest(default_config())


@pytest.mark.parametrize("key, value", [
    ("SEED", 7), ("OPTIM.LR", 0.7), ("DATASET.NUM_SHOTS", 7), ("TRAINER.NAME", "x")])
def test_digest_depends_on_what_changes_results(key, value):
    cfg = default_config()
    cfg.merge_from_list([key, value])
    assert config_digest(cfg) != config_digest(default_config())


def test_digest_depends_on_which_run_a_folder_holds_not_where_it_is(tmp_path):
    def digest(folder):
        cfg = default_config()
        mao.extend_cfg(cfg)
        cfg.MAO.BASE_DIR = str(folder)
        return config_digest(cfg)

    append_record(tmp_path / "a", record(config_digest="x"))
    append_record(tmp_path / "b", record(config_digest="x"), TRAINING_FILE)
    append_record(tmp_path / "c", record(config_digest="y"))
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")
    assert digest("not there") != digest("nor there")


def test_record_file_is_one_json_object_a_line(tmp_path):
    for seed in (1, 2):
        append_record(tmp_path, record(seed=seed))
    lines = (tmp_path / RECORDS_FILE).read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [1, 2]
