"""Run what a table of the paper needs, as far as it has not been run, and print the table.

    python -m experiments.sweep table1 --demo
    python -m experiments.sweep table1 --engine ray --jobs 2 --methods CoOp CoOp_MAO --seeds 1 OPTIM.MAX_EPOCH 2

DATA and OUTPUT in the environment name the folder of the data sets (./data) and of everything that is written (output;
output/demo with --demo). Exit code 0: all done; 1: a job failed; 2: something the caller can mend, in one sentence.
"""
import argparse
import os
import re
import sys

from compat import resolve_dassl
from compat.errors import UserError

from .ablations import PARTS
from .methods import DATASETS, DEMO_SOURCE, METHODS, ROOT, check_known
from .tables import TABLES, print_table

ENGINES = ("none", "ray")
SEEDS = (1, 2, 3)
CONFIG_KEY = re.compile(r"[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+")  # the first such word begins the KEY VALUE pairs


def parse_arguments(argv=None):
    parser = argparse.ArgumentParser(prog="python -m experiments.sweep", description=__doc__.split("\n\n")[0],
                                     allow_abbrev=False)
    parser.add_argument("table", choices=TABLES,
                        help="; ".join(f"{name}: {TABLES[name].title}" for name in TABLES))
    parser.epilog = "KEY VALUE pairs of the config may follow; they hold for every run."
    parser.add_argument("--demo", action="store_true", help="bundled data sets and CLIP, on a CPU")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and their count, run nothing")
    parser.add_argument("--methods", nargs="+", help=f"of {' '.join(METHODS)} (default: those of the table)")
    parser.add_argument("--datasets", nargs="+",
                        help="names of files in configs/datasets (default: those of the table)")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 1 2 3; 1 for --demo of few_shot and ablation")
    parser.add_argument("--shots", type=int, default=16, help="training images a class")
    parser.add_argument("--parts", nargs="+", help=f"ablation only: some of {' '.join(PARTS)}")
    parser.add_argument("--engine", choices=ENGINES, default="none", help="none: one after another; ray: in parallel")
    parser.add_argument("--jobs", type=int, default=0, help="ray: how many at once on this machine (default: as many "
                                                            "as its cores and GPUs allow)")
    parser.add_argument("--address", default="", help="ray: address of a cluster, for example auto")
    parser.add_argument("--cpus", type=float, default=1.0, help="ray: cores a job takes (fractions are allowed)")
    parser.add_argument("--gpus", type=float, help="ray: GPUs a job takes (default: 1 where there is one, else 0)")
    words = sys.argv[1:] if argv is None else list(argv)
    begin = next((k for k, word in enumerate(words) if CONFIG_KEY.fullmatch(word)), len(words))
    args = parser.parse_args(words[:begin])
    args.pairs = words[begin:]
    return args


def check(args):
    """Raise UserError for arguments that do not fit together."""
    for word in args.pairs:
        if word.startswith("--"):
            raise UserError(f"{word!r} stands behind KEY VALUE pairs, which go on to the end: put it before them")
    if args.engine != "ray" and (args.jobs > 1 or args.address):
        raise UserError(f"--{'address' if args.address else 'jobs'} needs --engine ray: --engine none runs one job "
                        "after another")
    if args.address and args.jobs:
        raise UserError("--jobs is for Ray on this machine: on a cluster --cpus and --gpus say how many jobs fit")
    if args.jobs < 0 or args.cpus <= 0 or (args.gpus or 0) < 0:
        raise UserError(f"--jobs {args.jobs}, --cpus {args.cpus:g}, --gpus {args.gpus}: give positive numbers")
    if args.shots < 1 or min(args.seeds or [1]) < 0:
        raise UserError(f"--shots {args.shots}, --seeds {' '.join(map(str, args.seeds or []))}: give at least one "
                        "shot, and seeds that are not negative")
    if args.parts and args.table != "ablation":
        raise UserError("--parts is for the ablations alone")


def options_of(args):
    """Options of the protocols, from the command line and the environment."""
    from .protocols import Options

    table = TABLES[args.table]
    known = sorted(path.stem for path in (ROOT / "configs" / "datasets").glob("*.yaml"))
    methods = args.methods or list(table.methods)
    seeds = args.seeds or list(table.demo_seeds if args.demo else SEEDS)
    datasets = args.datasets or list(table.demo_datasets() if args.demo else table.datasets)
    if not datasets:
        raise UserError(f"{args.table} --demo: no bundled data sets to test on in configs/datasets; give --datasets")
    check_known("--methods", methods, METHODS)
    check_known("--datasets", datasets, known)
    return Options(
        methods=list(dict.fromkeys(methods)), datasets=list(dict.fromkeys(datasets)),
        seeds=list(dict.fromkeys(seeds)), source=DEMO_SOURCE if args.demo else DATASETS[0], shots=args.shots,
        root=os.environ.get("DATA") or "./data",
        output=os.environ.get("OUTPUT") or ("output/demo" if args.demo else "output"), pairs=args.pairs)


def run(args):
    check(args)
    options = options_of(args)
    resolve_dassl()
    import datasets  # noqa: F401  registers the data sets

    from .data import prepare_data
    from .job import DONE
    from .plan import make_plan, summary

    table = TABLES[args.table]
    jobs = make_plan(table.jobs(options, *([args.parts] if args.parts else [])))
    left = [job for job in jobs if job.state != DONE]
    if args.dry_run:
        for job in left:
            print(job.command(os.path.basename(sys.executable)))
    print(summary(jobs), flush=True)
    if args.dry_run:
        return 0
    prepare_data(sorted({job.dataset for job in left}), options.root)
    troubles = run_jobs(args, left, options.output) if left else []
    code, written = print_table(table, [job.folder for job in jobs if os.path.isdir(job.folder)], options.output,
                                args.table)
    if written:
        print(f"\nAlso written: {', '.join(written)}")
    if troubles:
        print("\nNot done:", *troubles, "The same command tries these again.", sep="\n  ", file=sys.stderr)
        return 1
    return code


def run_jobs(args, jobs, output):
    """Run jobs with the engine that was asked for; lines that name what failed or was skipped."""
    import torch

    from . import engine_none, engine_ray
    from .progress import Progress

    has_gpu = torch.cuda.is_available()
    gpus = float(has_gpu) if args.gpus is None else args.gpus
    environment = {"PYTHONUNBUFFERED": "1"}
    if "OMP_NUM_THREADS" not in os.environ and (args.engine == "ray" or not has_gpu) and gpus == 0:
        environment["OMP_NUM_THREADS"] = "1"  # threads of several jobs that share cores wait for each other
    progress = Progress(jobs)
    try:
        if args.engine == "ray":
            engine_ray.run(jobs, output, environment, progress, args.address, args.jobs, args.cpus, gpus)
        else:
            engine_none.run(jobs, output, environment, progress)
    finally:
        progress.close()
    return progress.troubles()


def main(argv=None):
    args = parse_arguments(argv)
    try:
        return run(args)
    except KeyboardInterrupt:
        print("\nstopped; what is finished stays finished, and the same command goes on with the rest", file=sys.stderr)
        return 130
    except Exception as error:
        if getattr(error, "exit_code", None) != 2:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    os.chdir(ROOT)  # as the scripts do: relative paths are relative to the repository
    sys.exit(main())
