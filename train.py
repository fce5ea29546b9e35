"""Train and test one method on one data set: the command line of CoOp-family repositories.

    python train.py --root DATA --seed 1 --trainer CoOp_MAO --dataset-config-file configs/datasets/pictograms.yaml \\
        --config-file configs/trainers/CoOp_MAO/mini_base.yaml --output-dir output/run DATASET.SUBSAMPLE_CLASSES base

A run that was stopped goes on where it was; a finished one (file ``done``) is not run again.
Exit code 0: done; 2: something the caller can mend, said in one sentence (--debug shows the traceback).
"""
import argparse
import os
import shutil
import sys
from pathlib import Path

from compat import resolve_dassl
from compat.errors import UserError, exit_code


def parse_arguments(argv=None):
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


def make_config(args):
    """The run's frozen config: defaults, data set yaml, trainer yaml, flags, then KEY VALUE pairs."""
    from dassl.config import get_cfg_default

    import trainers

    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base or new
    trainers.extend_cfg(cfg)
    for flag, path in (("--dataset-config-file", args.dataset_config_file), ("--config-file", args.config_file)):
        if path:
            merge_file(cfg, flag, path)
    for key, value in (
        ("DATASET.ROOT", args.root),
        ("OUTPUT_DIR", args.output_dir),
        ("RESUME", args.resume),
        ("SEED", args.seed if args.seed >= 0 else None),
        ("DATASET.SOURCE_DOMAINS", args.source_domains),
        ("DATASET.TARGET_DOMAINS", args.target_domains),
        ("INPUT.TRANSFORMS", args.transforms),
        ("TRAINER.NAME", args.trainer),
        ("MODEL.BACKBONE.NAME", args.backbone),
        ("MODEL.HEAD.NAME", args.head),
    ):
        if value not in (None, ""):
            cfg.merge_from_list([key, value])
    if len(args.opts) % 2:
        raise UserError(f"the words after the flags must be KEY VALUE pairs, but {args.opts[-1]!r} stands alone")
    for key, value in zip(args.opts[::2], args.opts[1::2]):
        merge(f"{key} {value}", lambda: cfg.merge_from_list([key, value]))
    cfg.freeze()
    return cfg


def merge_file(cfg, flag, path):
    if not os.path.isfile(path):
        raise UserError(f"{flag} {path!r}: there is no such file")
    merge(f"{flag} {path!r}", lambda: cfg.merge_from_file(path))


def merge(source, action):
    """Run one merge of yacs; what it raises becomes a sentence that names the source."""
    import yaml

    try:
        action()
    except KeyError as error:
        raise UserError(f"{source}: {error.args[0]} (the keys are in docs/design.md)") from error
    except (AssertionError, ValueError, TypeError, AttributeError, OSError, yaml.YAMLError) as error:
        raise UserError(f"{source}: {' '.join(str(error).split()) or 'not a config key'}") from error


def check_names(cfg):
    """Say what is wrong with a name before anything is built."""
    from dassl.data.datasets import DATASET_REGISTRY
    from dassl.engine import TRAINER_REGISTRY
    from dassl.utils import get_most_similar_str_to_a_from_b

    for what, remedy, name, registry in (
        ("trainer", "--trainer", cfg.TRAINER.NAME, TRAINER_REGISTRY),
        ("data set", "DATASET.NAME (--dataset-config-file)", cfg.DATASET.NAME, DATASET_REGISTRY),
    ):
        known = registry.registered_names()
        if name not in known:
            near = f"did you mean {get_most_similar_str_to_a_from_b(name, known)!r}? " if name else ""
            raise UserError(f"{what} {name!r} is unknown: {near}give {remedy} one of {', '.join(sorted(known))}")


def run(args, engine):
    from dassl.engine import build_trainer
    from dassl.utils import collect_env_info, set_random_seed, setup_logger

    import datasets  # noqa: F401  registers the data sets
    from experiments.recorder import record_run
    from experiments.run_state import done_key, job_key, mark_done, mark_started, started_key, tests_older_model

    cfg = make_config(args)
    check_names(cfg)
    key = job_key(cfg, args)
    finished = done_key(cfg.OUTPUT_DIR)
    if finished == key and not (args.eval_only and tests_older_model(cfg.OUTPUT_DIR, args.model_dir)):
        print(f"{cfg.OUTPUT_DIR} is done already (delete its file done to run it again)")
        return
    if finished is not None and not args.eval_only:
        raise UserError(f"--output-dir {cfg.OUTPUT_DIR!r} holds a finished run of another configuration: "
                        "give another folder, or delete this one")

    leave_cores_to_workers(cfg)
    if cfg.SEED >= 0:
        set_random_seed(cfg.SEED)
    trainer = build_trainer(cfg)  # most of what can be wrong with the input is found before a file is written
    fresh = not os.path.exists(cfg.OUTPUT_DIR)
    setup_logger(cfg.OUTPUT_DIR)
    try:
        print(engine)
        if cfg.VERBOSE:
            print(f"** Config **\n{cfg}\n** Environment **\n{collect_env_info()}\n")
        record_run(trainer, cfg, engine)
        if finished is None and not args.eval_only:
            mark_started(cfg.OUTPUT_DIR, key)
        if not train_and_test(trainer, args):
            return
    except Exception as error:
        if fresh and getattr(error, "exit_code", None) == 2:
            remove_if_nothing_came_of_it(cfg.OUTPUT_DIR)
        raise
    finally:
        stop_workers(trainer)
    if finished == key or finished is None and started_key(cfg.OUTPUT_DIR) in (None, key):
        mark_done(cfg.OUTPUT_DIR, key)
    if hasattr(trainer, "remove_train_state"):
        trainer.remove_train_state()


def leave_cores_to_workers(cfg):
    """On a CPU, compute on as many threads as the loader's workers leave cores; OMP_NUM_THREADS overrides.

    Threads that share cores with the workers wait for each other: many times slower on few cores.
    """
    import torch

    if not (cfg.USE_CUDA and torch.cuda.is_available()) and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - cfg.DATALOADER.NUM_WORKERS)
                              if hasattr(os, "sched_getaffinity") else 1)


def train_and_test(trainer, args):
    """Do what the flags ask for; False if nothing was to be trained or tested."""
    if args.eval_only:
        trainer.load_model(args.model_dir, epoch=args.load_epoch)
        trainer.test()
    elif not args.no_train:
        trainer.train()
    return args.eval_only or not args.no_train


def stop_workers(trainer):
    """End the worker processes of a trainer's loaders.

    Left to the garbage collector, which may close their queues first, each would be waited for in vain for 5 s.
    """
    from torch.utils.data import DataLoader

    for loader in list(vars(trainer).values()):
        if isinstance(loader, DataLoader) and getattr(loader, "_iterator", None) is not None:
            loader._iterator = None  # of persistent workers; its end stops them


def remove_if_nothing_came_of_it(folder):
    """Delete an output folder that a refused run made, unless it holds a checkpoint, a state or a result."""
    kept = ("*/model*.pth.tar*", "train_state.pth.tar", "results.jsonl")
    if not any(next(Path(folder).glob(pattern), None) for pattern in kept):
        shutil.rmtree(folder, ignore_errors=True)


def main(argv=None):
    args = parse_arguments(argv)
    return exit_code(lambda: run(args, resolve_dassl()), args.debug)


if __name__ == "__main__":
    sys.exit(main())
