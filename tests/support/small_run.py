"""train.py in this process on a few coloured squares with a small CLIP: a whole run takes a fraction of a second."""
import contextlib
import io
from types import SimpleNamespace

import torch
from PIL import Image
from small_clip import small_clip_state

import train


def make_room(folder):
    """A folder with four classes of images, a CLIP and a yaml file of its own."""
    folder.mkdir(exist_ok=True)
    torch.save(small_clip_state(), folder / "clip.pt")
    for number, name in enumerate(("blue", "green", "red", "white")):
        for part in ("train", "test"):
            (folder / "images" / part / name).mkdir(parents=True)
            for k in range(2):
                Image.new("RGB", (32, 32), (60 * number, 20 * k, 9)).save(folder / "images" / part / name / f"{k}.png")
    (folder / "small.yaml").write_text(f"""
DATALOADER: {{TRAIN_X: {{BATCH_SIZE: 2}}, TEST: {{BATCH_SIZE: 9}}, NUM_WORKERS: 0}}
INPUT: {{SIZE: [32, 32], TRANSFORMS: [random_flip, normalize]}}
MODEL: {{BACKBONE: {{NAME: "{folder}/clip.pt"}}}}
OPTIM: {{NAME: sgd, LR: 0.002, MAX_EPOCH: 1, LR_SCHEDULER: cosine}}
TRAINER: {{COOP: {{N_CTX: 4, PREC: fp32}}, MAPLE: {{PREC: fp32, PROMPT_DEPTH: 2}}}}
DATASET: {{NAME: ImageFolder, NUM_SHOTS: 1, SUBSAMPLE_CLASSES: base}}
MAO: {{SIMILARITY: clip}}
VERBOSE: False
""")
    return folder


def words(room, *flags, output="out", trainer="CoOp", config="small.yaml", pairs=()):
    return ["--root", str(room / "images"), "--seed", "1", "--trainer", trainer, "--output-dir", str(room / output),
            "--config-file", str(room / config), *flags, *map(str, pairs)]


def call(argv):
    """train.py's exit code, what it printed, and its sentences."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = train.main(argv)
    sentences = [line for line in err.getvalue().splitlines() if line.startswith("error: ")]
    return SimpleNamespace(code=code, out=out.getvalue(), sentences=sentences)


def refused(room, argv, *parts):
    """Assert exit code 2, one sentence with some words, and that nothing is left behind."""
    done = call(argv)
    assert done.code == 2 and len(done.sentences) == 1, done
    for part in parts:
        assert part in done.sentences[0], done.sentences[0]
    assert not (room / "out").exists()
