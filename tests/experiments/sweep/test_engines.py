"""Sweeps that really run, one job after another: order, what a failure stops, what a second call does."""
import subprocess

import pytest
from sweep_tools import command, environment, records, small_setting, sweep

from experiments.sweep import engine_none
from experiments.sweep.job import Job
from experiments.sweep.process import run_command
from experiments.sweep.progress import FAILED, SKIPPED, SUCCEEDED, Progress


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return small_setting(tmp_path_factory.mktemp("clip"))


def test_failed_job_stops_only_what_needs_it(tmp_path, capfd):
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint('line of', sys.argv[1])\nopen(sys.argv[1], 'w').close()\n"
                       "sys.exit(3 if 'bad' in sys.argv[1] else 0)\n")
    bad, good = (Job(name, f"{tmp_path}/out/{name}", [f"{tmp_path}/{name}"], program=(str(program),))
                 for name in ("bad", "good"))
    after_bad, after_good, after_both = (
        Job(name, f"{tmp_path}/out/{name}", [f"{tmp_path}/{name}"], starts_from=one, tests=other,
            program=(str(program),))
        for name, one, other in (("x", bad, None), ("y", good, None), ("z", good, bad)))
    last = Job("w", f"{tmp_path}/out/w", [f"{tmp_path}/w"], starts_from=after_bad,
               program=(str(program),))
    progress = Progress([bad, good, after_bad, after_good, after_both, last])
    engine_none.run(list(progress.jobs), str(tmp_path / "out"), {}, progress)
    progress.close()
    assert progress.outcomes == {bad: FAILED, good: SUCCEEDED, after_bad: SKIPPED, after_good: SUCCEEDED,
                                 after_both: SKIPPED, last: SKIPPED}
    assert {path.name for path in tmp_path.iterdir()} == {"program.py", "out", "bad", "good", "y"}
    output = capfd.readouterr().out
    assert f"    line of {tmp_path}/bad" in output and f"line of {tmp_path}/good" not in output
    assert [line.split(":")[0] for line in progress.troubles()] == ["failed", "skipped", "skipped", "skipped"]


def test_log_of_a_command_grows_and_its_end_is_returned(tmp_path):
    log = tmp_path / "logs" / "a.txt"
    for word in ("one", "two"):
        code, lines, seconds = run_command(["sh", "-c", f"echo {word} $WORD; exit 5"], str(log), {"WORD": "more"}, "/")
        assert (code, lines) == (5, [f"{word} more"]) and seconds > 0
    assert log.read_text() == "one more\ntwo more\n"


def test_base_to_new_and_again(repository, pairs, tmp_path):
    words = "table1 --demo --methods ZeroshotCLIP CoOp_MAO CoOp+step2 --seeds 1"
    first = sweep(repository, tmp_path / "out", words, pairs)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("8 jobs: 0 done, 0 resumed, 8 to run\n")
    assert "Pictograms" in first.stdout and "pseudo-labels of CoOp_MAO, CoOp+step2: by zero-shot CLIP" in first.stdout
    assert {path.suffix for path in (tmp_path / "out").iterdir() if path.is_file()} == {".md", ".csv"}
    made = records(tmp_path / "out")
    lines = [line for of_file in made.values() for line in of_file]
    stages = {(line["classes"], line["stage"], line["source"]) for line in lines}
    assert stages == {("base", "", ""), ("new", "", ""), ("base", "", "Pictograms"), ("new", "", "Pictograms"),
                      ("base", "base", "Pictograms"), ("new", "base", "Pictograms"), ("new", "new", "Pictograms")}
    trained = {line["trainer"]: line["identity"] for line in lines if line["classes"] == "base"}
    started_from = {line["settings"]["MAO.BASE_RUN"]: line["parent"] for line in lines if line["stage"] == "new"}
    assert started_from == {"step1": trained["CoOp_MAO"], "backbone": trained["CoOp"]}
    assert {line["parent"] for line in lines if line["stage"] == "base"} == {"", trained["CoOp_MAO"]}

    again = sweep(repository, tmp_path / "out", words, pairs)
    assert again.returncode == 0 and again.stdout.startswith("8 jobs: 8 done, 0 resumed, 0 to run\n")
    assert records(tmp_path / "out") == made
    assert again.stdout.split("\n", 1)[1] == first.stdout[first.stdout.index("[8/8]"):].split("\n", 1)[1]

    words = "table1 --demo --methods CoOp_MAO --seeds 1 --pseudo-labels base"
    other = sweep(repository, tmp_path / "out", words, pairs)
    assert other.returncode == 0 and other.stdout.startswith("3 jobs: 2 done, 0 resumed, 1 to run\n")
    assert "pseudo-labels of CoOp_MAO: by the prompts of step 1, on augmented images" in other.stdout


def test_failed_training_is_named(repository, pairs, tmp_path):
    words = "table1 --demo --methods ZeroshotCLIP CoOp --seeds 1"
    done = sweep(repository, tmp_path / "out", words, [*pairs, "TRAINER.COOP.PREC", "fp12"])
    assert done.returncode == 1
    assert "failed: CoOp pictograms seed 1: train" in done.stderr and "skipped: CoOp pictograms seed 1" in done.stderr
    assert "    error: TRAINER.COOP.PREC 'fp12'" in done.stdout  # the last line of its log
    assert "[2/4] ZeroshotCLIP pictograms seed 1: test on new classes: " in done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_missing_data_are_named_before_anything_runs(repository, pairs, tmp_path):
    done = sweep(repository, tmp_path / "out", "table1 --datasets pictograms dtd eurosat --seeds 1", pairs,
                 DATA=str(tmp_path / "data"))
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert "DescribableTextures is not at" in sentence and "1 more data sets are missing" in sentence
    assert not (tmp_path / "out").exists()


def test_commands_of_a_dry_run_can_be_run(repository, pairs, tmp_path):
    done = sweep(repository, tmp_path / "out", "few_shot --demo --dry-run --methods ZeroshotCLIP --seeds 1", pairs)
    line, count = done.stdout.splitlines()
    assert count == "1 job: 0 done, 0 resumed, 1 to run"
    python = command("table1", [])[0]
    subprocess.run(["bash", "-c", line.replace("python3.11 ", f"{python} ", 1).replace("python ", f"{python} ", 1)],
                   cwd=repository, env=environment(tmp_path / "out"), check=True, capture_output=True)
    again = sweep(repository, tmp_path / "out", "few_shot --demo --dry-run --methods ZeroshotCLIP --seeds 1", pairs)
    assert again.stdout == "1 job: 1 done, 0 resumed, 0 to run\n"
