"""What a sweep would run: which jobs a table needs, which folder each gets, and what is left to do."""
import os
import shutil
from collections import Counter

import pytest
from dassl.data.datasets import DATASET_REGISTRY

import train
from experiments.catalogue import METHODS
from experiments.sweep import ablations, preloaded, protocols  # noqa: F401  the second registers all there is
from experiments.sweep.job import DONE, INCOMPLETE, NOT_STARTED
from experiments.sweep.options import Options
from experiments.sweep.plan import make_plan, summary
from experiments.sweep.tables import TABLES
from runs.state import DONE_FILE, Run, job_key, mark_done, write_run
from trainers.mao.config import for_step


def options(output="out", methods=("CoOp", "CoOp_MAO"), datasets=("pictograms",), seeds=(1,), pairs=(), **others):
    return Options(methods=list(methods), datasets=list(datasets), seeds=list(seeds), source="pictograms",
                   output=str(output), pairs=list(pairs), **others)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with the bundled data set."""
    folder = tmp_path_factory.mktemp("data")
    dataset = DATASET_REGISTRY.get("Pictograms")
    dataset.prepare(folder / dataset.dataset_dir)
    return folder


@pytest.fixture
def plan(tmp_path, repository, root, monkeypatch):
    """Plan a sweep of base-to-new jobs whose output goes to a temporary folder."""
    monkeypatch.chdir(repository)

    def plan(**changes):
        return make_plan(protocols.base_to_new(options(tmp_path / "out", **{"root": str(root), **changes})))

    return plan


def finish(job):
    """Leave what a finished run leaves, by which others know it."""
    write_run(job.folder, Run(job.identity))
    mark_done(job.folder, job.key)


def key_that_train_computes(job):
    args = train.parse_arguments(job.arguments())
    return job_key(train.make_config(args), args)


def words(job, key):
    """The value that train.py takes for a flag or a config key."""
    arguments = job.arguments()
    return arguments[len(arguments) - arguments[::-1].index(key)]


@pytest.mark.parametrize("table, count", [
    ("table1", 11 * (2 + 3 * 3 * (2 + 3))), ("table2", 11 + 6 * 3 * (1 + 10)),
    ("domain_generalization", 5 + 6 * 3 * (1 + 4)), ("few_shot", 11 * (1 + 6 * 5 * 3))])
def test_count_of_jobs(table, count):
    entry = TABLES[table]
    jobs = entry.jobs(options(methods=entry.methods, datasets=entry.datasets, seeds=(1, 2, 3)))
    assert len(jobs) == count
    assert len({job.folder for job in jobs}) == count


def test_base_to_new_of_mao_has_two_steps_and_two_tests_on_new(plan):
    train_base, test_new, train_new = plan(methods=["CoOp_MAO"])
    assert (train_base.needs, test_new.needs, train_new.needs) == ([], [train_base], [train_base])
    assert words(test_new, "--model-dir") == train_base.folder == words(train_new, "MAO.BASE_DIR")
    assert words(test_new, "MAO.STAGE") == "base"
    assert [words(job, "DATASET.SUBSAMPLE_CLASSES") for job in (train_base, test_new, train_new)] == [
        "base", "new", "new"]


def test_control_goes_on_from_the_backbone_s_own_run(plan):
    jobs = plan(methods=["CoOp", "CoOp_MAO", "CoOp+step2"])
    control = jobs[-1]
    assert len(jobs) == 2 + 3 + 1 and control.needs == [jobs[0]]
    assert "CoOp_MAO/mini_base_run_backbone" in control.folder and words(control, "MAO.BASE_RUN") == "backbone"
    assert words(control, "MAO.BASE_DIR") == jobs[0].folder and words(control, "--trainer") == "CoOp_MAO"
    assert [job.folder for job in plan(methods=["CoOp+step2"])] == [job.folder for job in (*jobs[:2], control)]
    ablation = ablations.ablation(options(jobs[0].folder.split("/base2new")[0], methods=["CoOp_MAO"]), ["components"])
    assert control.folder in {job.folder for job in ablation}
    for job in jobs:
        assert job.key == key_that_train_computes(job)
        finish(job)


def test_other_labeller_shares_step_one(plan):
    methods = ["CoOp_MAO", "PromptSRC_MAO", "CoOp+step2"]
    usual = {job.folder for job in plan(methods=methods)}
    for labeller, other in (("base", ["CoOp_MAO/mini", "CoOp_MAO/mini"]), ("clip", ["PromptSRC_MAO/mini"])):
        jobs = plan(methods=methods, pseudo_labels=labeller)
        changed = [job for job in jobs if job.folder not in usual]
        assert [f"{other_}_pseudo_labels_{labeller}" in job.folder
                for other_, job in zip(other, changed, strict=True)] == [True] * len(other)
        cfgs = [train.make_config(train.parse_arguments(job.arguments())) for job in jobs if "train_new" in job.folder]
        assert {(cfg.MAO.PSEUDO_LABELS, cfg.MAO.PSEUDO_VIEW) for cfg in cfgs} == {
            (labeller, {"base": "train", "clip": "test"}[labeller])}
    ablation = ablations.ablation(options(methods=["CoOp_MAO"], pseudo_labels="base"), ["pseudo_labels", "k"])
    own = [job.folder for job in ablation if "train_new" in job.folder]
    assert len(own) == len(set(own)) == 4 + 3 and "CoOp_MAO/mini/seed1" in "".join(own)


def test_cross_dataset_trains_once_and_tests_everywhere():
    jobs = protocols.cross_dataset(options(datasets=["a", "b"], methods=["MaPLe_MAO"]))
    training, *tests = jobs
    assert [test.tests for test in tests] == [training, training]
    assert "configs/datasets/pictograms.yaml" in training.flags
    assert words(training, "DATASET.SUBSAMPLE_CLASSES") == "all"


def test_states(plan):
    jobs = plan()
    assert {job.state for job in jobs} == {NOT_STARTED} and summary(jobs) == "5 jobs: 0 done, 0 resumed, 5 to run"
    finish(jobs[0])
    write_run(jobs[2].folder, Run(jobs[2].identity))
    again = plan()
    assert [job.state for job in again] == [DONE, NOT_STARTED, INCOMPLETE, NOT_STARTED, NOT_STARTED]
    assert summary(again) == "5 jobs: 1 done, 1 resumed, 3 to run"
    assert [job.folder for job in again] == [job.folder for job in jobs]


def test_planned_keys_are_those_that_train_computes_when_its_turn_has_come(plan):
    for job in plan():
        assert job.key == key_that_train_computes(job)
        finish(job)
    assert {job.state for job in plan()} == {DONE}


def test_output_that_was_moved_is_still_done(plan, root, tmp_path):
    for job in plan():
        finish(job)
    os.rename(tmp_path / "out", tmp_path / "elsewhere")
    jobs = make_plan(protocols.base_to_new(options(tmp_path / "elsewhere", root=str(root))))
    assert {job.state for job in jobs} == {DONE}


def test_changed_configuration_gets_folders_of_its_own(plan):
    jobs = plan()
    for job in jobs:
        finish(job)
    changed = plan(pairs=["OPTIM.LR", "0.1"])
    assert {job.state for job in changed} == {NOT_STARTED}
    assert not {job.folder for job in jobs} & {job.folder for job in changed}
    assert all(job.folder.startswith(old.folder) for job, old in zip(changed, jobs))
    assert words(changed[4], "MAO.BASE_DIR") == changed[2].folder
    assert {job.state for job in plan()} == {DONE}  # the first ones are untouched
    for job in changed:
        assert job.key == key_that_train_computes(job)
        finish(job)
    assert {job.state for job in plan(pairs=["OPTIM.LR", "0.1"])} == {DONE}


@pytest.mark.parametrize("leave", [
    lambda folder: mark_done(folder, "of another version"), lambda folder: open(f"{folder}/started", "w").close(),
    lambda folder: open(f"{folder}/run.json", "w").close(),
    lambda folder: open(f"{folder}/train_state.pth.tar", "w").close()])
def test_folder_of_an_unknown_run_is_left_alone(plan, leave):
    job = plan()[0]
    os.makedirs(job.folder)
    leave(job.folder)
    again = plan()[0]
    assert again.folder == f"{job.folder}-{job.key[:8]}" and again.state == NOT_STARTED and again.key == job.key


def test_test_is_stale_when_its_model_was_trained_again(plan):
    for job in plan():
        finish(job)
    training = plan()[0]
    stamp = os.stat(f"{training.folder}/{DONE_FILE}").st_mtime + 100
    os.utime(f"{training.folder}/{DONE_FILE}", (stamp, stamp))
    assert [job.state for job in plan()] == [DONE, NOT_STARTED, DONE, DONE, DONE]


def test_other_data_are_other_runs_and_data_that_are_missing_or_incomplete_are_none(plan, root, tmp_path):
    for job in plan():
        finish(job)
    shutil.copytree(root, tmp_path / "copy")
    assert {job.state for job in plan(root=str(tmp_path / "copy"))} == {DONE}
    images = sorted((tmp_path / "copy" / "pictograms" / "images" / "train").rglob("*.*"))
    for image in images:
        image.write_bytes(images[0].read_bytes())
    assert {job.state for job in plan(root=str(tmp_path / "copy"))} == {NOT_STARTED}  # other pixels, the same names
    images[0].unlink()
    split = next((tmp_path / "copy" / "pictograms").glob("split*.json"))
    for changed in (split.read_text(), split.read_text().replace("airplane", "aeroplane")):
        split.write_text(changed)
        assert DONE not in {job.state for job in plan(root=str(tmp_path / "copy"))}
    assert {(job.state, job.key) for job in plan(root=str(tmp_path / "absent"))} == {(NOT_STARTED, "")}
    assert not (tmp_path / "absent").exists()


def test_pair_that_names_another_step_one_counts(plan, tmp_path):
    own, other = plan(methods=["CoOp_MAO"]), plan(methods=["CoOp_MAO"], pairs=["MAO.BASE_DIR", str(tmp_path)])
    assert own[2].key != other[2].key and other[2].identity.parent == "unverified"


def test_step_two_depends_on_which_step_one(plan, root):
    first, other = plan(methods=["CoOp_MAO"]), plan(methods=["CoOp_MAO"], pairs=["MAO.TOPK", "4"])
    assert first[0].key != other[0].key and first[2].identity.parent != other[2].identity.parent
    jobs = make_plan([job for step_2 in ({}, {"MAO.PSEUDO_LABELS": "base"}) for job in protocols.base_to_new_of(
        options("out", root=str(root)), "CoOp_MAO", "pictograms", 1, step_2=step_2)])
    assert jobs[0].key == jobs[3].key and jobs[2].key != jobs[5].key


# Pairs that folders are named after

@pytest.mark.parametrize("table", ["table1", "table2", "few_shot"])
def test_number_of_shots_among_the_pairs_chooses_the_folder(table):
    jobs = TABLES[table].jobs(options(pairs=["OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "2"]))
    assert all("shots_2/" in job.folder or "_2shots/" in job.folder for job in jobs)
    assert {words(job, "DATASET.NUM_SHOTS") for job in jobs} == {"2"}
    assert {words(job, "OPTIM.MAX_EPOCH") for job in jobs} == {"1"}
    assert {job.folder for job in jobs} == {job.folder for job in TABLES[table].jobs(options(shots=2, few_shots=[2]))}


def test_seed_among_the_pairs_chooses_the_folder():
    jobs = protocols.base_to_new(options(seeds=(1, 2), pairs=["SEED", "2", "SEED", "3"]))
    assert len(jobs) == 5 and all(job.folder.endswith("/seed3") for job in jobs)
    assert {words(job, "--seed") for job in jobs} == {"3"} and not any("SEED" in job.pairs for job in jobs)


# Ablations

def test_settings_that_coincide_are_run_once():
    jobs = ablations.ablation(options(methods=["CoOp_MAO"]))
    second = [job.folder for job in jobs if "train_new" in job.folder]
    # 12 of the components and the control, 3 of K, 5 of B x K, similarity, pool, 3 of the pseudo-labels, start
    assert len(second) == len(set(second)) == 12 + 1 + 3 + 5 + 1 + 1 + 3 + 1
    assert sum(folder.endswith("CoOp_MAO/mini/seed1") for folder in second) == 1


def test_ablation_shares_trainings_of_step_one():
    jobs = ablations.ablation(options(methods=["CoOp_MAO"]), ["components", "pseudo_labels"])
    kinds = Counter(job.folder.split("/")[2] for job in jobs)
    assert kinds == {"train_base": 4 + 1, "test_new": 4 + 1, "train_new": 4 * 3 + 1 + 3}
    assert all(need in jobs for job in jobs for need in job.needs)
    assert len({job.folder for job in jobs}) == len(jobs)


def test_default_setting_of_the_ablation_is_that_of_table_one(plan, root, tmp_path):
    table = plan(methods=["CoOp_MAO"])
    jobs = make_plan(ablations.ablation(options(tmp_path / "out", methods=["CoOp_MAO"], root=str(root)),
                                        ["k", "batch"]))
    keys = {job.key for job in jobs}
    assert {job.key for job in table} < keys and len(keys) == len(jobs) == 9 * 3


def test_batch_size_of_step_one_leaves_that_of_step_two_as_it_is(repository, monkeypatch):
    monkeypatch.chdir(repository)
    jobs = ablations.ablation(options(methods=["CoOp_MAO"]), ["batch"])
    sizes = {kind: {words(job, ablations.B) for job in jobs if kind in job.folder and ablations.B in job.pairs}
             for kind in ("train_base", "train_new")}
    assert sizes == {"train_base": {"2", "8", "16"}, "train_new": {"2", "8", "16"}}  # the records of both steps have it
    configs = [for_step(train.make_config(train.parse_arguments(job.arguments())))
               for job in jobs if "train_new" in job.folder]
    assert {cfg.DATALOADER.TRAIN_X.BATCH_SIZE for cfg in configs} == {32}
    step_2 = [job for job in jobs if "train_new" in job.folder and "batch_size_2_topk_16" in job.folder]
    assert [words(job, "MAO.TOPK") for job in step_2] == ["16"]
    assert "batch_size_2_topk_16" in step_2[0].starts_from.folder


# What the plans name

def test_every_yaml_of_the_full_tables_exists(repository):
    for table in TABLES.values():
        made = table.jobs(Options(list(table.methods), list(table.datasets), [1]))
        files = {words(job, "--config-file") for job in made}
        assert files and all((repository / path).is_file() for path in files)


def test_methods_have_their_scripts(repository):
    for method in list(METHODS)[1:]:
        folder = repository / "scripts" / ("mao" if method.endswith("_MAO") else method.lower())
        crossing = set() if METHODS[method].few_shot_alone else {"xd_train.sh", "xd_test.sh", "dg_test.sh"}
        assert {*crossing, "few_shot.sh"} <= {path.name for path in folder.iterdir()}
