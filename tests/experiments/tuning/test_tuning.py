"""The search for settings on validation images: what is drawn, the runs it takes, and what these come to."""
import csv
import io
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import pytest
import yaml
from PIL import Image
from record_tools import TOTAL, write
from small_run import call, make_room

from compat.errors import UserError
from experiments.catalogue import METHODS as CATALOGUE
from experiments.sweep import engine_none
from experiments.sweep.options import Options
from experiments.sweep.process import Outcome
from experiments.tuning.__main__ import main
from experiments.tuning.scores import ranking, trials_table, yaml_lines
from experiments.tuning.trials import OF_BACKBONES, OF_MAO, draw, jobs_of, make_trials
from runs.records import read_records

METHODS = ["CoOp", "CoOp_MAO"]


def options(**changes):
    return Options(**{"methods": METHODS, "datasets": ["pictograms"], "seeds": [1, 2], **changes})


@pytest.mark.parametrize("grid", [OF_BACKBONES, OF_MAO])
def test_trials_differ_cover_each_value_and_go_on_where_fewer_end(grid):
    drawn = draw(grid, 8, seed=1)
    assert drawn == draw(grid, 9, seed=1)[:8] != draw(grid, 8, seed=2)
    assert len({tuple(point.items()) for point in drawn}) == 8
    for key, values in grid.items():
        count = Counter(point[key] for point in drawn)
        assert set(count) == set(values) and max(count.values()) - min(count.values()) <= 2
    with pytest.raises(UserError, match="--trials 1000"):
        draw(grid, 1000, seed=1)


def test_methods_have_as_many_trials_with_and_without_mao_each_scored_on_all_validation_images():
    trials = make_trials(options(), 3, seed=1)
    assert [(trial.method, trial.number) for trial in trials] == [
        (method, number) for number in (1, 2, 3) for method in METHODS]
    for trial in trials:
        for (_, seed), (base, new) in trial.runs.items():
            for job, classes in ((base, "base"), (new, "new")):
                words = list(map(str, job.arguments()))
                pairs = dict(zip(words, words[1:], strict=False))
                assert pairs["DATASET.SUBSAMPLE_CLASSES"] == classes and pairs["--seed"] == str(seed)
                assert pairs["TEST.SPLIT"] == "val" and pairs["DATASET.ALL_VAL"] == "True"
                assert {key: str(value) for key, value in trial.values.items()}.items() <= pairs.items()
            assert new.needs == [base] and (new.starts_from is base) == (trial.method == "CoOp_MAO")
    jobs = jobs_of(trials)
    assert len({job.folder for job in jobs}) == len(jobs) == 2 * 3 * 2 * 2


@pytest.mark.parametrize("key", ["TEST.SPLIT", "DATASET.ALL_VAL", "OPTIM.LR", "MAO.NEW.MAX_EPOCH"])
def test_what_the_search_sets_is_not_the_caller_s(key):
    with pytest.raises(UserError, match=f"{key} is what the search sets"):
        make_trials(options(pairs=["SEED", "3", key, "2"]), 1, seed=1)


@pytest.mark.parametrize("words, sentence", [
    ("--trials 0", "--trials 0 is too small"), ("--methods ZeroshotCLIP", "--methods 'ZeroshotCLIP' is unknown"),
    ("--datasets nothing", "--datasets 'nothing' is unknown"), ("--jobs 2", "--jobs needs --engine ray")])
def test_bad_words_are_refused_in_one_sentence(words, sentence, capsys):
    assert main(words.split()) == 2
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_lines_of_a_yaml_hold_the_settings():
    values = {"OPTIM.LR": 0.007, "OPTIM.MAX_EPOCH": 4, "MAO.NEW.LR": 0.0018}
    lines = yaml_lines(values)
    assert lines.startswith("OPTIM:\n  LR: 0.007\n")
    assert yaml.safe_load(lines) == {"OPTIM": {"LR": 0.007, "MAX_EPOCH": 4}, "MAO": {"NEW": {"LR": 0.0018}}}


def test_best_trial_comes_first_by_the_mean_of_h_and_one_that_is_not_done_is_named(tmp_path):
    datasets = ["pictograms", "emoji_food"]
    trials = make_trials(options(methods=["CoOp"], datasets=datasets, output=str(tmp_path)), 3, seed=1)
    correct = {"pictograms": [600, 500, 900], "emoji_food": [600, 900, 900]}
    for trial in trials:
        for (dataset, seed), jobs in trial.runs.items():
            for job, classes in zip(jobs, ("base", "new"), strict=True):
                job.identity = SimpleNamespace(digest=f"{classes} of {trial.number}")
                if (trial.number, dataset, seed, classes) == (3, "emoji_food", 2, "new"):
                    continue
                for split, identity, count in (("val", job.key, correct[dataset][trial.number - 1] + 10 * seed),
                                               ("test", job.key, TOTAL), ("val", "another run", TOTAL)):
                    write(job.folder, "CoOp", classes, seed, count, split=split, identity=identity, dataset=dataset)
    ranked = ranking(trials)
    assert [(one.trial.number, one.h) for one in ranked["CoOp"]] == [
        (2, Fraction(515 + 915, 2) / 10), (1, Fraction(615, 10))]
    table = trials_table(trials, ranked)
    assert table.missing == ["CoOp, trial 3"]
    assert table.columns[-4:] == ["Emoji-Food, base", "Emoji-Food, new", "Emoji-Food, H", "mean H"]
    assert [cell.text.split()[0] for cell in table.rows[0]][-4:] == ["91.50", "91.50", "91.50", "71.50"]


# A whole search, on a few coloured squares

@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The squares, with validation images, and with test images that nobody can read."""
    folder = make_room(tmp_path_factory.mktemp("room"))
    for number, name in enumerate(("blue", "green", "red", "white")):
        (folder / "images" / "val" / name).mkdir(parents=True)
        for k in range(6):
            Image.new("RGB", (32, 32), (60 * number, 20 * k, 40)).save(folder / "images" / "val" / name / f"{k}.png")
    for path in (folder / "images" / "test").rglob("*.png"):
        path.write_bytes(b"no image")
    return folder


@pytest.fixture
def search(room, repository, monkeypatch, capsys):
    """A search of one trial for each method: exit code, output, and the command lines that it ran, in this process."""
    monkeypatch.chdir(repository)
    monkeypatch.setenv("DATA", str(room / "images"))
    monkeypatch.setenv("OUTPUT", str(room / "out"))

    def search(*words):
        commands = []

        def run_job(job, log):
            commands.append(job.arguments())
            done = call(job.arguments())
            return Outcome(done.code, done.sentences, 0.0)

        monkeypatch.setattr(engine_none, "run_job", run_job)
        code = main(["--methods", *METHODS, "--datasets", "image_folder", "--trials", "1", "--seeds", "1",
                     "--shots", "1", *words, "MODEL.BACKBONE.NAME", str(room / "clip.pt"), "INPUT.SIZE", "(32, 32)",
                     "TRAINER.COOP.PREC", "fp32", "DATALOADER.NUM_WORKERS", "0", "MAO.SIMILARITY", "clip",
                     "DATALOADER.TRAIN_X.BATCH_SIZE", "2", "VERBOSE", "False"])
        return code, capsys.readouterr().out, commands

    return search


def test_search_needs_no_test_image_and_is_not_run_twice(room, search):
    code, out, commands = search()
    assert code == 0 and len(commands) == 4  # two of each method
    assert (f"For configs/trainers/CoOp_MAO/{CATALOGUE['CoOp_MAO'].setting}.yaml, from trial 1:\n"
            f"{yaml_lines(draw(OF_MAO, 1, 1)[0])}") in out
    records = read_records([room / "out"])
    assert [(record["split"], record["total"]) for record in records] == [("val", 2 * 6)] * 4  # of two classes each
    # The same run shows what a look at a test image would have come to.
    test = [str(room / "test") if word == commands[0][commands[0].index("--output-dir") + 1] else word
            for word in commands[0]]
    refused = call([*test, "TEST.SPLIT", "test"])
    assert refused.code == 2 and f"{room}/images/test/" in refused.sentences[0]

    code, again, commands = search()
    assert code == 0 and commands == []
    assert again.partition("method")[2] == out.partition("method")[2]

    rows = list(csv.DictReader(io.StringIO((room / "out" / "settings.csv").read_text())))
    assert [(row["method"], row["measure"]) for row in rows] == [
        (method, measure) for method in METHODS for measure in ("base", "new", "H")]
    counts = {(record["trainer"], record["classes"]): f"{record['correct']}/{record['total']}" for record in records}
    assert {(row["method"], row["measure"]): row["counts"] for row in rows if row["counts"]} == counts
    assert (room / "out" / "settings.md").read_text().count("\n| CoOp") == 2
