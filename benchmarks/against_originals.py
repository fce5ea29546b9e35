"""A step and an evaluation against the formulation that the methods were published in, measured in one call.

    python -m benchmarks.against_originals [--methods CoOp CoOp_MAO ...] [--classes 500] [--images 32] [--layers 3]

The original formulation, in our own words and around the same parameters: every prompt at the full context length,
every class in each step (of which reg-B keeps the batch's columns), whole last blocks, and text features with each test
batch. ``text`` is the text tower alone, ``evaluation`` the mean over --steps test batches.

CPU seconds on one thread, on random images and a random CLIP of ViT-B/16's widths with --layers blocks in each tower.
Images come as tensors: decoding costs both the same. Each case has a process of its own, and the formulations take
turns. Prints one JSON line per case and a table, and on stderr a line when a case has been measured.
"""
import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import train
from compat import resolve_dassl
from compat.errors import exit_code
from compat.memory import peak_memory_mb

from .class_count import words
from .common import checked_config, in_own_process

if TYPE_CHECKING:
    from trainers.prompting.encoders import TextEncoder
    from trainers.prompting.packing import Prompts

METHODS = ("text", "CoOp", "MaPLe", "PromptSRC", "CoOp_MAO", "MaPLe_MAO", "PromptSRC_MAO", "evaluation")
FORMULATIONS = ("original", "ours")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--rounds", type=int, default=1)
    add_sizes(parser)
    return parser.parse_args(argv)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how large a case is."""
    parser.add_argument("--classes", type=int, default=500, help="at least --images")
    parser.add_argument("--images", type=int, default=32, help="in a batch")
    parser.add_argument("--layers", type=int, default=3, help="blocks of each tower")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--width", type=int, default=768, help="of the image tower")
    parser.add_argument("--text-width", type=int, default=512)
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels")


class WholeTextEncoder(nn.Module):
    """The original text tower: every prompt by itself, at full context length, through whole blocks."""

    def __init__(self, encoder: "TextEncoder") -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, prompts: "Prompts", deep_prompts: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """As ``TextEncoder``."""
        encoder, length = self.encoder, len(self.encoder.positional_embedding)
        padding = ((0, 0), (0, length - prompts.rows.shape[1]))
        x = prompts._replace(rows=np.pad(prompts.rows, padding, constant_values=-1)).embedded()
        x = (x + encoder.positional_embedding).transpose(0, 1)
        mask = torch.full((length, length), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        for index, block in enumerate(encoder.transformer.resblocks):
            if 1 <= index <= len(deep_prompts):
                deep = deep_prompts[index - 1].to(x.dtype)
                x = torch.cat([x[:1], deep.unsqueeze(1).expand(-1, x.shape[1], -1), x[1 + len(deep):]])
            y = block.ln_1(x)
            x = x + block.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
            x = x + block.mlp(block.ln_2(x))
        ends = torch.tensor((prompts.rows >= 0).sum(axis=1) - 1, device=x.device)
        return encoder.ln_final(x)[ends, torch.arange(len(ends), device=x.device)] @ encoder.text_projection

    @property
    def transformer(self) -> nn.Module:
        return self.encoder.transformer

    @property
    def dtype(self) -> torch.dtype:
        return self.encoder.dtype


def make_original(trainer: Any) -> None:
    """Give a trainer the original formulation; the process is this case's own."""
    from trainers.prompting import encoders

    encoders._class_token = lambda x: x  # the image tower goes on with all tokens, and takes the first afterwards
    trainer.model.text_encoder = WholeTextEncoder(trainer.model.text_encoder)

    def over_all_classes(batch: dict[str, torch.Tensor]) -> None:
        image, labels = trainer.parse_batch_train(batch)
        trainer.model_backward_and_update(
            F.cross_entropy(trainer.model(image)[:, labels], torch.arange(len(labels), device=labels.device)))

    if trainer.cfg.TRAINER.NAME in ("CoOp_MAO", "MaPLe_MAO"):  # PromptSRC_MAO scores all classes anyway
        trainer._candidate_step = over_all_classes


@contextlib.contextmanager
def built(method: str, formulation: str, options: argparse.Namespace, precision: str = "fp32",
          pairs: Sequence[str] = ("USE_CUDA", "False")) -> Iterator[Any]:
    """The trainer of a case, with further KEY VALUE pairs of its config."""
    name = {"text": "CoOp", "evaluation": "CoOp"}.get(method, method)
    with tempfile.TemporaryDirectory() as folder, built_in(folder, name, options, pairs, precision) as trainer:
        if formulation == "original":
            make_original(trainer)
        yield trainer


@contextlib.contextmanager
def built_in(folder: str, name: str, options: argparse.Namespace, pairs: Sequence[str],
             precision: str = "fp32") -> Iterator[Any]:
    """A trainer of a random CLIP, which lies in a folder; it prints nothing."""
    with contextlib.redirect_stdout(io.StringIO()):
        resolve_dassl()
        from trainers.running import built_trainer

        case = argparse.Namespace(
            backbone=random_clip(folder, options), precision=precision, depth=min(9, options.layers))
        heads = str((options.width // 64, options.text_width // 64))
        line = [*words(name, options.classes, options.side, folder, case), "MODEL.CLIP.HEADS", heads,
                "MODEL.CLIP.ACTIVATION", "quick_gelu", *pairs]
        with built_trainer(checked_config(train.parse_arguments(line))) as trainer:
            # PromptSRC's teacher is asked before a training; its part is none of a step's.
            getattr(getattr(trainer.model, "prompt_learner", None), "teacher_text_features", None)
            yield trainer


def measure(method: str, formulation: str, options: argparse.Namespace) -> tuple[list[float], float]:
    """CPU seconds of each step and peak memory in MB of one case; the first step, which is not counted, warms up."""
    seconds = seconds_of_steps(method, formulation, options)
    # In an evaluation the first batch is the one with the text features.
    counted = [sum(seconds[:-1]) / options.steps] if method == "evaluation" else seconds[1:]
    return counted, peak_memory_mb("cpu")


def seconds_of_steps(method: str, formulation: str, options: argparse.Namespace,
                     precision: str = "fp32") -> list[float]:
    """CPU seconds, on one thread, of a first step and of ``options.steps`` more."""
    torch.set_num_threads(1)
    with built(method, formulation, options, precision) as trainer:
        trainer.batch_idx, trainer.num_batches = 0, 2  # no step is the last of an epoch
        trainer.set_model_mode("eval" if method == "evaluation" else "train")
        step = step_of(method, formulation, trainer)
        generator, seconds = torch.Generator().manual_seed(0), []
        for _ in range(1 + options.steps):
            batch = {"img": torch.randn(options.images, 3, options.side, options.side, generator=generator),
                     "label": torch.randperm(options.classes, generator=generator)[:options.images]}
            start = time.process_time()
            step(batch)
            seconds.append(time.process_time() - start)
    return seconds


def step_of(method: str, formulation: str, trainer: Any) -> Callable[[dict[str, torch.Tensor]], object]:
    """What is measured, as a function of a batch."""
    model = trainer.model
    if method == "text":
        return lambda batch: model.encode_prompts().sum().backward()
    if method != "evaluation":
        return trainer.forward_backward

    @torch.no_grad()
    def evaluate(batch: dict[str, torch.Tensor]) -> None:
        if formulation == "original":
            model._kept = None
        model(batch["img"].to(trainer.device))

    return evaluate


def random_clip(folder: str, options: argparse.Namespace) -> str:
    """Path of a random CLIP's weights."""
    from trainers.prompting.clip_package import CLIP

    torch.manual_seed(0)
    path = str(Path(folder) / "clip.pt")
    model = CLIP(512, options.side, options.layers, options.width, 16, 77, 49408, options.text_width,
                 options.text_width // 64, options.layers)
    torch.save(model.state_dict(), path)
    return path


def run(options: argparse.Namespace) -> None:
    cases = [(method, formulation) for method in options.methods for formulation in FORMULATIONS]
    found: dict[tuple[str, str], list[tuple[float, float]]] = {case: [] for case in cases}
    for number, case in enumerate(cases * options.rounds, start=1):
        seconds, peak = in_own_process(measure, *case, options)
        found[case].append((median(seconds), peak))
        print(f"{number}/{len(cases) * options.rounds} {' '.join(case)}: {median(seconds):.3f} s, {peak:.0f} MB",
              file=sys.stderr, flush=True)
    table = []
    for method in options.methods:
        medians = {}
        for formulation in FORMULATIONS:
            seconds, peak = (median(values) for values in zip(*found[method, formulation], strict=True))
            medians[formulation] = seconds, peak
            print(json.dumps({"method": method, "classes": options.classes, "images": options.images,
                              "layers": options.layers, "formulation": formulation, "seconds": round(seconds, 4),
                              "peak_mb": round(peak)}), flush=True)
        (theirs, their_peak), (ours, our_peak) = (medians[formulation] for formulation in FORMULATIONS)
        table.append(f"{method:14} {theirs:10.3f} {ours:8.3f} {theirs / ours:6.1f} {their_peak:12.0f} {our_peak:8.0f}")
    print(f"{'CPU seconds':14} {'original':>10} {'ours':>8} {'ratio':>6} {'MB, original':>12} {'ours':>8}")
    print(*table, sep="\n")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
