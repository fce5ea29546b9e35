"""Run what a table of the paper needs, as far as it has not been run, and print the table.

    python -m experiments.sweep table1 --demo
    python -m experiments.sweep table1 --engine ray --jobs 2 --methods CoOp CoOp_MAO --seeds 1 OPTIM.MAX_EPOCH 2

DATA and OUTPUT in the environment name the folder of the data sets (./data) and of everything that is written (output;
output/demo with --demo). Exit code 0: all done; 1: a job failed; 2: something the caller can mend, in one sentence.
"""
import argparse
import os
import sys
from collections.abc import Sequence

from compat import resolve_dassl
from compat.errors import UserError, exit_code
from compat.run_config.words import Parser
from experiments.catalogue import DATASETS, DEMO_SOURCE, LABELLERS, PAPER_SOURCE, ROOT, WITH_CONTROLS, by_default

from .ablations import PARTS
from .job import DONE, Job
from .options import Options, check_known, dataset_configs, split_pairs
from .tables import TABLES, print_table

SEEDS = (1, 2, 3)


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line; ``pairs`` are the KEY VALUE pairs behind them.

    Raises:
        UserError: words that it does not know, or that do not fit together.
    """
    parser = Parser(prog="python -m experiments.sweep", description=(__doc__ or "").split("\n\n")[0],
                    epilog="KEY VALUE pairs of the config may follow; they hold for every run.", allow_abbrev=False)
    parser.add_argument("table", choices=TABLES, help="; ".join(f"{name}: {TABLES[name].title}" for name in TABLES))
    parser.add_argument("--demo", action="store_true", help="bundled data sets and CLIP, on a CPU")
    parser.add_argument("--short", action="store_true",
                        help="one seed, two epochs, in a folder that ends in _short: shows that everything works")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and their count, run nothing")
    parser.add_argument("--methods", nargs="+", help=f"of {' '.join(WITH_CONTROLS)} (default: those of the table)")
    parser.add_argument("--all", action="store_true",
                        help="all methods that tables have by default, and their controls")
    parser.add_argument("--datasets", nargs="+",
                        help="names of files in configs/datasets (default: those of the table)")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 1 2 3; 1 for --demo of few_shot and ablation")
    parser.add_argument("--shots", type=int, default=16, help="training images per class")
    parser.add_argument("--pseudo-labels", choices=LABELLERS, default="",
                        help="labeller of step 2: zero-shot CLIP, or step 1's prompts (default: each method's own)")
    parser.add_argument("--parts", nargs="+", help=f"ablation only: some of {' '.join(PARTS)}")
    parser.add_argument("--engine", choices=("none", "ray"), default="none",
                        help="none: one after another; ray: in parallel")
    parser.add_argument("--jobs", type=int, default=0, help="ray: how many at once on this machine (default: as many "
                                                            "as its cores and GPUs allow)")
    parser.add_argument("--address", default="", help="ray: address of a cluster, for example auto")
    parser.add_argument("--cpus", type=float, default=1.0, help="ray: cores a job takes (fractions are allowed)")
    parser.add_argument("--gpus", type=float, help="ray: GPUs a job takes (default: 1 where there is one, else 0)")
    words, pairs = split_pairs(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(words)
    args.pairs = pairs
    check(args)
    return args


def check(args: argparse.Namespace) -> None:
    """Raise UserError for arguments that do not fit together."""
    for word in args.pairs:
        if word.startswith("--"):
            raise UserError(f"{word!r} stands behind KEY VALUE pairs, which go on to the end: put it before them")
    if args.engine != "ray" and (args.jobs > 1 or args.address):
        raise UserError(f"--{'address' if args.address else 'jobs'} needs --engine ray: --engine none runs one job "
                        "after another")
    if args.address and args.jobs:
        raise UserError("--jobs is for Ray on this machine: on a cluster --cpus and --gpus say how many jobs fit")
    if not (0 <= args.jobs <= 10**4 and 0 < args.cpus <= 10**4 and 0 <= (args.gpus or 0) <= 10**4):  # nan is neither
        raise UserError(f"--jobs {args.jobs}, --cpus {args.cpus:g}, --gpus {args.gpus}: give positive numbers up to "
                        "10000")
    if not 1 <= args.shots <= 10**6 or not all(0 <= seed < 2**32 for seed in args.seeds or []):
        raise UserError(f"--shots {args.shots}, --seeds {' '.join(map(str, args.seeds or []))}: give at least one "
                        "shot, and seeds from 0 to 4294967295")
    if args.parts and args.table != "ablation":
        raise UserError("--parts is for the ablations alone")
    if args.pseudo_labels and not TABLES[args.table].has_step_2:
        raise UserError(f"--pseudo-labels {args.pseudo_labels} is for step 2, which {args.table} does not have: leave "
                        "it out")


def options_of(args: argparse.Namespace) -> Options:
    """Options of the protocols, from the command line and the environment."""
    table = TABLES[args.table]
    methods = args.methods or (list(filter(by_default, table.known_methods)) if args.all else table.methods)
    datasets = args.datasets or (table.demo_datasets if args.demo else table.datasets)
    seeds = args.seeds or (SEEDS[:1] if args.short else table.demo_seeds if args.demo else SEEDS)
    output = os.environ.get("OUTPUT") or ("output/demo" if args.demo else table.output)
    check_known("--methods", methods, table.known_methods)
    check_known("--datasets", datasets, dataset_configs())
    return Options(
        methods=list(dict.fromkeys(methods)), datasets=list(dict.fromkeys(datasets)), seeds=list(dict.fromkeys(seeds)),
        source=DATASETS[DEMO_SOURCE if args.demo else PAPER_SOURCE].config, shots=args.shots,
        pseudo_labels=args.pseudo_labels,
        root=os.environ.get("DATA") or "./data", output=f"{output}_short" if args.short else output,
        pairs=["OPTIM.MAX_EPOCH", "2", "MAO.NEW.MAX_EPOCH", "0", *args.pairs] if args.short else args.pairs)


def run(args: argparse.Namespace) -> int:
    options = options_of(args)
    resolve_dassl()
    import datasets  # noqa: F401  registers the data sets; like those below, once a Dassl was found

    from .data import prepare_data
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
    folders = [job.folder for job in jobs if os.path.isdir(job.folder)]
    code = print_table(table, folders, options.output, args.table) if folders else 0
    if troubles:
        print("\nNot done:", *troubles, "The same command tries these again.", sep="\n  ", file=sys.stderr)
        return 1
    return code


def run_jobs(args: argparse.Namespace, jobs: Sequence[Job], output: str) -> list[str]:
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


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    os.chdir(ROOT)  # as the scripts do: relative paths are relative to the repository
    sys.exit(main())
