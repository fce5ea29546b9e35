"""What the tests of tables, figures and report share: writes records as runs do."""
import json
from pathlib import Path

from runs.records import EFFICIENCY_FILE, RECORDS_FILE, TRAINING_FILE

TOTAL = 1000


def append_record(folder, record, name=RECORDS_FILE):
    """The line that runs.records.append_record writes, without its waiting for the disk."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / name, "a", encoding="utf-8") as file:
        file.write(json.dumps(record, sort_keys=True) + "\n")


def write(folder, trainer, classes, seed, correct, **changes):
    """Append the record of an evaluation."""
    dataset = changes.get("dataset", "Pictograms")
    verified = {"identity": changes.get("config_digest", classes), "origin": "verified", "arithmetic": 1}
    append_record(folder, {
        "trainer": trainer, "dataset": dataset, "seed": seed, "shots": 16, "classes": classes, "split": "test",
        "stage": "", "epoch": 20, "config_digest": classes, "correct": correct, "total": TOTAL, "accuracy": 0.0,
        "source": dataset, "parent": "", **verified, **changes})


def write_epochs(folder, trainer, losses, **changes):
    """Append the records of the epochs of a training. ``losses``: of each epoch."""
    for epoch, loss in enumerate(losses, start=1):
        append_record(folder, {
            "trainer": trainer, "dataset": "Pictograms", "seed": 1, "shots": 16, "classes": "base", "stage": "",
            "config_digest": trainer, "epoch": epoch, "lr": 0.002 / epoch, "seconds": 1.0, "batches": 10,
            "loss": loss, "acc": 100 - 10 * loss, **changes}, TRAINING_FILE)


def write_cost(folder, trainer, num_classes, step_seconds, **changes):
    """Append the record of a measurement of speed and memory."""
    append_record(folder, {
        "trainer": trainer, "dataset": f"Synthetic{num_classes}", "num_classes": num_classes, "batch_size": 4,
        "learnable_parameters": 2048, "step_seconds": step_seconds, "epoch_seconds": 80 * step_seconds,
        "images_per_second": 4 / step_seconds, "peak_memory_mb": 800.0 + num_classes, "device": "cpu",
        "versions": {"torch": "2.4.1"}, "date": "2026-01-02T03:04:05+00:00", **changes}, EFFICIENCY_FILE)


def write_base_to_new(folder, dataset="Pictograms", seeds=(1, 2, 3), better=0):
    """Zero-shot CLIP, CoOp and CoOp_MAO with both steps; plausible counts. ``better``: added to all of MAO's."""
    for seed, (base, new) in zip(seeds, [(800, 600), (820, 620), (813, 601)]):
        write(folder / "zeroshot", "ZeroshotCLIP", "base", seed, 700, epoch=0, shots=-1, dataset=dataset, source="")
        write(folder / "zeroshot", "ZeroshotCLIP", "new", seed, 650, epoch=0, shots=-1, dataset=dataset, source="")
        write(folder / "coop", "CoOp", "base", seed, base, dataset=dataset)
        write(folder / "coop", "CoOp", "new", seed, new, dataset=dataset)
        write(folder / "base", "CoOp_MAO", "base", seed, base + 1 + better, stage="base", dataset=dataset)
        write(folder / "base", "CoOp_MAO", "new", seed, new + 20 + better, stage="base", dataset=dataset)
        write(folder / "new", "CoOp_MAO", "new", seed, new + 90 + better, stage="new", dataset=dataset)
