"""MAO in two miniature forks runs through their own train.py, Dassl, clip and trainers; so do forks without."""
import contextlib
import functools
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_clip import small_clip_state

from drop_in.__main__ import main as drop_in_main

pytestmark = pytest.mark.usefixtures("warm_checks")

CLASSES = ["ant", "big_bee", "cat", "dog", "emu", "fox"]  # three base, three new
COUNTS = {"train": 6, "val": 2, "test": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data root with coloured squares, weights for both forks, and similarities of the base classes."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for part, count in COUNTS.items():
        for label, name in enumerate(CLASSES):
            (root / "shapes" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 60, (32, 32, 3)) + 30 * label
                Image.fromarray(pixels.astype(np.uint8)).save(root / "shapes" / part / name / f"{number}.png")
    torch.save(small_clip_state(), root / "coop_like.pt")
    torch.manual_seed(0)
    torch.save({}, root / "promptsrc_like.pt")  # its build_model takes what there is, from a fixed seed
    np.save(root / "similarity.npy", np.array([[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]], dtype=np.float32))
    return root


def copy_fork(name, folder, repository, engine=True):
    """A miniature fork in a folder of its own, with a Dassl of its own that does not need this repository's compat."""
    fork = folder / name
    without_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / "tests" / "drop_in" / "forks" / name, fork, ignore=without_bytecode)
    if engine:
        shutil.copytree(repository / "compat" / "dassl", fork / "dassl", ignore=without_bytecode)
        for path in (repository / "compat").glob("*.py"):
            (fork / "dassl" / "shared").mkdir(exist_ok=True)
            shutil.copy(path, fork / "dassl" / "shared")
        for path in (fork / "dassl").rglob("*.py"):
            path.write_text(re.sub(r"(from|import) compat\b", r"\1 dassl.shared", path.read_text()))
    return fork


def drop_in(fork, *arguments):
    """Call the tool; its checks of the fork are run, and pass."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert drop_in_main([str(fork), *arguments]) == 0, printed.getvalue()
    return printed.getvalue()


def words(fork, data, trainer, config, output, *pairs, flags=()):
    """The command line of a fork's train.py for a short run."""
    given = ["train.py", "--root", data, "--seed", "1", "--trainer", trainer,
             "--dataset-config-file", "configs/datasets/shapes.yaml", "--config-file", config, "--output-dir", output,
             *flags, "MODEL.BACKBONE.NAME", data / f"{fork.name}.pt", "INPUT.SIZE", "(32, 32)", "OPTIM.MAX_EPOCH", "2",
             "DATALOADER.NUM_WORKERS", "0", "DATASET.NUM_SHOTS", "4", "TRAIN.PRINT_FREQ", "1", *pairs]
    return list(map(str, given))


@pytest.fixture(scope="module")
def run(data, warm_python, tmp_path_factory):
    """A function that runs a fork's train.py, as its users do, and returns what it prints."""
    log = tmp_path_factory.mktemp("log") / "log.txt"

    def run(fork, *arguments, **flags):
        code, printed = warm_python.run(fork, log, *words(fork, data, *arguments, **flags))
        assert code == 0, printed[-6000:]
        return printed

    return run


def meter(output, name):
    """Values of a meter in Dassl's progress lines."""
    values = [float(value) for value in re.findall(rf"{name} ([0-9.]+) \(", output)]
    assert values, output[-2000:]
    return values


def accuracy(output):
    return float(re.findall(r"accuracy: ([0-9.]+)%", output)[-1])


HOSTS = {
    "CoOp": ("coop_like", "configs/trainers/CoOp_MAO/vit_b16_c4_ep10.yaml", ["TRAINER.COOP.PREC", "fp32"]),
    "PromptSRC": ("promptsrc_like", "configs/trainers/PromptSRC_MAO/vit_b16_c4_ep10.yaml",
                  ["TRAINER.PROMPTSRC.PREC", "fp32"]),
    "MaPLe": ("promptsrc_like", "configs/trainers/MaPLe_MAO/vit_b16_c2_ep10.yaml", ["TRAINER.MAPLE.PREC", "fp32"]),
}


@pytest.fixture(scope="module")
def forks(repository, tmp_path_factory):
    """Both forks with MAO dropped in, beside untouched copies of them."""
    folder, untouched = tmp_path_factory.mktemp("forks"), tmp_path_factory.mktemp("untouched")
    for name in ("coop_like", "promptsrc_like"):
        copy_fork(name, untouched, repository)
        said = drop_in(copy_fork(name, folder, repository))
        assert "+import trainers.mao  # MAO drop-in" in said and "could not be run" not in said
    return folder, untouched


@pytest.fixture(scope="module")
def step1(forks, run, data, tmp_path_factory):
    """A function that trains step 1 of a host in its fork, once: (its output folder, what it printed)."""
    @functools.cache
    def train(host):
        folder = tmp_path_factory.mktemp("step1") / "base"
        return folder, run(forks[0] / HOSTS[host][0], *step1_words(host, folder, data))

    return train


def step1_words(host, folder, data):
    name, config, options = HOSTS[host]
    return f"{host}_MAO", config, folder, *options, "DATASET.SUBSAMPLE_CLASSES", "base", "MAO.SIMILARITY", \
        data / "similarity.npy"


@pytest.fixture(scope="module")
def step2(forks, run, step1):
    """A function that trains step 2 of a host with some labeller and returns what it printed."""
    def train(host, labeller, output):
        name, config, options = HOSTS[host]
        return run(forks[0] / name, f"{host}_MAO", config, output, *options, "DATASET.SUBSAMPLE_CLASSES", "new",
                   "MAO.BASE_DIR", step1(host)[0], "MAO.PSEUDO_LABELS", labeller)

    return train


@pytest.mark.parametrize("host", HOSTS)
def test_both_steps_in_a_fork(host, step1, step2, tmp_path):
    _, base = step1(host)
    assert max(meter(base, "images")) > 4  # four anchors and their hard negatives
    if host == "PromptSRC":  # all classes are scored, but the cross-entropy is that of the candidates
        assert set(meter(base, "columns")) == {3} and min(meter(base, "apart")) > 1e-3
    else:
        assert meter(base, "columns") == meter(base, "images")
    new = step2(host, "base", tmp_path)
    assert "pseudo-labels by base" in new and set(meter(new, "columns")) == {3}
    assert 0 <= accuracy(new) <= 100


def test_a_killed_run_goes_on_from_a_small_state(forks, run, step1, data, tmp_path, monkeypatch):
    """MaPLe registers the whole CLIP: its checkpoint holds all of it, the state what is learnt."""
    command = forks[0] / HOSTS["MaPLe"][0], *step1_words("MaPLe", tmp_path, data)
    with monkeypatch.context() as patch:
        patch.setenv("KILL_AT", "1.1")
        with pytest.raises(AssertionError):
            run(*command)
    state = tmp_path / "train_state.pth.tar"
    learnt = torch.load(state, weights_only=True)["models"]["MultiModalPromptLearner"]["state_dict"]
    assert set(learnt) == {"prompt_learner.ctx", "image_encoder.transformer.VPT"}
    size = state.stat().st_size
    assert "resuming from epoch 1 of 2" in run(*command) and not state.exists()
    file = Path("MultiModalPromptLearner") / "model.pth.tar-2"
    whole, resumed = (torch.load(folder / file, weights_only=True)["state_dict"]
                      for folder in (step1("MaPLe")[0], tmp_path))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole) and size < (tmp_path / file).stat().st_size / 3


def test_the_forks_own_zero_shot_clip_labels(step2, tmp_path):
    assert "pseudo-labels by clip" in step2("CoOp", "clip", tmp_path)


def test_the_host_itself_is_as_before(forks, run, tmp_path):
    outputs = []
    for folder in forks:
        said = run(folder / "coop_like", "CoOp", "configs/trainers/CoOp/tiny.yaml", tmp_path / folder.name,
                   "DATASET.SUBSAMPLE_CLASSES", "base")
        assert set(meter(said, "columns")) == {3} and max(meter(said, "images")) == 4
        outputs.append((meter(said, "loss"), accuracy(said)))
    assert outputs[0] == outputs[1]


def test_other_hosts_by_name(forks, run, tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_HOSTS", "ZeroshotCLIP")
    with pytest.raises(AssertionError, match="MAO cannot wrap ZeroshotCLIP_MAO: it has no model"):
        run(forks[0] / "coop_like", "ZeroshotCLIP_MAO", "configs/trainers/CoOp/tiny.yaml", tmp_path / "out")


def test_a_linear_probe_and_a_batch_of_three_parts(forks, run, data, tmp_path, monkeypatch):
    """What one has per class under a name that the plug-in does not know, and what is no class's second step."""
    monkeypatch.setenv("MAO_HOSTS", "Probe")
    command = forks[0] / "coop_like", "Probe_MAO", *step1_words("CoOp", tmp_path / "base", data)[1:]
    said = run(*command)
    assert meter(said, "columns") == meter(said, "images") and max(meter(said, "images")) > 4
    longer = run(*command, "OPTIM.MAX_EPOCH", 3)
    assert "epoch [3/3]" in longer and "epoch [2/3]" not in longer and not list(tmp_path.rglob("train_state*"))
    with pytest.raises(AssertionError, match="step 2 cannot start from parameters that each base class has its own of"):
        run(forks[0] / "coop_like", "Probe_MAO", HOSTS["CoOp"][1], tmp_path / "new", *HOSTS["CoOp"][2],
            "DATASET.SUBSAMPLE_CLASSES", "new", "MAO.BASE_DIR", tmp_path / "base", "MAO.PSEUDO_LABELS", "base")


def test_an_unmodified_fork_on_the_bundled_engine(forks, run, tmp_path):
    """Train, evaluate, resume and keep the best checkpoint, with a train.py that knows nothing of this repository."""
    def promptsrc(output, classes, *pairs, flags=()):
        return run(forks[1] / "promptsrc_like", "PromptSRC", "configs/trainers/PromptSRC/tiny.yaml", tmp_path / output,
                   "DATASET.SUBSAMPLE_CLASSES", classes, *pairs, flags=flags)

    trained = promptsrc("out", "base")
    test_of_it = ["--eval-only", "--model-dir", tmp_path / "out", "--load-epoch", 2]
    assert accuracy(promptsrc("eval", "base", flags=test_of_it)) == accuracy(trained)
    promptsrc("new", "new", flags=test_of_it)
    resumed = promptsrc("more", "base", "OPTIM.MAX_EPOCH", 3, flags=["--resume", tmp_path / "out"])
    assert "epoch [3/3]" in resumed and "epoch [1/3]" not in resumed
    state = tmp_path / "out" / "train_state.pth.tar"
    assert not state.exists() and "epoch [3/3]" in promptsrc("out", "base", "OPTIM.MAX_EPOCH", 3) and not state.exists()
    with pytest.raises(AssertionError, match="OPTIM.LR is .* there and 0.5 here.: give another output folder"):
        promptsrc("out", "base", "OPTIM.MAX_EPOCH", 4, "OPTIM.LR", 0.5)
    best = promptsrc("best", "base", "TEST.FINAL_MODEL", "best_val")
    assert (tmp_path / "best" / "VLPromptLearner" / "model-best.pth.tar").exists() and "epoch [2/2]" in best


def test_with_the_engine(repository, data, tmp_path):
    """A fork that relies on an installed Dassl, on a machine that has none; here in a fresh process."""
    fork = copy_fork("coop_like", tmp_path, repository, engine=False)
    before = (fork / "train.py").read_bytes()
    drop_in(fork, "--with-engine")
    _, config, options = HOSTS["CoOp"]
    command = words(fork, data, "CoOp_MAO", config, tmp_path / "base", *options, "DATASET.SUBSAMPLE_CLASSES", "base",
                    "MAO.SIMILARITY", data / "similarity.npy")
    said = subprocess.run([sys.executable, *command], cwd=fork, text=True, stdout=subprocess.PIPE, check=True).stdout
    assert meter(said, "columns") == meter(said, "images")
    drop_in(fork, "--uninstall")
    assert (fork / "train.py").read_bytes() == before and not (fork / "compat").exists()


def test_a_missing_backbone_is_copied_and_runs(repository, data, run, tmp_path):
    """MaPLe of this repository in a fork that has only CoOp."""
    fork = copy_fork("coop_like", tmp_path, repository)
    said = drop_in(fork, "--backbones", "coop,maple")
    assert "CoOp is there already" in said and "now knows CoOp_MAO, MaPLe_MAO" in said
    _, config, options = HOSTS["MaPLe"]
    run(fork, "MaPLe_MAO", config, tmp_path / "base", *options, "TRAINER.MAPLE.PROMPT_DEPTH", 2,
        "DATASET.SUBSAMPLE_CLASSES", "base", "MAO.SIMILARITY", data / "similarity.npy")
    assert (tmp_path / "base" / "MultiModalPromptLearner" / "checkpoint").exists()
    manifest = json.loads((fork / ".mao_drop_in.json").read_text())
    assert "trainers/maple.py" in manifest["files"] and "trainers/coop.py" not in manifest["files"]


def test_coop_in_a_fork_without_it_needs_no_engine(repository, data, run, tmp_path):
    fork = copy_fork("coop_like", tmp_path, repository)
    train = fork / "train.py"
    for name in ("coop", "zsclip"):  # zsclip uses the fork's own CoOp
        (fork / "trainers" / f"{name}.py").unlink()
        train.write_text(train.read_text().replace(f"import trainers.{name}\n", ""))
    drop_in(fork, "--backbones", "coop")
    assert (fork / "compat" / "errors.py").exists() and not (fork / "compat" / "dassl").exists()
    _, config, options = HOSTS["CoOp"]
    base = run(fork, "CoOp_MAO", config, tmp_path / "base", *options, "DATASET.SUBSAMPLE_CLASSES", "base",
               "MAO.SIMILARITY", data / "similarity.npy")
    assert (tmp_path / "base" / "prompt_learner" / "checkpoint").exists() and 0 <= accuracy(base) <= 100


def test_compat_beside_backbones_does_nothing_on_import(repository, tmp_path):
    fork = copy_fork("promptsrc_like", tmp_path, repository, engine=False)
    script = [sys.executable, str(repository / "scripts" / "drop_in.py"), str(fork), "--backbones", "coop"]
    said = subprocess.run(script, text=True, capture_output=True, check=True).stdout
    assert "the checks in the fork could not be run" in said and "no Dassl can be imported here" in said
    code = ("import sys; path = list(sys.path); import compat; assert sys.path == path; "
            "assert not {'torch', 'dassl'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "promptsrc_like", check=True)
