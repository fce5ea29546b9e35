"""The jobs of the efficiency table: each method measured on a data set, and over several numbers of classes."""
from .methods import has_steps, setting
from .protocols import job

CLASS_COUNTS = (50, 200, 800)  # of made-up data sets, for the curve of cost against classes
PROGRAM = "benchmarks/efficiency.py"


def measurements(options):
    """One job a method and data set, and one a method and number of classes; the first seed only."""
    seed, jobs = options.seeds[0], []
    for method in options.methods:
        for dataset in options.datasets:
            cfg = setting(method, dataset)
            yaml = f"{cfg}_base" if has_steps(method) else cfg
            pairs = ["DATASET.NUM_SHOTS", options.shots, "DATASET.SUBSAMPLE_CLASSES", "base"]
            jobs.append(job(options, "speed and memory", f"efficiency/{dataset}/{method}/{cfg}", method, yaml, dataset,
                            seed, pairs, program=PROGRAM))
            jobs += [job(options, f"speed and memory, {count} classes", f"efficiency/{count}_classes/{method}/{cfg}",
                         method, yaml, dataset, seed, ["DATASET.NAME", f"Synthetic{count}"], program=PROGRAM)
                     for count in CLASS_COUNTS]
    return list({one.folder: one for one in jobs}.values())
