"""Choose the settings of methods on validation images; run what is left of the trials, and print the table of them.

    python -m experiments.tuning --methods CoOp CoOp_MAO --datasets pictograms --trials 8 --seeds 1 2

Each trial trains on the base classes, and with MAO also in step 2, as the tables' runs do; it is scored on all
validation images of base and new classes, and on no test image. A second call goes on where the first one stopped; more
trials or seeds add to those that are done. Calls with different methods may run side by side with one output folder; a
last call with all of them then prints one table.
DATA and OUTPUT in the environment name the folder of the data sets (./data) and of everything that is written
(output/tuning). Exit code 0: all done; 1: a run failed; 2: something the caller can mend, in one sentence.
"""
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from compat import resolve_dassl
from compat.errors import UserError, exit_code
from compat.files import write_file
from compat.run_config.words import Parser
from experiments.catalogue import DATASETS, DEMO_SOURCE, METHODS, ROOT, by_default
from experiments.sweep.__main__ import check, run_jobs
from experiments.sweep.job import DONE
from experiments.sweep.options import Options, check_known, dataset_configs, split_pairs

from .trials import Trial, jobs_of, make_trials

TRAINED = [name for name, method in METHODS.items() if method.trains and not method.few_shot_alone]


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line; ``pairs`` are the KEY VALUE pairs behind them.

    Raises:
        UserError: words that it does not know, or that do not fit together.
    """
    parser = Parser(prog="python -m experiments.tuning", description=(__doc__ or "").split("\n\n")[0],
                    epilog="KEY VALUE pairs of the config may follow; they hold for every run.", allow_abbrev=False)
    parser.add_argument("--methods", nargs="+", default=list(filter(by_default, TRAINED)),
                        help=f"of {' '.join(TRAINED)} (default: those that tables have by default)")
    parser.add_argument("--datasets", nargs="+", default=[DATASETS[DEMO_SOURCE].config],
                        help="names of files in configs/datasets; of several, the mean of H counts")
    parser.add_argument("--trials", type=int, default=8, help="of each method")
    parser.add_argument("--draw", type=int, default=1, help="seed that the trials are drawn by")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2], help="of the runs of each trial")
    parser.add_argument("--shots", type=int, default=16, help="training images per class")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and their count, run nothing")
    parser.add_argument("--engine", choices=("none", "ray"), default="none",
                        help="none: one after another; ray: in parallel")
    parser.add_argument("--jobs", type=int, default=0, help="ray: how many at once")
    # What a sweep's command line has besides:
    parser.set_defaults(table="", parts=None, pseudo_labels="", address="", cpus=1.0, gpus=None)
    words, pairs = split_pairs(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(words)
    args.pairs = pairs
    check(args)
    if args.trials < 1:
        raise UserError(f"--trials {args.trials} is too small: give at least 1")
    return args


def run(args: argparse.Namespace) -> int:
    check_known("--methods", args.methods, TRAINED)
    check_known("--datasets", args.datasets, dataset_configs())
    options = Options(list(dict.fromkeys(args.methods)), list(dict.fromkeys(args.datasets)),
                      list(dict.fromkeys(args.seeds)), shots=args.shots, root=os.environ.get("DATA") or "./data",
                      output=os.environ.get("OUTPUT") or "output/tuning", pairs=args.pairs)
    trials = make_trials(options, args.trials, args.draw)
    resolve_dassl()
    import datasets  # noqa: F401  registers the data sets; like those below, once a Dassl was found
    from experiments.sweep.data import prepare_data
    from experiments.sweep.plan import make_plan, summary

    jobs = make_plan(jobs_of(trials))
    if not args.dry_run and any(job.identity is None for job in jobs):
        prepare_data(sorted({job.dataset for job in jobs}), options.root)
        make_plan(jobs)
    left = [job for job in jobs if job.state != DONE]
    if args.dry_run:
        for job in left:
            print(job.command(os.path.basename(sys.executable)))
    print(f"{len(trials)} trials, {summary(jobs)}", flush=True)
    if args.dry_run:
        return 0
    troubles = run_jobs(args, left, options.output) if left else []
    print_results(trials, options)
    if troubles:
        print("\nNot done:", *troubles, "The same command tries these again.", sep="\n  ", file=sys.stderr)
    return 1 if troubles else 0


def print_results(trials: Sequence[Trial], options: Options) -> None:
    """Print and write the table of the trials that are done; print the settings of each method's best one."""
    from experiments.reporting import text

    from .scores import ranking, trials_table, yaml_lines

    ranked = ranking(trials)
    table = trials_table(trials, ranked)
    if not table.rows:
        return
    print(text.render([table], "terminal"))
    written = []
    for form, ending in (("markdown", "md"), ("csv", "csv")):
        written.append(str(Path(options.output) / f"settings.{ending}"))
        write_file(written[-1], text.render([table], form) + "\n")
    print(f"\nAlso written: {', '.join(written)}")
    for method, scores in ranked.items():
        for best in scores[:1]:
            yaml = options.setting_of(method, options.datasets[0]).yaml
            print(f"\nFor configs/trainers/{method}/{yaml}.yaml, from trial {best.trial.number}:\n"
                  f"{yaml_lines(best.trial.values)}", end="")


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    os.chdir(ROOT)  # as the scripts do: relative paths are relative to the repository
    sys.exit(main())
