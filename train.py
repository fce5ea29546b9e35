"""Train and test one method on one data set: the command line of CoOp-family repositories.

    python train.py --root DATA --seed 1 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml \\
        --config-file configs/trainers/CoOp_MAO/mini.yaml --output-dir output/run DATASET.SUBSAMPLE_CLASSES base

A run that was stopped goes on where it was; a finished one (file ``done``) is not run again.
Exit code 0: done; 2: something the caller can mend, said in one sentence (--debug shows the traceback).

What needs torch or Dassl is imported inside functions: after ``main`` has chosen the Dassl, and not for a wrong flag.
"""
import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from yacs.config import CfgNode

from compat import resolve_dassl
from compat.errors import UserError, exit_code

if TYPE_CHECKING:
    from dassl.engine import TrainerX

KEY_OF_FLAG = {
    "root": "DATASET.ROOT", "output_dir": "OUTPUT_DIR", "resume": "RESUME", "seed": "SEED",
    "source_domains": "DATASET.SOURCE_DOMAINS", "target_domains": "DATASET.TARGET_DOMAINS",
    "transforms": "INPUT.TRANSFORMS", "trainer": "TRAINER.NAME", "backbone": "MODEL.BACKBONE.NAME",
    "head": "MODEL.HEAD.NAME",
}
NOT_GIVEN = (None, "", -1)


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    return exit_code(lambda: run(args, resolve_dassl()), args.debug)


def run(args: argparse.Namespace, engine: str) -> None:
    """Do what the command line asks for, unless it is done; ``engine`` says which Dassl is in use."""
    from dassl.utils import collect_env_info, setup_logger

    from experiments.recorder import record_run
    from experiments.run_state import done_key, job_key, mark_done, mark_started, started_key, tests_older_model
    from trainers.running import built_trainer

    cfg = make_config(args)
    check_names(cfg)
    key, finished = job_key(cfg, args), done_key(cfg.OUTPUT_DIR)
    if finished == key and not (args.eval_only and tests_older_model(cfg.OUTPUT_DIR, args.model_dir)):
        print(f"{cfg.OUTPUT_DIR} is done already (delete its file done to run it again)")
        return
    if finished is not None and not args.eval_only:
        raise UserError(f"--output-dir {cfg.OUTPUT_DIR!r} holds a finished run of another configuration: "
                        "give another folder, or delete this one")

    # Most of what can be wrong with the input is found while the trainer is built, before a file is written.
    with built_trainer(cfg) as trainer, no_folder_of_a_refused_run(cfg.OUTPUT_DIR):
        setup_logger(cfg.OUTPUT_DIR)
        print(engine)
        if cfg.VERBOSE:
            print(f"** Config **\n{cfg}\n** Environment **\n{collect_env_info()}\n")
        record_run(trainer, cfg, engine)
        if finished is None and not args.eval_only:
            mark_started(cfg.OUTPUT_DIR, key)
        if not train_or_test(trainer, args):
            return
    # An evaluation in the folder of another run, finished or not, leaves that run's state as it is.
    if finished == key or finished is None and started_key(cfg.OUTPUT_DIR) in (None, key):
        mark_done(cfg.OUTPUT_DIR, key)
    if hasattr(trainer, "remove_train_state"):  # the bundled engine's
        trainer.remove_train_state()


def train_or_test(trainer: "TrainerX", args: argparse.Namespace) -> bool:
    """Do what the flags ask for; False if nothing was to be trained or tested."""
    if args.eval_only:
        trainer.load_model(args.model_dir, epoch=args.load_epoch)
        trainer.test()
    elif not args.no_train:
        trainer.train()
    return args.eval_only or not args.no_train


@contextlib.contextmanager
def no_folder_of_a_refused_run(folder: str) -> Iterator[None]:
    """Delete the output folder if the block made it and was refused before a checkpoint, a state or a result came."""
    fresh = not os.path.exists(folder)
    try:
        yield
    except Exception as error:
        kept = ("*/model*.pth.tar*", "train_state.pth.tar", "results.jsonl")
        if fresh and getattr(error, "exit_code", None) == 2 and not any(any(Path(folder).glob(file)) for file in kept):
            shutil.rmtree(folder, ignore_errors=True)
        raise


# The command line and the config

def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--root", default="", help="folder of the data sets (default: ./data)")
    parser.add_argument("--output-dir", default="", help="folder for checkpoints, log and results")
    parser.add_argument("--resume", default="", help="folder to resume from (default: the output folder)")
    parser.add_argument("--seed", type=int, default=-1, help="non-negative: fixes every random number")
    parser.add_argument("--source-domains", nargs="+", help="source domains, for domain data sets")
    parser.add_argument("--target-domains", nargs="+", help="target domains, for domain data sets")
    parser.add_argument("--transforms", nargs="+", help="train transforms")
    parser.add_argument("--config-file", default="", help="yaml of the trainer")
    parser.add_argument("--dataset-config-file", default="", help="yaml of the data set")
    parser.add_argument("--trainer", default="", help="name of the trainer")
    parser.add_argument("--backbone", default="", help="OpenAI name or path of a CLIP, or Mini/16")
    parser.add_argument("--head", default="", help="name of the head, for classifiers that have one")
    parser.add_argument("--eval-only", action="store_true", help="test only, with the model of --model-dir")
    parser.add_argument("--model-dir", default="", help="output folder of the run to test")
    parser.add_argument("--load-epoch", type=int, help="epoch of the checkpoint to test (default: best, else last)")
    parser.add_argument("--no-train", action="store_true", help="set everything up, train nothing")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs that override the yaml files")
    return parser.parse_args(argv)


def make_config(args: argparse.Namespace) -> CfgNode:
    """The run's frozen config: defaults, data set yaml, trainer yaml, flags, then KEY VALUE pairs.

    Raises:
        UserError: a file is missing or damaged, or a key or value does not exist; the sentence says where it stands.
    """
    from dassl.config import get_cfg_default

    import trainers

    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base or new
    trainers.extend_cfg(cfg)
    for flag, path in (("--dataset-config-file", args.dataset_config_file), ("--config-file", args.config_file)):
        if path and not os.path.isfile(path):
            raise UserError(f"{flag} {path!r}: there is no such file")
        if path:
            merge(f"{flag} {path!r}", cfg.merge_from_file, path)
    for flag, key in KEY_OF_FLAG.items():
        if getattr(args, flag) not in NOT_GIVEN:
            cfg.merge_from_list([key, getattr(args, flag)])
    if len(args.opts) % 2:
        raise UserError(f"the words after the flags must be KEY VALUE pairs, but {args.opts[-1]!r} stands alone")
    for key, value in zip(args.opts[::2], args.opts[1::2], strict=True):
        merge(f"{key} {value}", cfg.merge_from_list, [key, value])
    cfg.freeze()
    return cfg


def merge(source: str, action: Callable[[object], None], argument: object) -> None:
    """Call one of yacs's merges; what it raises becomes a sentence that names the source."""
    try:
        action(argument)
    except KeyError as error:
        raise UserError(f"{source}: {error.args[0]} (the keys are in docs/design.md)") from error
    except (AssertionError, ValueError, TypeError, AttributeError, OSError, yaml.YAMLError) as error:
        raise UserError(f"{source}: {' '.join(str(error).split()) or 'not a config key'}") from error


def check_names(cfg: CfgNode) -> None:
    """Raise UserError, which suggests the nearest name, unless the config's trainer and data set are registered."""
    from dassl.data.datasets import DATASET_REGISTRY
    from dassl.engine import TRAINER_REGISTRY
    from dassl.utils import get_most_similar_str_to_a_from_b

    import datasets  # noqa: F401  registers the data sets

    for what, remedy, name, registry in (
        ("trainer", "--trainer", cfg.TRAINER.NAME, TRAINER_REGISTRY),
        ("data set", "DATASET.NAME (--dataset-config-file)", cfg.DATASET.NAME, DATASET_REGISTRY),
    ):
        known = registry.registered_names()
        if name not in known:
            near = f"did you mean {get_most_similar_str_to_a_from_b(name, known)!r}? " if name else ""
            raise UserError(f"{what} {name!r} is unknown: {near}give {remedy} one of {', '.join(sorted(known))}")


if __name__ == "__main__":
    sys.exit(main())
