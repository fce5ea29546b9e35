"""From the name of a table to its jobs: base-to-new, cross-data set, domain generalisation and few-shot.

Output folders are those of the bash scripts (scripts/<method>/), so that runs of either are found by the other.
"""
from dataclasses import dataclass, field

from .job import Job
from .methods import CROSS, ZERO_SHOT, has_steps, setting


@dataclass
class Options:
    """What the caller of a sweep chose.

    Attributes:
        root: folder of the data sets. output: folder of everything that is written. source: data set that cross-data
            set prompts are trained on. datasets: those to train or, there, to test on. pairs: KEY VALUE pairs for all.
    """

    methods: list
    datasets: list
    seeds: list
    source: str = "imagenet"
    shots: int = 16
    root: str = "./data"
    output: str = "output"
    pairs: list = field(default_factory=list)


def job(options, what, folder, trainer, yaml, dataset, seed, pairs, **others):
    flags = ["--root", options.root, "--seed", str(seed), "--trainer", trainer,
             "--dataset-config-file", f"configs/datasets/{dataset}.yaml",
             "--config-file", f"configs/trainers/{trainer}/{yaml}.yaml"]
    return Job(f"{trainer} {dataset} seed {seed}: {what}", f"{options.output}/{folder}", flags,
               [*map(str, pairs), *options.pairs], **others)


def zero_shot(options, dataset, classes):
    """The test of zero-shot CLIP, once: it does not depend on the seed."""
    seed, cfg = options.seeds[0], setting(ZERO_SHOT, dataset)
    return job(options, f"test on {classes} classes", f"zeroshot/{dataset}/{ZERO_SHOT}/{cfg}/{classes}/seed{seed}",
               ZERO_SHOT, cfg, dataset, seed, ["DATASET.SUBSAMPLE_CLASSES", classes])


# Base to new

def base_to_new(options):
    """Table I: train on base classes, test on base and new; with MAO after step 1 and after step 2."""
    jobs = []
    for dataset in options.datasets:
        for method in options.methods:
            if method == ZERO_SHOT:
                jobs += [zero_shot(options, dataset, classes) for classes in ("base", "new")]
                continue
            for seed in options.seeds:
                jobs += base_to_new_of(options, method, dataset, seed)
    return jobs


def base_to_new_of(options, method, dataset, seed, first=(), second=(), tags=("", "")):
    """The two or, with MAO, three jobs of a method, data set and seed.

    Args:
        first, second: further KEY VALUE pairs of the run on base classes and its test, and of step 2. tags: what they
            add to the names of output folders.
    """
    cfg = setting(method, dataset)

    def folder(kind, tag):
        return f"base2new/{kind}/{dataset}/shots_{options.shots}/{method}/{cfg}{tag}/seed{seed}"

    def pairs(classes):
        return ["DATASET.NUM_SHOTS", options.shots, "DATASET.SUBSAMPLE_CLASSES", classes]

    two_steps = has_steps(method)
    yaml = f"{cfg}_base" if two_steps else cfg
    stage = ["MAO.STAGE", "base"] if two_steps else []  # the records say whose prompts were tested
    train = job(options, "step 1, base classes" if two_steps else "train and test on base classes",
                folder("train_base", tags[0]), method, yaml, dataset, seed, [*pairs("base"), *first])
    test = job(options, "test on new classes", folder("test_new", tags[0]), method, yaml, dataset, seed,
               [*pairs("new"), *stage, *first], tests=train)
    if not two_steps:
        return [train, test]
    return [train, test, job(options, "step 2, new classes", folder("train_new", tags[0] + tags[1]), method,
                             f"{cfg}_new", dataset, seed, [*pairs("new"), *second], starts_from=train)]


# All classes

def train_on_all(options, method, dataset, seed, shots, protocol=""):
    cfg = setting(method, dataset, protocol)
    return job(options, f"train on all classes, {shots} shots",
               f"{dataset}/{method}/{cfg}_{shots}shots/seed{seed}", method,
               f"{cfg}_base" if has_steps(method) else cfg, dataset, seed,
               ["DATASET.NUM_SHOTS", shots, "DATASET.SUBSAMPLE_CLASSES", "all"])


def cross_dataset(options):
    """Table II, domain generalisation: train on all classes of the source; test the prompts on it and elsewhere."""
    jobs = []
    for method in options.methods:
        if method == ZERO_SHOT:
            jobs += [zero_shot(options, dataset, "all") for dataset in (options.source, *options.datasets)]
            continue
        cfg = setting(method, options.source, CROSS)
        yaml = f"{cfg}_base" if has_steps(method) else cfg
        for seed in options.seeds:
            train = train_on_all(options, method, options.source, seed, options.shots, CROSS)
            jobs.append(train)
            jobs += [
                job(options, "test", f"evaluation/{method}/{cfg}_{options.shots}shots/{dataset}/seed{seed}", method,
                    yaml, dataset, seed, ["DATASET.NUM_SHOTS", options.shots, "DATASET.SUBSAMPLE_CLASSES", "all"],
                    tests=train)
                for dataset in options.datasets]
    return jobs


FEW_SHOTS = (1, 2, 4, 8, 16)


def few_shot(options):
    """Train and test on all classes, with 1 to 16 images a class."""
    jobs = []
    for dataset in options.datasets:
        for method in options.methods:
            if method == ZERO_SHOT:
                jobs.append(zero_shot(options, dataset, "all"))
                continue
            jobs += [train_on_all(options, method, dataset, seed, shots)
                     for shots in FEW_SHOTS for seed in options.seeds]
    return jobs
