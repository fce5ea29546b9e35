"""Measure speed and memory of training with one method, and append the measurement to efficiency.jsonl.

Takes train.py's command line. DATASET.NAME Synthetic<N> stands for N made-up classes, to see what a step costs against
their number.

    python benchmarks/efficiency.py --root data --seed 1 --trainer CoOp_MAO --output-dir output/efficiency/CoOp_MAO \\
        --dataset-config-file configs/datasets/pictograms.yaml --config-file configs/trainers/CoOp_MAO/mini_base.yaml

Two epochs are trained, the second one is measured: by then caches are filled and worker processes are up. Peak memory
is that of the GPU where there is one, else of the main process, with everything that the run needs.
"""
import re
import statistics
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import train  # noqa: E402

EPOCHS = 2
ITEMS = 320  # of a synthetic data set, or as many as it has classes


def main(argv=None):
    args = train.parse_arguments(argv)
    return train.exit_code(lambda: run(args), args.debug)


def run(args):
    from compat import resolve_dassl

    resolve_dassl()
    from dassl.engine import build_trainer
    from dassl.utils import set_random_seed

    import datasets  # noqa: F401  registers the data sets
    from experiments.records import EFFICIENCY_FILE, append_record
    from experiments.run_state import done_key, job_key, mark_done

    cfg = train.make_config(args)
    register_synthetic(cfg.DATASET.NAME)
    train.check_names(cfg)
    key = job_key(cfg, args)
    if done_key(cfg.OUTPUT_DIR) == key:
        print(f"{cfg.OUTPUT_DIR} is done already (delete its file done to run it again)")
        return
    cfg.defrost()
    cfg.merge_from_list(["OPTIM.MAX_EPOCH", EPOCHS, "TEST.NO_TEST", True, "RESUME", ""])
    if "SAVE_STATE" in cfg.TRAIN:  # of the bundled engine; a measurement is not resumed
        cfg.TRAIN.SAVE_STATE = False
    cfg.freeze()
    train.leave_cores_to_workers(cfg)
    set_random_seed(max(cfg.SEED, 0))
    trainer = build_trainer(cfg)
    try:
        record = measure(trainer, cfg)
    finally:
        train.stop_workers(trainer)
    append_record(cfg.OUTPUT_DIR, record, EFFICIENCY_FILE)
    mark_done(cfg.OUTPUT_DIR, key)
    print(record)


def measure(trainer, cfg):
    """Train two epochs; the measurement of the second as a record."""
    import torch

    from experiments.recorder import device_name, peak_memory_mb, versions

    steps, images, epochs = [], [], []
    forward_backward, run_epoch = trainer.forward_backward, trainer.run_epoch

    def timed_step(batch):
        start = now(trainer.device)
        summary = forward_backward(batch)
        steps.append(now(trainer.device) - start)
        images.append(len(batch["img"]))
        return summary

    def timed_epoch():
        steps.clear()
        images.clear()
        start = now(trainer.device)
        run_epoch()
        epochs.append(now(trainer.device) - start)

    trainer.forward_backward, trainer.run_epoch = timed_step, timed_epoch
    trainer.save_model = lambda *_, **__: None  # writing checkpoints is not what is measured
    if trainer.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainer.device)
    trainer.train()
    parameters = {id(p): p for name in trainer.get_model_names() for p in trainer._models[name].parameters()}
    return {
        "trainer": cfg.TRAINER.NAME,
        "dataset": cfg.DATASET.NAME,
        "num_classes": trainer.num_classes,
        "stage": getattr(trainer, "mao_stage", ""),
        "learnable_parameters": sum(p.numel() for p in parameters.values() if p.requires_grad),
        "step_seconds": statistics.median(steps),
        "epoch_seconds": epochs[-1],
        "steps": len(steps),
        "images_per_second": sum(images) / epochs[-1],
        "peak_memory_mb": round(peak_memory_mb(trainer.device), 1),
        "batch_size": cfg.DATALOADER.TRAIN_X.BATCH_SIZE,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "device": device_name(trainer.device),
        "versions": versions(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def now(device):
    """Seconds of a clock, after the device has done what it was told."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def register_synthetic(name):
    """Register the data set Synthetic<N> if that is the name: N classes, one grey image in as many places as needed."""
    from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum

    count = re.fullmatch(r"Synthetic(\d+)", name)
    if not count or name in DATASET_REGISTRY.registered_names():
        return
    classes = int(count.group(1))
    if classes < 2:
        raise train.UserError(f"DATASET.NAME {name!r}: a classifier needs at least two classes")

    class Synthetic(DatasetBase):
        def __init__(self, cfg):
            image = grey_image(cfg.OUTPUT_DIR)
            items = [Datum(impath=image, label=k % classes, classname=class_name(k % classes))
                     for k in range(max(ITEMS, classes))]
            super().__init__(train_x=items, val=[], test=items[:classes])

    Synthetic.__name__ = name
    DATASET_REGISTRY.register()(Synthetic)


def grey_image(folder):
    """Path of an image as photographs are large, written into a folder."""
    from PIL import Image

    path = Path(folder) / "grey.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (320, 240), "grey").save(path)
    return str(path)


def class_name(k):
    """The k-th of distinct made-up names."""
    shapes = ["round", "long", "flat", "hollow", "striped", "tall", "bent", "pointed", "twin", "wide"]
    things = ["box", "wheel", "lamp", "vessel", "tower", "leaf", "shell", "bridge", "coat", "horn"]
    return f"{shapes[k % 10]} {things[k // 10 % 10]} {k // 100 + 1}"


if __name__ == "__main__":
    sys.exit(main())
