"""Writes the made-up records beside this file, and the tables that they give.

PYTHONPATH=.:compat:tests/support python -m golden_records.make
"""
import os
import random
import shutil
import sys
from pathlib import Path

from record_tools import write, write_cost, write_epochs

from experiments.reporting import tables
from experiments.reporting.layouts import LAYOUTS
from experiments.reporting.settings import B, K, defaults
from experiments.reporting.text import FORMATS

HERE = Path(__file__).resolve().parent
SEEDS = (1, 2, 3)
METHODS = ("CoOp", "CoOp_MAO", "MaPLe", "MaPLe_MAO")
RECORDS, TABLES = HERE / "records", HERE / "tables"
ENDINGS = {"terminal": "txt", "markdown": "md", "latex": "tex", "csv": "csv"}
DEFAULTS = {key: value for key, value in defaults().items() if key != "MAO.BASE_EPOCH"}
FEW_SHOTS = (1, 2, 4, 8, 16)
COMMON = {"date": "2026-01-02T03:04:05+00:00", "device": "cpu", "versions": {"python": "3.11.7", "torch": "2.4.1"}}
TOTALS = {"Pictograms": 1124, "Caltech101": 1549, "ImageNet": 25000, "DescribableTextures": 864, "ImageNetV2": 10000,
          "ImageNetR": 30000}


def counts(rng, dataset, per_cent):
    total = TOTALS[dataset]
    return {"correct": round(total * (per_cent + rng.uniform(-0.8, 0.8)) / 100), "total": total, **COMMON,
            "data": {"split": f"split of {dataset}", "classes": f"classes of {dataset}"}, "clip": "ViT-B/16"}


def evaluation(folder, rng, method, dataset, classes, seed, per_cent, **changes):
    numbers = counts(rng, dataset, per_cent)
    write(RECORDS / folder, method, classes, seed, numbers.pop("correct"), dataset=dataset, **numbers, **changes)


def base_to_new(rng):
    for dataset, level in (("Pictograms", 72), ("Caltech101", 89)):
        for classes in ("base", "new"):
            evaluation(f"zeroshot/{dataset}", rng, "ZeroshotCLIP", dataset, classes, 1, level, epoch=0,
                       shots=-1, source="", config_digest=f"zeroshot {dataset} {classes}")
        for number, method in enumerate(METHODS):
            gain = 3 * method.endswith("_MAO")
            for seed in SEEDS:
                if (dataset, method, seed) == ("Caltech101", "MaPLe_MAO", 3):
                    continue  # a table with missing cells
                run = f"{dataset}/{method}/seed{seed}"
                mao_runs(rng, run, method, dataset, seed, level + number, gain, {})
                if dataset == "Pictograms":
                    stage = {"stage": "base"} if gain else {}
                    shift = 0.05 * seed + 0.2 * number - gain / 10
                    write_epochs(RECORDS / "base2new" / dataset / method, method,
                                 [3.1 / epoch ** 0.5 + shift for epoch in range(1, 7)], seed=seed,
                                 config_digest=f"{run} step 1", **stage)


def mao_runs(rng, run, method, dataset, seed, level, gain, setting):
    """Evaluations of one method, seed and setting: base, new and, with MAO, new after step 2."""
    settings = {"settings": {**DEFAULTS, **setting}} if gain else {}
    stage = {"stage": "base"} if gain else {}
    first = {"config_digest": f"{run} step 1", **stage, **settings}
    folder = f"base2new/{os.path.dirname(run)}"  # one file for all seeds, to keep this folder small
    evaluation(folder, rng, method, dataset, "base", seed, level + 4 + gain / 3, **first)
    evaluation(folder, rng, method, dataset, "new", seed, level - 3 + gain / 3,
               **{**first, "config_digest": f"{run} new", "parent": f"{run} step 1"})
    if gain:
        second = {**settings["settings"], B: 32}  # as in older records; those of today have MAO.NEW.BATCH_SIZE
        evaluation(folder, rng, method, dataset, "new", seed, level - 3 + gain, stage="new",
                   config_digest=f"{run} step 2", parent=f"{run} step 1", settings=second)


def all_classes(rng):
    for number, method in enumerate(("ZeroshotCLIP", "CoOp", "CoOp_MAO")):
        trained = number > 0
        for seed in SEEDS if trained else (1,):
            run = {"stage": "base", "settings": DEFAULTS} if method.endswith("_MAO") else {}
            if not trained:
                run = {"epoch": 0, "shots": -1}
            for dataset, level in (("ImageNet", 70), ("Caltech101", 93), ("DescribableTextures", 44),
                                   ("ImageNetV2", 62), ("ImageNetR", 75)):
                source = "ImageNet" if trained else ""
                digest = f"{method} ImageNet seed{seed}"
                evaluation(f"all/{method}", rng, method, dataset, "all", seed, level + number / 2,
                           source=source, config_digest=digest if dataset == source else f"{digest} on {dataset}",
                           parent=digest if trained and dataset != source else "", **run)
            for shots in FEW_SHOTS if trained else ():
                evaluation(f"few_shot/{method}", rng, method, "Caltech101", "all", seed,
                           88 + number + shots ** 0.5, shots=shots, config_digest=f"{method} {shots} {seed}", **run)


def ablations(rng):
    settings = [{K: k} for k in (2, 4, 16)] + [{B: b, K: k} for b in (2, 8) for k in (2, 4, 8, 16)]
    settings += [{"MAO.DDE_BASE": False}, {"MAO.REG_BASE": False}, {"MAO.SIMILARITY": "clip"}]
    for setting in settings:
        changed = {key: value for key, value in setting.items() if value != DEFAULTS[key]}
        tag = "_".join(f"{key.split('.')[-1]}_{value}" for key, value in changed.items())
        level = 74 - 0.8 * abs(setting.get(K, 8) - 8) ** 0.5 - 0.3 * abs(setting.get(B, 4) - 4)
        for seed in SEEDS[:2]:
            mao_runs(rng, f"Pictograms/CoOp_MAO_{tag}/seed{seed}", "CoOp_MAO", "Pictograms", seed, level, 2, setting)


def costs():
    for number, method in enumerate(METHODS):
        for classes in (50, 200, 800):
            grows = 1 if method.endswith("_MAO") else classes / 50
            write_cost(RECORDS / "efficiency" / method, method, classes,
                       (0.02 + 0.01 * number) * (1 + 0.2 * grows), images_per_second=80.5 / (1 + 0.1 * grows),
                       learnable_parameters=(2048, 2048, 3555072, 3555072)[number])


def table_path(layout, form):
    return TABLES / f"{layout}.{ENDINGS[form]}"


def main():
    for folder in (RECORDS, TABLES):
        shutil.rmtree(folder, ignore_errors=True)
    rng = random.Random(0)
    base_to_new(rng)
    all_classes(rng)
    ablations(rng)
    costs()
    os.chdir(HERE)
    for layout in LAYOUTS:
        for form in FORMATS:
            code = tables.main(["records", "--layout", layout, "--format", form, "--output",
                                str(table_path(layout, form))])
            if code:
                sys.exit(code)


if __name__ == "__main__":
    main()
