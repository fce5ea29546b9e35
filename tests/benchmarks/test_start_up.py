"""Both measurements of the start run at a tiny size and print their ratios."""
import re

from benchmarks import start_up


def test_evaluations_are_measured_with_and_without_kept_features(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(start_up, "in_own_process", lambda function, *args: function(*args))
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))  # put back at the end
    monkeypatch.setattr(start_up, "starts", lambda data: [1.0, 3.0, 2.0])
    start_up.run(start_up.parse_arguments(["--images", "8", "--layers", "2", "--width", "128", "--side", "32",
                                           "--rounds", "1"]))
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("3.00 s, and again 2.00 s; import torch 1.00 s (ratios 3.00 and 2.00)")
    assert re.fullmatch(r"evaluation of 8 images: [\d.]+ s, and again [\d.]+ s \(ratio \d+\)", second)


def test_cpu_seconds_count_processes_that_are_started():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    assert start_up.cpu_seconds(["-c", program]) > start_up.cpu_seconds(["-c", "pass"])
