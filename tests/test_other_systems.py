"""What Windows does not have is not needed: train, test, predict, make tables with those modules and functions hidden.
"""
import json
import os
import subprocess
import sys

from paths import IMPORT_PATH, REPOSITORY
from small_run import make_room, words

HIDDEN = """
import os, signal, sys
for module in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[module] = None
import torch, torchvision  # which ask Linux for more
for name in "pread O_NONBLOCK sched_getaffinity fork killpg setsid mkfifo".split():
    delattr(os, name)
del signal.SIGKILL
"""
CALLS = """
import json, train
from experiments.reporting import tables
from predict import command
codes = [train.main(words) for words in json.loads(sys.argv[1])]
room = sys.argv[2]
codes.append(command.main([f"{room}/images/test", "--model-dir", f"{room}/out", "--output", f"{room}/predictions.csv"]))
codes.append(tables.main([room, "--layout", "auto"]))
print("codes", codes)
"""


def test_a_run_its_test_predictions_and_table_need_nothing_of_unix(tmp_path):
    room = make_room(tmp_path)
    calls = [words(room, pairs=["DATASET.NUM_SHOTS", 2]),
             words(room, "--eval-only", "--model-dir", str(room / "out"), output="new",
                   pairs=["DATASET.NUM_SHOTS", 2, "DATASET.SUBSAMPLE_CLASSES", "new"])]
    done = subprocess.run([sys.executable, "-c", HIDDEN + CALLS, json.dumps(calls), str(room)], capture_output=True,
                          text=True, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": IMPORT_PATH})
    assert "codes [0, 0, 0, 0]" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    for name in ("out", "new"):
        record = json.loads((room / name / "results.jsonl").read_text())
        assert record["total"] == 4 and record["peak_memory_mb"] is None
    assert "CoOp" in done.stdout and len((room / "predictions.csv").read_text().splitlines()) == 1 + 8
