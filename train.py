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
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from yacs.config import CfgNode

from compat import resolve_dassl
from compat.errors import UserError, exit_code, naming
from compat.files import remove_temporary_files
from compat.run_config.merge import merge_mapping, set_key
from compat.run_config.values import check_values
from compat.run_config.words import Parser
from compat.run_config.yaml_file import read_yaml

if TYPE_CHECKING:
    from dassl.engine import TrainerX

    from runs.model_facts import ModelFacts
    from runs.state import Run

KEY_OF_FLAG = {
    "root": "DATASET.ROOT", "output_dir": "OUTPUT_DIR", "resume": "RESUME", "seed": "SEED",
    "source_domains": "DATASET.SOURCE_DOMAINS", "target_domains": "DATASET.TARGET_DOMAINS",
    "transforms": "INPUT.TRANSFORMS", "trainer": "TRAINER.NAME", "backbone": "MODEL.BACKBONE.NAME",
    "head": "MODEL.HEAD.NAME",
}
NOT_GIVEN = (None, "", -1)


def main(argv: list[str] | None = None) -> int:
    debug = "--debug" in (sys.argv if argv is None else argv)
    return exit_code(lambda: run(parse_arguments(argv), resolve_dassl()), debug)


def run(args: argparse.Namespace, engine: str) -> None:
    """Do what the command line asks for, unless it is done; ``engine`` says which Dassl is in use."""
    from dassl.utils import collect_env_info, setup_logger

    from runs.lock import locked
    from runs.model_facts import write_facts
    from runs.recorder import record_run
    from runs.state import key_in, mark_done, write_run
    from trainers.running import built_trainer

    cfg = make_config(args)
    check_names(cfg)
    folder = cfg.OUTPUT_DIR
    if is_done(cfg, args):
        print(f"{folder} is done already (delete its file done to run it again)")
        return
    # Most of what can be wrong with the input is found while the trainer is built, before a file is written.
    with (locked(folder) as made, no_trace_of_a_refused_run(folder, made),
          built_trainer(cfg, trains=not args.eval_only) as trainer):
        described = checked_run(trainer, cfg, args)
        remove_temporary_files(folder)  # of a killed run; a test has nothing else that does
        setup_logger(folder)
        print(engine)
        if cfg.VERBOSE:
            print(f"** Config **\n{cfg}\n** Environment **\n{collect_env_info()}\n")
        if not (args.eval_only or not args.no_train):
            return
        key = described.identity.digest
        if key_in(folder) is None:
            write_run(folder, described)
        if not args.model_dir:  # else the folder is not of a model, but of a test
            write_facts(folder, facts_of_model(trainer, cfg))
        record_run(trainer, cfg, engine, described)
        train_or_test(trainer, args)
        # A test in the folder of another run, finished or not, leaves that run's state as it is.
        if key_in(folder) == key:
            mark_done(folder, key)
            if hasattr(trainer, "remove_train_state"):  # the bundled engine's
                trainer.remove_train_state()


def is_done(cfg: CfgNode, args: argparse.Namespace) -> bool:
    """Whether the output folder holds this very run, finished, and nothing that it tests has changed since."""
    from runs.state import done_key, job_key, tests_older_model

    finished = done_key(cfg.OUTPUT_DIR)
    return (finished is not None and finished == job_key(cfg, args)
            and not (args.eval_only and tests_older_model(cfg.OUTPUT_DIR, args.model_dir)))


def checked_run(trainer: "TrainerX", cfg: CfgNode, args: argparse.Namespace) -> "Run":
    """Which run this is; UserError if it contradicts the folders that it names, or would be recorded as what it is not.
    """
    from runs.claims import check_classes, check_output, check_resumed, check_tested
    from runs.data import data_on_disk
    from runs.identity import UNVERIFIED
    from runs.state import Run, identity_of_command, parent_folder, read_run

    identity = identity_of_command(cfg, args, data_on_disk(cfg))
    label = getattr(trainer.dm.dataset, "label", cfg.DATASET.NAME)
    parent = parent_folder(cfg, args)
    run = read_run(parent) if parent else None
    origin = "verified" if not parent else UNVERIFIED if run is None else run.origin
    if args.eval_only:
        if parent:
            check_tested(parent, run, cfg, identity, label)
            if specific := getattr(trainer, "class_specific", ""):
                check_classes(parent, specific, trainer.dm.dataset.classnames)
        return Run(identity, origin, label)
    learns = bool(trainer.get_model_names()) and not args.no_train
    if learns and identity.classes == "new" and not identity.stage:  # MAO has a sentence of its own
        raise UserError("DATASET.SUBSAMPLE_CLASSES new would train on the labels of the new classes: train on base, "
                        "then test on new with --eval-only and --model-dir")
    if learns and getattr(trainer.dm.dataset, "test_only", False):
        raise UserError(f"{label} has test images alone, and a run would be tested on what it was trained on: train on "
                        "another data set, then test on this one with --eval-only and --model-dir")
    check_output(cfg.OUTPUT_DIR, identity)
    if cfg.RESUME:
        origin = check_resumed(cfg.RESUME, identity)
    return Run(identity, origin, label)


def facts_of_model(trainer: "TrainerX", cfg: CfgNode) -> "ModelFacts":
    """What has to be known to use the model without its data."""
    from runs.model_facts import ModelFacts
    from runs.state import stage_of
    from trainers.prompting.clip_files import absolute_name

    dataset = trainer.dm.dataset
    base_run = cfg.MAO.BASE_DIR if stage_of(cfg) == "new" else ""
    return ModelFacts(list(dataset.classnames), getattr(dataset, "template", ""),
                      absolute_name(cfg.MODEL.BACKBONE.NAME), base_run)


def train_or_test(trainer: "TrainerX", args: argparse.Namespace) -> None:
    """Do what the flags ask for."""
    if args.eval_only:
        trainer.load_model(args.model_dir, epoch=args.load_epoch)
        trainer.test()
    else:
        trainer.train()


@contextlib.contextmanager
def no_trace_of_a_refused_run(folder: str, made: list[str]) -> Iterator[None]:
    """Delete what the block wrote if it was refused before a checkpoint, a state or a result came.

    Args:
        folder: the output folder. made: folders that were made for the run, outermost first.
    """
    from runs.model_facts import MODEL_FILE
    from runs.state import RUN_FILE

    fresh = [path for path in (Path(folder) / name for name in (RUN_FILE, MODEL_FILE, "log.txt")) if not path.exists()]
    try:
        yield
    except Exception as error:
        kept = ("*/model*.pth.tar*", "train_state.pth.tar", "results.jsonl")
        if getattr(error, "exit_code", None) == 2 and not any(any(Path(folder).glob(file)) for file in kept):
            if made:
                shutil.rmtree(made.pop(), ignore_errors=True)
                with contextlib.suppress(OSError):  # another run may have come into one of them
                    while made:
                        os.rmdir(made.pop())
            for path in fresh:
                path.unlink(missing_ok=True)
        raise


# The command line and the config

def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The flags, and ``opts``, the words of KEY VALUE pairs; UserError if they do not fit together."""
    parser = Parser(description=__doc__.split("\n\n")[0], allow_abbrev=False,
                    epilog="KEY VALUE pairs of the config may follow; they override the yaml files.")
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
    parser.add_argument("--backbone", default="", help="a CLIP: name or path, as in docs/weights.md")
    parser.add_argument("--head", default="", help="name of the head, for classifiers that have one")
    parser.add_argument("--eval-only", action="store_true", help="test only, with the model of --model-dir")
    parser.add_argument("--model-dir", default="", help="output folder of the run to test")
    parser.add_argument("--load-epoch", type=int, help="epoch of the checkpoint to test (default: best, else last)")
    parser.add_argument("--no-train", action="store_true", help="set everything up, train nothing")
    parser.add_argument("--no-cache", action="store_true",
                        help="encode all test images, whatever is kept of them (TEST.FEATURE_CACHE_MB 0)")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    args = parser.parse(argv)
    for flag in ("model_dir", "load_epoch"):
        if getattr(args, flag) not in NOT_GIVEN and not args.eval_only:
            raise UserError(f"--{flag.replace('_', '-')} is for a test: add --eval-only, or leave it out")
    if args.eval_only and (args.no_train or args.resume):
        raise UserError(f"--eval-only and --{'no-train' if args.no_train else 'resume'} contradict each other: leave "
                        "one out")
    if args.load_epoch is not None and args.load_epoch < 0:
        raise UserError(f"--load-epoch {args.load_epoch} is no epoch: give one that has a checkpoint")
    return args


def make_config(args: argparse.Namespace) -> CfgNode:
    """The run's frozen config: defaults, data set yaml, trainer yaml, flags, then KEY VALUE pairs.

    Raises:
        UserError: a file is missing or damaged, or a key or value does not exist; the sentence says where it stands.
    """
    from dassl.config import get_cfg_default

    import trainers
    from datasets.config import extend_cfg
    from trainers.mao.config import OF_STEP_2

    cfg = get_cfg_default()
    extend_cfg(cfg)
    trainers.extend_cfg(cfg)
    for flag, path in (("--dataset-config-file", args.dataset_config_file), ("--config-file", args.config_file)):
        if path:
            with naming(f"{flag} {path!r}"):
                merge_mapping(cfg, read_yaml(path))
    for flag, key in KEY_OF_FLAG.items():
        if getattr(args, flag) not in NOT_GIVEN:
            with naming(f"--{flag.replace('_', '-')}"):
                set_key(cfg, key, getattr(args, flag))
    for key, value in zip(args.opts[::2], args.opts[1::2], strict=True):
        set_key(cfg, key, value)
    if args.no_cache:
        set_key(cfg, "TEST.FEATURE_CACHE_MB", 0)
    check_values(cfg, {f"MAO.NEW.{key}": place for key, place in OF_STEP_2.items()})
    cfg.freeze()
    return cfg


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
