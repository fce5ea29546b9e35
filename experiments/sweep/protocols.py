"""From the name of a protocol to its jobs: base-to-new, cross-data set, domain generalisation and few-shot.

A folder is named after everything that tells its run from the others of its protocol, so that a table, a single run by
hand (``experiments.run``) and a second sweep all find the same one.
"""
from collections.abc import Sequence

from experiments.catalogue import (
    ZERO_SHOT,
    Setting,
    backbone,
    check_methods,
    counterpart,
    has_steps,
    is_control,
)

from .job import TRAIN, Job, each_once
from .options import CONTROL, Options, Step, tag, without_defaults, words


def make_job(options: Options, what: str, folder: str, method: str, setting: Setting, dataset: str, seed: int,
             pairs: Sequence[object], starts_from: Job | None = None, tests: Job | None = None,
             program: tuple[str, ...] = TRAIN) -> Job:
    """A job of a method on a data set; see ``Job`` for the last three. The caller's pairs come after ``pairs``."""
    flags = ["--root", options.root, "--seed", str(seed), "--trainer", method,
             "--dataset-config-file", f"configs/datasets/{dataset}.yaml",
             "--config-file", f"configs/trainers/{method}/{setting.yaml}.yaml"]
    return Job(f"{method} {dataset} seed {seed}: {what}", f"{options.output}/{folder}", flags,
               [*setting.pairs, *pairs, *options.pairs], starts_from, tests, program)


def data(shots: int, classes: str) -> list[object]:
    """Pairs that say which images a run sees."""
    return ["DATASET.NUM_SHOTS", shots, "DATASET.SUBSAMPLE_CLASSES", classes]


def zero_shot(options: Options, dataset: str, classes: str) -> Job:
    """The test of zero-shot CLIP on ``all``, ``base`` or ``new`` classes: once, as it does not depend on the seed."""
    seed, setting = options.seeds[0], options.setting_of(ZERO_SHOT, dataset)
    return make_job(options, f"test on {classes} classes",
                    f"zeroshot/{dataset}/{ZERO_SHOT}/{setting.name}/{classes}/seed{seed}", ZERO_SHOT, setting, dataset,
                    seed, ["DATASET.SUBSAMPLE_CLASSES", classes])


# Base to new

def base_to_new(options: Options) -> list[Job]:
    """Table I: train on base classes, test on base and new; with MAO after step 1 and after step 2."""
    jobs = []
    for dataset in options.datasets:
        for method in options.methods:
            if method == ZERO_SHOT:
                jobs += [zero_shot(options, dataset, classes) for classes in ("base", "new")]
                continue
            for seed in options.seeds:
                jobs += base_to_new_of(options, method, dataset, seed)
    return each_once(jobs)


def base_to_new_of(options: Options, method: str, dataset: str, seed: int, step_1: Step | None = None,
                   step_2: Step | None = None) -> list[Job]:
    """The two or, with MAO and for its control, three jobs of a method, data set and seed.

    The control starts step 2 from the very run of the backbone that stands beside it. A step 1 without DDE-base and
    reg-B would be another training: of other batches, learning rate and epochs.

    Args:
        step_1, step_2: settings of the steps. Step 2 gets both, so that the records of both say which row they are of.
    """
    check_methods([method])
    if is_control(method):
        return base_to_new_of(options, counterpart(str(backbone(method))), dataset, seed, step_2=CONTROL)
    setting = options.setting_of(method, dataset)

    def job(kind: str, step: Step, what: str, classes: str, starts_from: Job | None = None, tests: Job | None = None,
            pairs: Sequence[object] = ()) -> Job:
        folder = f"base2new/{kind}/{dataset}/shots_{options.shots}/{method}/{setting.name}{tag(step)}/seed{seed}"
        return make_job(options, what, folder, method, setting, dataset, seed,
                        [*data(options.shots, classes), *pairs, *words(step)], starts_from, tests)

    if not has_steps(method):
        train = job("train_base", {}, "train and test on base classes", "base")
        return [train, job("test_new", {}, "test on new classes", "new", tests=train)]
    first = without_defaults(step_1 or {}, method)
    second = without_defaults({**first, **options.labeller, **(step_2 or {})}, method)
    start = ""
    if CONTROL.items() <= second.items():
        train, test = base_to_new_of(options, str(backbone(method)), dataset, seed)
        start = f", from the prompts of {backbone(method)}"
    else:
        train = job("train_base", first, "step 1, base classes", "base")
        test = job("test_new", first, "test on new classes", "new", tests=train,
                   pairs=["MAO.STAGE", "base"])  # the records say whose prompts were tested
    return [train, test, job("train_new", second, f"step 2, new classes{start}", "new", starts_from=train)]


# All classes

def train_on_all(options: Options, method: str, dataset: str, seed: int, shots: int, cross: bool = False) -> Job:
    setting = options.setting_of(method, dataset, cross)
    return make_job(options, f"train on all classes, {shots} shots",
                    f"{dataset}/{method}/{setting.name}_{shots}shots/seed{seed}", method, setting, dataset, seed,
                    data(shots, "all"))


def cross_dataset(options: Options) -> list[Job]:
    """Table II, domain generalisation: train on all classes of the source; test the prompts on it and elsewhere."""
    check_methods(options.methods)
    jobs = []
    for method in options.methods:
        if method == ZERO_SHOT:
            jobs += [zero_shot(options, dataset, "all") for dataset in (options.source, *options.datasets)]
            continue
        setting = options.setting_of(method, options.source, cross=True)
        for seed in options.seeds:
            train = train_on_all(options, method, options.source, seed, options.shots, cross=True)
            jobs.append(train)
            folder = f"evaluation/{method}/{setting.name}_{options.shots}shots"
            jobs += [make_job(options, "test", f"{folder}/{dataset}/seed{seed}", method, setting, dataset, seed,
                              data(options.shots, "all"), tests=train)
                     for dataset in options.datasets]
    return jobs


def few_shot(options: Options) -> list[Job]:
    """Train and test on all classes, with 1 to 16 images per class."""
    jobs = []
    for dataset in options.datasets:
        for method in options.methods:
            if method == ZERO_SHOT:
                jobs.append(zero_shot(options, dataset, "all"))
                continue
            jobs += [train_on_all(options, method, dataset, seed, shots)
                     for shots in options.few_shots for seed in options.seeds]
    return jobs
