"""Classify images with a trained run.

    python scripts/predict.py --model-dir RUN photos/ more/cat.jpg --output predictions.csv

The run's folder says which config, class names and CLIP belong to it; its training data are not needed. Images are
files, or folders of any layout. One that cannot be read gets a row with its error.
Exit code 0: all rows are written; 2: something the caller can mend, said in one sentence.
"""
import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from compat.errors import UserError, exit_code
from compat.torch_import import import_torch

from .arguments import check_numbers, run_parser
from .output import check_format, write_predictions

if TYPE_CHECKING:
    from .model import Prediction


def main(argv: list[str] | None = None) -> int:
    debug = "--debug" in (sys.argv if argv is None else argv)
    return exit_code(lambda: run(parse_arguments(argv)), debug)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The flags; UserError if they do not fit."""
    parser = run_parser(__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGES_OR_FOLDERS", help="files, and folders with images")
    parser.add_argument("--output", default="predictions.csv", help="file to write: .csv or .jsonl (predictions.csv)")
    parser.add_argument("--classes", default="", help="file with class names, one a line, in place of the run's")
    parser.add_argument("--truncate", action="store_true", help="cut class names that are too long for the text tower")
    parser.add_argument("--topk", type=int, default=1, help="classes to name for each image, best first (1)")
    parser.add_argument("--probabilities", action="store_true", help="also write the probability of every class")
    parser.add_argument("--features", default="", help="also write features of images and classes to this .npz file")
    parser.add_argument("--batch-size", type=int, default=64, help="images that go through the model together (64)")
    parser.add_argument("--workers", type=int, default=0, help="processes that read images beside this one (0)")
    args = parser.parse_args(argv)
    check_format(args.output)
    if args.features and not args.features.endswith(".npz"):
        raise UserError(f"--features {args.features!r} does not end in .npz: give such a file")
    check_numbers(args, topk=1, batch_size=1, workers=0)
    return args


def run(args: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    import_torch()  # here and not for --help or a wrong flag, like those that need it
    from .images import find_images
    from .loading import load_run
    from .model import Features

    images = find_images(args.images)
    names = read_names(args.classes) if args.classes else None
    model = load_run(args.model_dir, names, args.epoch, args.step, args.backbone, args.truncate)
    features = Features(model) if args.features else None
    topk = min(args.topk, len(model.classnames))
    every = model.classnames if args.probabilities else None
    found = model.predictions(images, len(model.classnames) if args.probabilities else topk, args.batch_size,
                              args.workers, features)
    count, failed = write_predictions(args.output, shown(found, len(images)), topk, every)
    unread = f"; {failed} could not be read, see the column error" if failed else ""
    trained = getattr(model.trainer, "loaded_epoch", None)
    of_epoch = f", prompts of epoch {trained}" if trained else ""
    print(f"{args.output}: {count:,} images, {len(model.classnames):,} classes{of_epoch}{unread}")
    if features is not None:
        features.write(args.features)
        print(f"{args.features}: features of {len(features.paths):,} images and {len(model.classnames):,} classes")


def read_names(path: str) -> list[str]:
    """Class names of a file, one a line; empty lines do not count."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"--classes {path!r} cannot be read ({reason}): give a text file with one name a line"
                        ) from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise UserError(f"--classes {path!r} holds no names: give one a line")
    return names


def shown(found: "Iterator[Prediction]", count: int) -> "Iterator[Prediction]":
    """Predictions with their progress on a terminal."""
    return iter(tqdm(found, "images", count, unit="", disable=not sys.stderr.isatty(), leave=False))
