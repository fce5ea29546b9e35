"""Cost of a training step against the number of classes: CoOp's grows, CoOp_MAO's base step does not.

    python benchmarks/class_count.py [--classes 100 2000] [--steps 30] [--backbone Mini/16]
    python benchmarks/class_count.py --trainers MaPLe MaPLe_MAO PromptSRC PromptSRC_MAO

Synthetic class names, random images, batches of 32. Each case runs in a process of its own, so that its peak memory is
its own; the cases take turns (--rounds), so that a slow moment of the machine hits all of them. Prints a table with
ratios to the smallest class count.
"""
import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainers", nargs="+", default=["CoOp", "CoOp_MAO"])
    parser.add_argument("--classes", type=int, nargs="+", default=[100, 2000], help="each at least --batch")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--backbone", default="Mini/16")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--depth", type=int, default=3, help="prompt depth of MaPLe and PromptSRC")
    parser.add_argument("--case", nargs=2, metavar=("TRAINER", "CLASSES"), help=argparse.SUPPRESS)
    return parser.parse_args()


def synthetic_names(count):
    """Distinct names of one or two words."""
    shapes = ["round", "long", "flat", "hollow", "striped", "tall", "bent", "pointed", "twin", "wide"]
    things = ["box", "wheel", "lamp", "vessel", "tower", "leaf", "shell", "bridge", "coat", "horn"]
    return [f"{shapes[k % 10]} {things[k // 10 % 10]} {k // 100 + 1}" for k in range(count)]


def measure(trainer_name, n_classes, options):
    """Seconds of each step and peak memory of one trainer at one class count."""
    import torch

    from compat import resolve_dassl

    resolve_dassl()
    from dassl.config import get_cfg_default
    from dassl.engine import TRAINER_REGISTRY, TrainerBase

    import trainers
    from trainers.prompting.clip_loading import image_resolution, load_clip

    side = image_resolution(load_clip(options.backbone))
    cfg = get_cfg_default()
    cfg.DATASET.SUBSAMPLE_CLASSES = "base"
    trainers.extend_cfg(cfg)
    cfg.merge_from_list(["TRAINER.NAME", trainer_name, "MODEL.BACKBONE.NAME", options.backbone,
                         "TRAINER.COOP.CTX_INIT", "a photo of a",
                         *(f for node in ("COOP", "MAPLE", "PROMPTSRC")
                           for f in (f"TRAINER.{node}.PREC", options.precision)),
                         "TRAINER.MAPLE.PROMPT_DEPTH", options.depth, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT",
                         options.depth, "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", options.depth,
                         "INPUT.SIZE", (side, side), "OPTIM.NAME", "sgd", "OPTIM.LR", 0.0035])
    trainer_class = TRAINER_REGISTRY.get(trainer_name)
    trainer = trainer_class.__new__(trainer_class)
    TrainerBase.__init__(trainer)  # TrainerX's own set-up would build loaders, and there is no data here
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trainer.cfg, trainer.device = cfg, torch.device(device)
    trainer.dm = SimpleNamespace(dataset=SimpleNamespace(classnames=synthetic_names(n_classes)))
    trainer.build_model()
    trainer.batch_idx, trainer.num_batches = 0, 2

    generator = torch.Generator().manual_seed(0)
    seconds = []
    for step in range(options.steps + 3):
        batch = {"img": torch.randn(options.batch, 3, side, side, generator=generator),
                 "label": torch.randperm(n_classes, generator=generator)[:options.batch]}
        start = time.perf_counter()
        trainer.forward_backward(batch)
        if device == "cuda":
            torch.cuda.synchronize()
        if step >= 3:  # the first steps warm up
            seconds.append(time.perf_counter() - start)
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "peak_mb": peak / 2**20, "device": device}


def main():
    options = parse()
    if options.case:
        print("RESULT " + json.dumps(measure(options.case[0], int(options.case[1]), options)))
        return
    cases = [(trainer, count) for trainer in options.trainers for count in options.classes]
    results = {case: {"seconds": [], "peak_mb": []} for case in cases}
    for _ in range(options.rounds):
        for trainer, count in cases:
            command = [sys.executable, __file__, "--case", trainer, str(count), "--steps", str(options.steps),
                       "--batch", str(options.batch), "--backbone", options.backbone, "--precision", options.precision,
                       "--depth", str(options.depth)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            result = json.loads(done.stdout.split("RESULT ")[1])
            results[trainer, count]["seconds"] += result["seconds"]
            results[trainer, count]["peak_mb"].append(result["peak_mb"])
    print(f"{options.backbone}, batch {options.batch}, {result['device']}, "
          f"median of {options.rounds} x {options.steps} steps")
    print(f"{'trainer':14} {'classes':>8} {'ms/step':>9} {'ratio':>6} {'peak MB':>9} {'ratio':>6}")
    for trainer, count in cases:
        time_ms = 1000 * statistics.median(results[trainer, count]["seconds"])
        memory = statistics.median(results[trainer, count]["peak_mb"])
        first = results[trainer, options.classes[0]]
        print(f"{trainer:14} {count:8,} {time_ms:9.1f} {time_ms / 1000 / statistics.median(first['seconds']):6.2f} "
              f"{memory:9.0f} {memory / statistics.median(first['peak_mb']):6.2f}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
