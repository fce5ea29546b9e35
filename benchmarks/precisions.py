"""A training step and an evaluation in each precision, measured in one call: what bf16 gives on a CPU that has it.

    python -m benchmarks.precisions [--methods CoOp_MAO] [--precisions fp32 bf16 amp] [--classes 100] [--layers 3]

CPU seconds on one thread, with a random CLIP of ViT-B/16's widths, each case in a process of its own, the precisions in
turn. Prints the CPU's flags that bf16 depends on (Linux), and a table with ratios to the first precision.
"""
import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from compat.errors import exit_code

from . import against_originals
from .common import in_own_process

BF16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # of AMD and Intel, of Intel, of Arm


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", default=["CoOp_MAO", "evaluation"], choices=against_originals.METHODS)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "amp"])
    parser.add_argument("--classes", type=int, default=100, help="at least --images")
    parser.add_argument("--images", type=int, default=32, help="in a batch")
    parser.add_argument("--layers", type=int, default=3, help="blocks of each tower")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--width", type=int, default=768, help="of the image tower")
    parser.add_argument("--text-width", type=int, default=512)
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels")
    return parser.parse_args(argv)


def cpu() -> str:
    """Name of the CPU, and which of the flags it has."""
    info = Path("/proc/cpuinfo")
    lines = [line.partition(":") for line in info.read_text().splitlines()] if info.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in lines}
    flags = [flag for flag in BF16_FLAGS if flag in (facts.get("flags") or facts.get("Features") or "").split()]
    return f"{facts.get('model name') or platform.processor()}: {', '.join(flags) or 'no flag for bf16'}"


def measure(method: str, precision: str, options: argparse.Namespace) -> list[float]:
    """CPU seconds of each step; the first, which is not counted, warms up."""
    return against_originals.seconds_of_steps(method, "ours", options, precision)[1:]


def run(options: argparse.Namespace) -> None:
    cases = [(method, precision) for method in options.methods for precision in options.precisions]
    found: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            found[case] += in_own_process(measure, *case, options)
    print(cpu())
    print(f"{'CPU seconds':14} {'precision':10} {'a step':>8} {'ratio':>6}")
    for method, precision in cases:
        seconds = median(found[method, precision])
        ratio = median(found[method, options.precisions[0]]) / seconds
        print(f"{method:14} {precision:10} {seconds:8.3f} {ratio:6.2f}")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
