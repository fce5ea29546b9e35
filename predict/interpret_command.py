"""Say which words the learned vectors of a run's text prompts lie next to.

    python scripts/interpret.py --model-dir RUN --topk 3 --output words.csv

For each vector: the nearest words of CLIP's vocabulary and the words of the hand-written template, with their Euclidean
distances, and the median distance to all words. A vector about as far from its nearest words as from the median one
stands for none of them. "…": the word goes on behind this token.
Exit code 0: done; 2: something the caller can mend, said in one sentence.
"""
import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from compat.errors import exit_code
from compat.files import write_file
from compat.torch_import import import_torch

from .arguments import check_numbers, run_parser
from .output import check_format

if TYPE_CHECKING:
    from .interpret import Vector, Word

COLUMNS = ("layer", "class", "vector", "compared_with", "rank", "token", "text", "distance", "median_distance")


def main(argv: list[str] | None = None) -> int:
    debug = "--debug" in (sys.argv if argv is None else argv)
    return exit_code(lambda: run(parse_arguments(argv)), debug)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The flags; UserError if they do not fit."""
    parser = run_parser(__doc__)
    parser.add_argument("--topk", type=int, default=5, help="words to name for each vector, nearest first (5)")
    parser.add_argument("--output", default="", help="also write all of it to this file: .csv or .jsonl")
    args = parser.parse_args(argv)
    if args.output:
        check_format(args.output)
    check_numbers(args, topk=1)
    return args


def run(args: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    import_torch()  # here and not for --help or a wrong flag, like those that need it
    from .interpret import interpret
    from .loading import load_run

    model = load_run(args.model_dir, None, args.epoch, args.step, args.backbone)
    found = interpret(model, args.topk)
    shift = ", before the meta net adds to it" if getattr(model.trainer.model, "conditional", False) else ""
    print(f"{type(model.trainer).__name__}, prompts of epoch {model.trainer.loaded_epoch}{shift}")
    for (layer, classname), vectors in groupby(found, lambda one: (one.layer, one.classname)):
        of_class = f", class {classname!r}" if classname else ""
        loose = " (hidden states against embeddings of words: a loose comparison)" if layer > 1 else ""
        print(f"\nLayer {layer}{of_class}{loose}\n{table(list(vectors))}")
    if args.output:
        write_file(args.output, (as_csv if Path(args.output).suffix == ".csv" else as_json_lines)(found))
        print(f"\n{args.output}: {len(found):,} vectors")


def table(vectors: "Sequence[Vector]") -> str:
    """A line per vector: its nearest words, the median of all words, and the template's words."""
    heads = ["vector", *(f"{rank}." for rank in range(1, len(vectors[0].nearest) + 1)), "median",
             *(f"to '{word.text}'" for word in vectors[0].zero_shot)]
    rows = [[str(one.number), *(f"{word.text} {word.distance:.3f}" for word in one.nearest), f"{one.median:.3f}",
             *(f"{word.distance:.3f}" for word in one.zero_shot)] for one in vectors]
    return tabulate(rows, heads, disable_numparse=True)


def as_csv(found: "Sequence[Vector]") -> str:
    """A row per vector and word; "rank" is the place in the template where a vector is compared with that."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in found:
        for source, words in (("vocabulary", one.nearest), ("zero-shot", one.zero_shot)):
            rows.writerows([one.layer, one.classname, one.number, source, rank, word.token, word.text,
                            f"{word.distance:.6f}", f"{one.median:.6f}"] for rank, word in enumerate(words, start=1))
    return text.getvalue()


def as_json_lines(found: "Sequence[Vector]") -> str:
    """An object per vector."""
    def listed(words: "Sequence[Word]") -> list[dict[str, object]]:
        return [asdict(word) for word in words]

    return "".join(json.dumps({
        "layer": one.layer, "class": one.classname, "vector": one.number, "median_distance": one.median,
        "nearest": listed(one.nearest), "zero_shot": listed(one.zero_shot)}, ensure_ascii=False) + "\n"
        for one in found)
