"""Operations of a training step: of the original formulation, of ours, and those that cannot be spared.

    python -m benchmarks.flops [--methods CoOp MaPLe PromptSRC] [--classes 500] [--images 32] [--layers 12]

Ours and the original's (``against_originals``) are counted by torch as it goes through the step, on tensors without
content. The floor follows from the definition of the loss. With tokens of width w, 1 multiplication and 1 addition:

    a token in a block   6 w^2 for query, key and value, 2 w^2 for the output, 16 w^2 for the MLP,
                         and 4 w for each token that it attends to
    text tower           the shared prefix once, and of each class the tokens that its name has
    image tower          all patches and prompts; PromptSRC once more without prompts, for its teacher
    last block           keys and values of all tokens, the rest only of the one that is read
    backward             what the forward pass takes, as weights are frozen, and 4 w more in attention, where all sides
                         depend on prompts; nothing for projections of what no prompt lies before (block 0)
"""
import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from compat.errors import exit_code

from . import against_originals
from .common import in_own_process

METHODS = ("CoOp", "MaPLe", "PromptSRC")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    given = sys.argv[1:] if argv is None else argv
    return against_originals.parse_arguments(["--layers", "12", "--methods", *METHODS, *given])


def counted(method: str, formulation: str, options: argparse.Namespace) -> tuple[int, int]:
    """Operations of a step as torch counts them, and the floor; the formulation changes the process for good."""
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    on_cpu = {attention: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
              backward: lambda gradient, q, k, v, *_, **__: sdpa_backward_flop_count(gradient, q, k, v)}
    with against_originals.built(method, formulation, options) as trainer:
        trainer.set_model_mode("train")
        images = torch.empty(options.images, 3, options.side, options.side)
        with FakeTensorMode(allow_non_fake_inputs=True), \
                FlopCounterMode(display=False, custom_mapping=on_cpu) as counter:
            trainer.training_loss(images, torch.arange(options.images))[0].backward()
        return counter.get_total_flops(), floor(method, trainer, options)


def floor(method: str, trainer: Any, options: argparse.Namespace) -> int:
    """Operations of a step that cannot be spared."""
    model, layers = trainer.model, options.layers
    rows = model.prompt_learner.prompts().rows
    lengths = (rows >= 0).sum(axis=1)
    shared = next(position for position, column in enumerate(rows.T) if len(set(column)) > 1)
    suffixes = lengths - shared
    pairs = shared * (shared + 1) // 2 + int((suffixes * shared + suffixes * (suffixes + 1) // 2).sum())
    width, names = options.text_width, int(suffixes.sum())
    total = tower(width, layers, shared + names, pairs, len(rows), int(lengths.sum()), prompted=shared)
    total += 2 * 2 * len(rows) * width * 512  # features, forth and back

    patches, width = (options.side // 16) ** 2, options.width
    embedding = 2 * 3 * 16**2 * width * patches
    prompts = {"CoOp": 0, "MaPLe": model.prompt_learner.n_ctx, "PromptSRC": model.prompt_learner.n_ctx}[method]
    tokens = 1 + patches + prompts
    image = tower(width, layers, tokens, tokens**2, 1, tokens, prompted=prompts)
    if method == "PromptSRC":
        image += tower(width, layers, 1 + patches, (1 + patches)**2, 1, 1 + patches, prompted=0) + embedding
    return total + options.images * (image + embedding + 2 * width * 512)


def tower(width: int, layers: int, tokens: int, pairs: int, read: int, pairs_read: int, prompted: int) -> int:
    """Operations of a tower's blocks.

    Args:
        tokens: of a sequence. pairs: of tokens of which one attends to the other. read: tokens of the last block that
            are read. pairs_read: those of these tokens. prompted: tokens that prompts are in; 0: no backward pass.
    """
    attended = 4 * width * ((layers - 1) * pairs + pairs_read)
    forward = 24 * width**2 * (layers - 1) * tokens + 4 * width**2 * tokens + 20 * width**2 * read + attended
    return forward if not prompted else 2 * forward + attended - 6 * width**2 * (tokens - prompted)


def run(options: argparse.Namespace) -> None:
    print(f"{'10^9 operations':15} {'original':>9} {'ours':>9} {'floor':>9} {'ours / floor':>12}")
    for method in options.methods:
        original, least = in_own_process(counted, method, "original", options)
        ours, _ = in_own_process(counted, method, "ours", options)
        print(f"{method:15} {original / 1e9:9.0f} {ours / 1e9:9.1f} {least / 1e9:9.1f} {ours / least:12.3f}")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
