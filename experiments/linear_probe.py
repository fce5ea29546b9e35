"""Fit and test a linear probe of CLIP, the field's few-shot baseline.

    python scripts/linear_probe.py --root DATA --dataset-config-file configs/datasets/pictograms.yaml --shots 16

It is train.py with the trainer LinearProbe, its setting for the data set, and the folder that few-shot sweeps use, so
that tables find it and a finished run is not run again. scripts/linearprobe/few_shot.sh runs 1, 2, 4, 8 and 16 shots.
Exit code 0: done; 2: something the caller can mend, said in one sentence.
"""
import argparse
import os
from pathlib import Path

import train
from compat.errors import exit_code
from compat.run_config.words import Parser

from .catalogue import ROOT, setting

METHOD = "LinearProbe"


def main(argv: list[str] | None = None) -> int:
    words: list[str] = []
    return exit_code(lambda: words.extend(words_of_train(argv))) or train.main(words)


def words_of_train(argv: list[str] | None = None) -> list[str]:
    """The command line of train.py that one of this script stands for; UserError if the flags do not fit."""
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="scripts/linear_probe.py", description=summary, allow_abbrev=False,
                    epilog=f"{rest}KEY VALUE pairs of the config may follow: TRAINER.LINEARPROBE.C 0.1 takes the place "
                           "of the choice on validation images.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset-config-file", required=True, help="yaml of the data set")
    parser.add_argument("--root", default="", help="folder of the data sets (default: $DATA, else ./data)")
    parser.add_argument("--seed", type=int, default=1, help="of the few-shot draw (1)")
    parser.add_argument("--shots", type=int, default=16, help="training images per class (16); -1: all")
    parser.add_argument("--config-file", default="", help="yaml of the CLIP (default: the data set's in the tables)")
    parser.add_argument("--output-dir", default="", help="output folder (default: a few-shot sweep's, in $OUTPUT)")
    args = parser.parse(argv)
    data = Path(args.dataset_config_file).stem
    chosen = setting(METHOD, data)
    config = args.config_file or str(ROOT / f"configs/trainers/{METHOD}/{chosen.yaml}.yaml")
    name = Path(config).stem
    root = args.root or os.environ.get("DATA", "")
    below = os.environ.get("OUTPUT") or "output"
    output = args.output_dir or f"{below}/{data}/{METHOD}/{name}_{args.shots}shots/seed{args.seed}"
    return ["--trainer", METHOD, "--dataset-config-file", args.dataset_config_file, "--config-file", config,
            "--seed", str(args.seed), "--output-dir", output, *(["--root", root] if root else []),
            "DATASET.NUM_SHOTS", str(args.shots), *args.opts]
