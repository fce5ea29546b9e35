"""The jobs of the efficiency table: each method measured on a data set, and over several numbers of classes."""
from experiments.catalogue import check_methods

from .job import Job
from .options import Options
from .protocols import data, make_job

CLASS_COUNTS = (50, 200, 800)  # of made-up data sets, for the curve of cost against classes
PROGRAM = ("-m", "benchmarks.efficiency")


def measurements(options: Options) -> list[Job]:
    """One job per method and data set, and one per method and number of classes; the first seed only."""
    check_methods(options.methods)
    seed = options.seeds[0]
    jobs: dict[str, Job] = {}  # by folder
    for method in options.methods:
        for dataset in options.datasets:
            setting = options.setting_of(method, dataset)
            cases = [(dataset, "speed and memory", data(options.shots, "base"))]
            cases += [(f"{count}_classes", f"speed and memory, {count} classes", ["DATASET.NAME", f"Synthetic{count}"])
                      for count in CLASS_COUNTS]
            for name, what, pairs in cases:
                job = make_job(options, what, f"efficiency/{name}/{method}/{setting.name}", method, setting, dataset,
                               seed, pairs, program=PROGRAM)
                jobs.setdefault(job.folder, job)
    return list(jobs.values())
