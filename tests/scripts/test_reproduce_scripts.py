"""scripts/reproduce/*.sh, and that the bash scripts for single runs give train.py what the sweeps give it."""
import os
import subprocess
import sys

import pytest
from sweep_tools import train_calls, without_settings

import datasets  # noqa: F401  registers the data sets
import train
from experiments.sweep import protocols
from experiments.sweep.options import Options
from experiments.sweep.tables import TABLES
from runs.state import identity_of_command, parent_folder

METHODS = ["CoOp", "CoOp_MAO", "IVLP", "MaPLe", "MaPLe_MAO", "PromptSRC", "PromptSRC_MAO"]


@pytest.fixture
def calls_of(tmp_path, repository):
    """Words that train.py gets from a bash script, a list for each call."""
    return lambda script, *words, **settings: train_calls(repository, tmp_path, script, *words,
                                                          OUTPUT=str(tmp_path / "out"), **settings)


def scripts_of(method):
    """Folder of a method's scripts, and the words that come before a data set."""
    return ("mao", [method]) if method.endswith("_MAO") else (method.lower(), [])


def runs_of_calls(calls):
    """{output folder: (key of the run, whatever its data, folder of the run that it stands on)}."""
    found = {}
    for program, *words in calls:
        assert program == "train.py"
        args = train.parse_arguments(words)
        cfg = train.make_config(args)
        found[args.output_dir] = identity_of_command(cfg, args, {}).digest, parent_folder(cfg, args)
    return found


@pytest.mark.parametrize("demo", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_scripts_and_sweeps_run_the_same(calls_of, tmp_path, repository, monkeypatch, method, demo):
    monkeypatch.chdir(repository)
    source, targets = ("pictograms", ["emoji_food", "emoji_animals"]) if demo else ("imagenet", ["dtd", "imagenet_r"])
    options = Options([method], targets, [2], source, output=str(tmp_path / "out"))
    folder, first = scripts_of(method)
    settings = {"SOURCE": source, "TARGETS": " ".join(targets)}

    calls = calls_of(f"{folder}/xd_train.sh", *first, "2", **settings)
    for target in targets:
        calls += calls_of(f"{folder}/xd_test.sh", *first, target, "2", **settings)
    assert calls_of(f"{folder}/dg_test.sh", *first, "2", **settings) == calls[1:]
    assert runs_of_calls(calls) == runs_of_calls([[*job.program, *job.arguments()]
                                                  for job in protocols.cross_dataset(options)])

    options.datasets = [source]
    assert runs_of_calls(calls_of(f"{folder}/few_shot.sh", *first, source, "2")) == runs_of_calls(
        [[*job.program, *job.arguments()] for job in protocols.few_shot(options)])
    parts = ["base2new.sh"] if first else ["base2new_train.sh", "base2new_test.sh"]
    calls = [call for part in parts for call in calls_of(f"{folder}/{part}", *first, source, "2")]
    assert runs_of_calls(calls) == runs_of_calls([[*job.program, *job.arguments()]
                                                  for job in protocols.base_to_new(options)])


def test_zero_shot_script_and_sweep_run_the_same(calls_of, tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    options = Options(["ZeroshotCLIP"], ["pictograms"], [1], output=str(tmp_path / "out"))
    calls = [call for classes in ("base", "new") for call in calls_of("zsclip/zeroshot.sh", "pictograms", classes)]
    jobs = protocols.base_to_new(options)
    assert runs_of_calls(calls) == runs_of_calls([[*job.program, *job.arguments()] for job in jobs])


@pytest.mark.parametrize("script", ["quickstart.sh", *(f"reproduce/{table}.sh" for table in TABLES
                                                       if table != "quickstart")])
def test_reproduce_scripts(repository, tmp_path, script):
    done = subprocess.run(["bash", f"scripts/{script}", "--demo", "--dry-run", "--seeds", "1"],
                          cwd=repository, capture_output=True, text=True,
                          env={**without_settings(), "PYTHON": sys.executable, "OUTPUT": str(tmp_path / "out")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" to run")
    assert not (tmp_path / "out").exists()


def test_slurm_script_says_what_it_needs(repository):
    script = str(repository / "scripts" / "slurm" / "ray_cluster.sh")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    for words, part in (([], "table1"), (["table1"], "sbatch")):
        done = subprocess.run(["bash", script, *words], capture_output=True, text=True, env=clean)
        assert done.returncode == 2 and done.stderr.startswith("error: ") and part in done.stderr


def test_slurm_script_shares_a_token_that_no_command_line_shows(repository, tmp_path):
    """Programs that write down their words and their token stand for SLURM's, Ray's and the sweep."""
    note = f'echo "$(basename "$0") $* token=$RAY_AUTH_MODE:$RAY_AUTH_TOKEN" >> {tmp_path}/calls'
    both_started = f'until [ "$(grep -c "^ray start" {tmp_path}/calls)" = 2 ]; do sleep 0.1; done'
    programs = {
        "scontrol": "echo one; echo two", "ray": note,
        "srun": f'{note}; while [ "${{1#--}}" != "$1" ]; do case "$1" in --*=* | --overlap) shift;; *) shift 2;; esac; '
                'done; [ "$1" = hostname ] && echo 10.0.0.1 || "$@"',
        "python": f'case "$*" in *sysconfig*) echo {tmp_path};; *experiments.sweep*) {note}; {both_started};; '
                  f'*) exec {sys.executable} "$@";; esac'}
    for name, program in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{program}\n")
        (tmp_path / name).chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    done = subprocess.run(
        ["bash", str(repository / "scripts" / "slurm" / "ray_cluster.sh"), "table1", "--gpus", "0.5"], text=True,
        capture_output=True, env={**environment, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "1",
                                  "SLURM_JOB_NODELIST": "x", "SLURM_SUBMIT_DIR": str(repository),
                                  "PYTHON": str(tmp_path / "python")})
    assert done.returncode == 0, done.stderr
    calls = [line.split(" token=") for line in (tmp_path / "calls").read_text().splitlines()]
    shown = {words.split(" --num-cpus")[0]: token for words, token in calls if not words.startswith("srun")}
    assert {"ray start --block", "python -m experiments.sweep table1 --engine ray --address 10.0.0.1:6379 --gpus 0.5"
            } <= shown.keys()
    (token,) = set(shown.values())
    mode, secret = token.split(":")
    assert mode == "token" and len(secret) == 64 and not any(secret in words for words, _ in calls)
