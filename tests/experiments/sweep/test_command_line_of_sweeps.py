"""The command line of sweeps: dry runs, and what is refused before anything is run."""
import pytest

from experiments.sweep.tables import TABLES


@pytest.fixture
def sweep(monkeypatch, repository, tmp_path, capsys):
    """Call the command line; returns exit code, output and error stream."""
    from experiments.sweep import __main__ as command_line

    monkeypatch.chdir(repository)
    monkeypatch.setenv("OUTPUT", str(tmp_path / "out"))

    def sweep(words):
        code = command_line.main(words.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return sweep


def test_dry_run_prints_commands_and_their_count(sweep, tmp_path):
    code, out, _ = sweep("table1 --demo --dry-run --methods CoOp_MAO --seeds 1 2 OPTIM.MAX_EPOCH 1")
    *commands, last = out.splitlines()
    assert code == 0 and last == "6 jobs: 0 done, 0 resumed, 6 to run" and len(commands) == 6
    assert all(" train.py --root " in line and line.endswith("OPTIM.MAX_EPOCH 1") for line in commands)
    assert not (tmp_path / "out").exists()


def test_dry_run_of_every_demo(sweep):
    for table in TABLES:
        code, out, err = sweep(f"{table} --demo --dry-run --seeds 1")
        assert code == 0 and " to run" in out, (table, err)


@pytest.mark.parametrize("words, parts", [
    ("table1 --demo --methods ProGrad", ["'ProGrad'", "CoOp_MAO"]),
    ("table1 --demo --datasets imagenot", ["'imagenot'", "pictograms"]),
    ("table1 --demo --jobs 2", ["--jobs", "--engine ray"]),
    ("table1 --demo --address auto", ["--address", "--engine ray"]),
    ("table1 --demo --engine ray --jobs 2 --address auto", ["--jobs", "cluster"]),
    ("table1 --demo --engine ray --cpus 0", ["--cpus 0"]),
    ("table1 --demo --engine ray --cpus nan", ["--cpus nan"]),
    ("table1 --demo --engine ray --gpus inf", ["--gpus inf"]),
    ("table1 --demo --jobs -1", ["--jobs -1"]),
    ("table1 --demo --seeds 99999999999999999999", ["--seeds 99999999999999999999"]),
    ("table1 --demo --shots 0", ["--shots 0"]),
    ("table1 --demo --parts k", ["--parts"]),
    ("table1 --demo --pseudo-labels new", ["'new'", "base", "clip"]),
    ("few_shot --demo --pseudo-labels clip", ["--pseudo-labels clip", "few_shot", "leave it out"]),
    ("table1 --demo --methods CoOp LinearProbe", ["LinearProbe", "few_shot"]),
    ("table2 --demo --methods LinearProbe", ["LinearProbe", "few_shot"]),
    ("efficiency --demo --methods LinearProbe", ["LinearProbe", "few_shot"]),
    ("few_shot --demo --methods CoOp+step2", ["'CoOp+step2'", "CoOp_MAO"]),
    ("ablation --demo --parts kk", ["'kk'", "components"]),
    ("ablation --demo --methods CoOp", ["CoOp", "_MAO"]),
    ("table3", ["'table3'", "table1", "--help"]),
    ("table1 --demo --seeds one", ["'one'", "--help"]),
    ("quickstart --long", ["--long", "--help"]),
    ("table1 --demo DATASET.NAME DTD", ["DATASET.NAME DTD", "choose the data set"]),
    ("table1 --demo TRAINER.NAME CoOp", ["TRAINER.NAME CoOp", "choose the method"]),
    ("table1 --demo DATASET.SUBSAMPLE_CLASSES all", ["DATASET.SUBSAMPLE_CLASSES all", "choose the protocol"]),
    ("table1 --demo MAO.STAGE new", ["MAO.STAGE new", "choose the protocol"]),
    ("table1 --demo OUTPUT_DIR elsewhere", ["OUTPUT_DIR elsewhere", "OUTPUT in the environment"]),
    ("table1 --demo SEED x", ["SEED 'x'", "whole"]),
    ("table1 --demo SEED -1", ["SEED -1", "at least 0"]),
    ("table1 --demo DATASET.NUM_SHOTS many", ["DATASET.NUM_SHOTS 'many'", "whole"]),
    ("table1 --demo OPTIM.LRR 1", ["OPTIM.LRR"]),
    ("table1 --demo OPTIM.LR", ["'OPTIM.LR' stands alone"]),
    ("table1 --demo OPTIM.LR 1 --seeds 1", ["'--seeds'", "before"]),
])
def test_bad_words(sweep, tmp_path, words, parts):
    code, out, err = sweep(words)
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1 and out == ""
    for part in parts:
        assert part in err
    assert not (tmp_path / "out").exists()
