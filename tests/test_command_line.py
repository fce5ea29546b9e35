"""Flags, KEY VALUE pairs, yaml files and paths that do not fit: one sentence, and nothing is left behind."""
import errno
import os
import subprocess
import sys

import pytest
from paths import REPOSITORY
from small_run import call, make_room, refused, words

from compat.errors import exit_code
from train import make_config, parse_arguments


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


@pytest.mark.parametrize("flag", ["--source-domains", "--target-domains", "--transforms"])
def test_flags_with_several_values_end_at_the_first_config_key(room, flag):
    args = parse_arguments(words(room, flag, "normalize", "random_flip", pairs=["OPTIM.LR", 1, "SEED", 2]))
    assert getattr(args, flag[2:].replace("-", "_")) == ["normalize", "random_flip"]
    assert args.opts == ["OPTIM.LR", "1", "SEED", "2"]
    assert make_config(args).OPTIM.LR == 1.0


def test_a_value_of_a_flag_may_look_like_a_key(room):
    args = parse_arguments(["--output-dir", "run.1", "--trainer", "SEED", "--eval-only", "SEED", "2"])
    assert (args.output_dir, args.trainer, args.opts) == ("run.1", "SEED", ["SEED", "2"])


@pytest.mark.parametrize("flags, pairs, parts", [
    (["--source-domains", "a"], ["OPTIM.LR", "x"], ["OPTIM.LR is 'x'"]),
    (["--model-dir", "x"], [], ["--model-dir", "--eval-only"]),
    (["--load-epoch", "0"], [], ["--load-epoch", "--eval-only"]),
    (["--eval-only"], [], ["give --model-dir"]),
    (["--eval-only", "--no-train"], [], ["--no-train", "leave one out"]),
    (["--eval-only", "--resume", "x"], [], ["--resume", "leave one out"]),
    (["--eval-only", "--model-dir", "x", "--load-epoch", "-1"], [], ["--load-epoch -1"]),
    (["--seed", "1.5"], [], ["--seed", "1.5"]),
    (["--seed", str(2**70)], [], ["SEED is", "4294967295"]),
    (["--config-file", ""], [], ["--config-file has an empty value"]),
    (["--trainer="], [], ["--trainer= has an empty value"]),
    (["--see", "1"], [], ["--see"]),
    (["stray"], [], ["stray"]),
    (["--backbone", "a\udcff"], [], ["not UTF-8"]),
    (["--resume", "a\0b"], [], ["not UTF-8"]),
    ([], ["OPTIM.LR", 1, "--trainer", "CoOp"], ["'--trainer' stands behind KEY VALUE pairs"]),
    ([], ["OPTIM.LR"], ["'OPTIM.LR' stands alone"]),
    ([], ["OPTIM.LRR", 1], ["'OPTIM.LRR' is no config key", "OPTIM.LR?"]),
    ([], ["OPTIM.LR.X", 1], ["'OPTIM.LR.X' is no config key"]),
    ([], ["OPTIM.__class__", 1], ["'OPTIM.__class__' is no config key"]),
    ([], ["SEED", 2, "OPTIM", "{}"], ["OPTIM is '{}', but it is a group"]),
    ([], ["RESUME", "."], ["RESUME is '.'"]),
    (["--trainer", "Coop"], [], ["'Coop'", "'CoOp'"]),
])
def test_words_that_do_not_fit_are_refused(room, monkeypatch, flags, pairs, parts):
    monkeypatch.chdir(room)
    refused(room, words(room, *flags, pairs=pairs), *parts)


EXPLODING = "a0: &a0 [x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12))


@pytest.mark.parametrize("text, parts", [
    ("", ["no config keys"]), ("[1]", ["no config keys"]), ("OPTIM:", ["OPTIM is None"]), ("OPTIM: 3", ["OPTIM is 3"]),
    ("OPTIM: {LR: 1,\n  LR: 2}", ["line 2", "'LR'"]), ("OPTIM: {LR: 1}\nOPTIM: {LR: 2}", ["line 2", "'OPTIM'"]),
    ("\tOPTIM: 1", ["no yaml"]), (EXPLODING, ["line 2", "anchor"]), ("OPTIM.LR: 1", ["no config key"]),
    ("null: 1", ["no config key"]), ("? [1]\n: 2", ["no yaml"]), ("OPTIM: {LR: !!int ''}", ["no yaml"]),
    ("OPTIM: {LR: 2020-99-99}", ["no yaml"]), ("[" * 5000, ["no yaml"]), (b"\xff\xfe", ["no yaml"]),
    ("OPTIM: {LR: .nan}", ["OPTIM.LR is nan"]), ("OPTIM: {LR:}", ["OPTIM.LR is None"]),
    ("OPTIM: {STEPSIZE: [[1]]}", ["OPTIM.STEPSIZE"]), ('OUTPUT_DIR: "\\ud800"', ["not UTF-8"]),
    ("DATASET: {NAME: 1}", ["DATASET.NAME is 1: give a text"]), ("x: " + "1" * 2**21, ["too large"]),
    ("OPTIM: {LR: !!python/object/apply:os.getcwd []}", ["no yaml"]),
])
def test_yaml_files_that_cannot_be_meant_are_refused(room, text, parts):
    (room / "odd.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(room, words(room, config="odd.yaml"), "odd.yaml" if "nan" not in str(text) else "", *parts)


def test_only_yaml_files_are_read(room):
    (room / "x.py").write_text(f"open({str(room / 'executed')!r}, 'w')")
    refused(room, words(room, config="x.py"), "x.py", ".yaml")
    assert not (room / "executed").exists()
    (room / "folder.yaml").mkdir()
    os.mkfifo(room / "pipe.yaml")
    for name in ("folder.yaml", "pipe.yaml"):
        refused(room, words(room, config=name), name, "no regular file")
    (room / "small.YML").write_bytes(b"\xef\xbb\xbf" + (room / "small.yaml").read_bytes())
    assert make_config(parse_arguments(words(room, config="small.YML"))).OPTIM.LR == 0.002


@pytest.mark.parametrize("path", [
    "file", "file/below", "loop", "loop/below", "broken", "x" * 300, "/dev/null", "/proc/x"])
def test_output_folders_that_cannot_be_are_named(room, path):
    if not (room / "file").exists():
        (room / "file").write_text("mine")
        (room / "loop").symlink_to("loop")
        (room / "broken").symlink_to("nowhere")
    before = sorted(room.iterdir())
    refused(room, words(room, output=path), path.split("/")[-1])
    assert sorted(room.iterdir()) == before and (room / "file").read_text() == "mine"


@pytest.mark.parametrize("error, parts", [
    (OSError(errno.ENAMETOOLONG, "File name too long", "a/b"), ["'a/b'", "another path"]),
    (PermissionError(errno.EACCES, "Permission denied", b"a/b"), ["'a/b'"]),
    (OSError(errno.EMFILE, "Too many open files"), ["ulimit -n"]),
    (OSError(errno.EFBIG, "File too large"), ["ulimit -f"]),
    (OSError("Caught OSError in DataLoader worker process 0.\nOSError: [Errno 24] Too many open files"), ["ulimit -n"]),
    (MemoryError(), ["memory ran out", "BATCH_SIZE"]),
    (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), ["BATCH_SIZE"]),
    (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 2 GiB"), ["BATCH_SIZE"]),
    (RuntimeError("unable to write to file </torch_7_1>: No space left on device (28)"), ["/dev/shm", "NUM_WORKERS"]),
    (RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"), ["NUM_WORKERS"]),
    (RuntimeError("can't start new thread"), ["NUM_WORKERS"]),
])
def test_what_the_machine_refuses_is_a_sentence(error, parts, capsys):
    def action():
        raise error

    assert exit_code(action) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("error: ") and sentence.count("\n") == 1
    assert all(part in sentence for part in parts), sentence


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("shapes cannot be multiplied"), OSError("odd")])
def test_errors_of_the_code_keep_their_traceback(error):
    def action():
        raise error

    with pytest.raises(type(error)):
        exit_code(action)


@pytest.mark.parametrize("shell, code", [("ulimit -f 0; exec {}", 2), ("exec {} >&-", 0)])
def test_no_room_for_files_is_a_sentence_and_a_closed_output_is_none(room, shell, code):
    line = subprocess.list2cmdline([sys.executable, str(REPOSITORY / "train.py"), *words(room, trainer="ZeroshotCLIP")])
    done = subprocess.run(["bash", "-c", shell.format(line)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "DASSL_ENGINE": "bundled", "OMP_NUM_THREADS": "1"})
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    assert ("error: " in done.stderr) == (code == 2)


def test_a_run_that_fits_is_run(room):
    assert call(words(room, output="whole")).code == 0 and (room / "whole" / "done").exists()
