"""Share of CoOp_MAO's base step that is spent waiting for data, on the bundled data with two workers.

    python benchmarks/data_wait.py [--epochs 3] [--workers 2]

Trains through train.py's own parts and prints, for each epoch, seconds a step and the share of waiting. The first epoch
includes the start of the worker processes.
"""
import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", default=str(ROOT / "data"))
    options = parser.parse_args()

    import train
    from compat import resolve_dassl

    print(resolve_dassl())
    from dassl.engine import build_trainer
    from dassl.utils import set_random_seed

    import datasets  # noqa: F401  registers the data sets

    with tempfile.TemporaryDirectory() as folder:
        cfg = train.make_config(train.parse_arguments([
            "--root", options.data, "--seed", "1", "--trainer", "CoOp_MAO", "--output-dir", folder,
            "--dataset-config-file", str(ROOT / "configs/datasets/pictograms.yaml"),
            "--config-file", str(ROOT / "configs/trainers/CoOp_MAO/mini_base.yaml"),
            "DATASET.NUM_SHOTS", "16", "DATASET.SUBSAMPLE_CLASSES", "base", "OPTIM.MAX_EPOCH", str(options.epochs),
            "DATALOADER.NUM_WORKERS", str(options.workers), "TEST.NO_TEST", "True", "VERBOSE", "False",
            "TRAIN.PRINT_FREQ", "100000"]))
        train.leave_cores_to_workers(cfg)
        set_random_seed(cfg.SEED)
        trainer = build_trainer(cfg)
        shares = []
        run_epoch = trainer.run_epoch

        def measured():
            run_epoch()
            shares.append((trainer.batch_time_meter.avg, trainer.data_wait_fraction))

        trainer.run_epoch = measured
        trainer.train()
    print(f"workers {options.workers}, {len(trainer.train_loader_x)} steps an epoch")
    for epoch, (seconds, share) in enumerate(shares, start=1):
        print(f"epoch {epoch}: {1000 * seconds:.1f} ms/step, waiting for data {100 * share:.1f} %")


if __name__ == "__main__":
    main()
