"""All trainers in all precisions, on a GPU as far as that can be had without one, and in half precision for real."""
import contextlib
import copy

import numpy as np
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from pretended_gpu import on_a_pretended_gpu, precision_of_a_gpu
from small_clip import small_clip_state
from small_run import make_room, words

import train
import trainers
from compat.settings import flat_config
from trainers.mao.shared_features import CHECKED_STEPS
from trainers.prompting import configured_clip
from trainers.prompting.encoders import ImageEncoder
from trainers.prompting.model import PromptedCLIP
from trainers.prompting.precision import Precision
from trainers.running import built_trainer

PRECISIONS = ("fp32", "fp16", "amp", "bf16")
OURS = sorted(name for name in TRAINER_REGISTRY.registered_names()
              if TRAINER_REGISTRY.get(name).__module__.startswith("trainers."))
LEARNING = [name for name in OURS if not name.startswith("ZeroshotCLIP") and name != "LinearProbe"]  # in steps
OF_THE_PAPER = ("CoOp_MAO", "MaPLe_MAO", "PromptSRC_MAO")  # of further hosts, fp16 stands for all precisions
CASES = [(name, step) for name in LEARNING for step in ("base", "new")[:1 + name.endswith("_MAO")]]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The small run's folder, with a cache of its own and the prompts of step 1 of each MAO trainer."""
    with pytest.MonkeyPatch.context() as patch:
        room = make_room(tmp_path_factory.mktemp("room"))
        patch.setenv("MAO_CACHE", str(room / "cache"))
        patch.setattr(configured_clip, "clip_from_weights", copies_of_one(configured_clip.clip_from_weights))
        # Random images are hardly told apart: at CLIP's own scale, 100, a loss would be made of rounding.
        torch.save({**small_clip_state(), "logit_scale": torch.tensor(2.3)}, room / "clip.pt")
        np.save(room / "similarity.npy", np.eye(2))
        for name in [name for name, step in CASES if step == "new"]:
            with started(room, name, "base", "fp32") as (trainer, batch):
                trainer.forward_backward(batch)
                trainer.save_model(0, str(room / name))
        yield room


def copies_of_one(load):
    """A function that loads a CLIP once, for all of these tests have the same; as after a load, so are random numbers.
    """
    loaded = []

    def copy_of_it(*words):
        if not loaded:
            loaded.append((load(*words), torch.get_rng_state()))
        model, random_state = loaded[0]
        torch.set_rng_state(random_state)
        return copy.deepcopy(model)

    return copy_of_it


def pairs(precision):
    """KEY VALUE pairs for any trainer: prompts in both layers of the small CLIP, a precision."""
    cfg = get_cfg_default()
    trainers.extend_cfg(cfg)
    keys = [key for key in flat_config(cfg) if key.startswith("TRAINER.")]
    return [word for key in keys for word in ((key, 2) if "_DEPTH" in key else (key, precision) if key.endswith("PREC")
                                              else ())]


@contextlib.contextmanager
def started(room, name, step, precision, labeller="base"):
    """A trainer that is about to train the last batch of an epoch, on the CPU, and that batch."""
    own = ["MAO.BASE_DIR", room / name, "MAO.PSEUDO_LABELS", labeller] if step == "new" else []
    argv = words(room, trainer=name, output="unused", pairs=[
        *pairs(precision), "MAO.SIMILARITY", room / "similarity.npy", "OPTIM.MAX_EPOCH", 2,
        "DATASET.SUBSAMPLE_CLASSES", step, *own])
    with built_trainer(train.make_config(train.parse_arguments(argv))) as trainer:
        trainer.before_train()
        trainer.seed_loaders()
        trainer.before_epoch()
        trainer.set_model_mode("train")
        trainer.batch_idx, trainer.num_batches = 0, 1
        yield trainer, next(iter(trainer.train_loader_x))


def check_on_a_gpu(room, name, step, precision, labeller="base"):
    """Devices and dtypes agree, and a step does not wait for the GPU. A MAO trainer is evaluated as its backbone is."""
    with precision_of_a_gpu(), started(room, name, step, precision, labeller) as (trainer, batch), \
            on_a_pretended_gpu(trainer):
        assert trainer.precision.name == precision and trainer.precision.device_type == "cuda"
        made = [*trainer.forward_backward(batch).values()]
        if not name.endswith("_MAO"):
            trainer.set_model_mode("eval")
            with torch.no_grad():
                made.append(trainer.model_inference(trainer.parse_batch_test(batch)[0]))
        assert {value.device.type for value in made} == {"cuda"}


@pytest.mark.parametrize("name, step, precision", [
    (name, step, precision) for name, step in CASES for precision in PRECISIONS
    if precision == "fp16" or not name.endswith("_MAO") or name in OF_THE_PAPER])
def test_step_and_evaluation_on_a_gpu(room, name, step, precision):
    check_on_a_gpu(room, name, step, precision)


def test_step_2_on_a_gpu_with_labels_of_zero_shot_clip(room):
    check_on_a_gpu(room, "CoOp_MAO", "new", "fp16", "clip")


def test_image_features_of_the_labeller_are_not_waited_for_on_a_gpu(room, monkeypatch):
    forward, looks = ImageEncoder.forward, []
    monkeypatch.setattr(ImageEncoder, "forward", lambda *args: looks.append(1) or forward(*args))
    with precision_of_a_gpu(), started(room, "CoOp_MAO", "new", "fp16") as (trainer, batch), \
            on_a_pretended_gpu(trainer):
        trainer._image_features._agreed = CHECKED_STEPS
        trainer.forward_backward(batch)
    assert len(looks) == 1


@pytest.mark.parametrize("name", sorted({*OURS} - {*LEARNING}))
def test_zero_shot_evaluation_on_a_gpu_agrees_in_device_and_dtype(room, name):
    argv = words(room, trainer=name, output="unused")
    with built_trainer(train.make_config(train.parse_arguments(argv))) as trainer:
        batch = next(iter(trainer.test_loader))
        with on_a_pretended_gpu(trainer):
            assert trainer.model_inference(trainer.parse_batch_test(batch)[0]).device.type == "cuda"


@pytest.mark.parametrize("fault, words", [
    (lambda logits: logits * torch.ones(1), "same device"),
    (lambda logits: logits * logits.sum().item(), "_local_scalar_dense"),
    (lambda logits: logits if logits.max() > 0 else -logits, "_local_scalar_dense"),
    (lambda logits: logits @ logits.t().half(), "one dtype"),
], ids=["left on the CPU", "read", "asked", "mixed"])
def test_a_fault_is_found_on_the_pretended_gpu(room, monkeypatch, fault, words):
    logits = PromptedCLIP.logits
    monkeypatch.setattr(PromptedCLIP, "logits", lambda *args: fault(logits(*args)))
    with pytest.raises(Exception, match=words):
        check_on_a_gpu(room, "CoOp", "base", "fp32")


def losses(room, name, step, precision):
    """Of three steps on one batch, learnt for real."""
    with started(room, name, step, precision) as (trainer, batch):
        trainer.num_batches = 4  # no step is the last of an epoch
        assert trainer.model.dtype is {"fp16": torch.float16}.get(precision, torch.float32)
        return torch.stack([trainer.forward_backward(batch)["loss"] for _ in range(3)])


@pytest.mark.parametrize("name, step", CASES)
def test_half_weights_learn_what_fp32_learns(room, name, step):
    with precision_of_a_gpu():
        torch.testing.assert_close(losses(room, name, step, "fp16"), losses(room, name, step, "fp32"), rtol=3e-3,
                                   atol=0)


@pytest.mark.parametrize("name, device, expected", [
    ("auto", "cuda", "fp16"), ("auto", "cpu", "fp32"), ("auto", "mps", "fp32"), ("fp16", "mps", "fp16"),
    ("bf16", "cpu", "bf16"), ("amp", "cpu", "amp")])
def test_precision_of_a_device(name, device, expected):
    assert Precision(name, device).name == expected
