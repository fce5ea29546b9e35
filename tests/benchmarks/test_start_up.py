"""Both measurements of the start run at a tiny size and print their ratios."""
import re

from benchmarks import start_up


def test_evaluations_are_measured_with_and_without_kept_features(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(start_up, "in_own_process", lambda function, *args: function(*args))
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))  # put back at the end
    monkeypatch.setattr(start_up, "starts", lambda data: {"import torch": 2.0, "train.py --help": 0.5})
    start_up.run(start_up.parse_arguments(["--images", "8", "--layers", "2", "--width", "128", "--side", "32",
                                           "--rounds", "1"]))
    torch_alone, helping, second = capsys.readouterr().out.splitlines()
    assert torch_alone.split() == "import torch 2.00 s 1.00 x import torch".split()
    assert helping.split() == "train.py --help 0.50 s 0.25 x import torch".split()
    assert re.fullmatch(r"evaluation of 8 images: [\d.]+ s, and again [\d.]+ s \(ratio \d+\)", second)


def test_cpu_seconds_count_processes_that_are_started():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    assert start_up.cpu_seconds(["-c", program]) > start_up.cpu_seconds(["-c", "pass"])
