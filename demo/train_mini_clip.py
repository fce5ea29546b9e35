"""Train the small CLIP on icons that Pictograms does not hold, and store its weights.

    python -m demo.train_mini_clip --package PATH/TO/package --work FOLDER

Needs the built datasets/pictograms/pictograms.zip, whose images it leaves out. Writes mini16.npz and mini16.json into
trainers/prompting/assets. FOLDER keeps the results of the steps before (icons, image tower): delete it to start anew.
"""
import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from clip.model import CLIP

from compat.errors import exit_code
from compat.files import atomic_write, write_file

from . import iconify, image_tower, mini_clip, text_tower, weights, zero_shot
from .building import DATASETS
from .icon_names import words
from .pretraining_data import PretrainingData, choose, pictograms
from .selection import load_json

PICTOGRAMS = DATASETS / "pictograms" / "pictograms.zip"
ASSETS = DATASETS.parent / "trainers" / "prompting" / "assets"
Summary = dict[str, float]
REPORTED_TEMPLATES = ("a pictogram of a {}.", "a photo of a {}.", "{}")


def pretraining_data(package: Path, work: Path) -> PretrainingData:
    """Choose and draw the icons, once."""
    path = work / "icons.npz"
    if not path.is_file():
        choose(package, PICTOGRAMS).save(path)
    return PretrainingData.load(path)


def train_image_tower(model: CLIP, data: PretrainingData, work: Path, samples: int,
                      seed: int) -> tuple[torch.Tensor, Summary]:
    """Stage 1, once; the model's image tower is changed in place.

    Returns:
        caption table float32 (captions, embed_dim), and a summary of the training.
    """
    path = work / "image_tower.pt"
    if not path.is_file():
        _, labels, class_names = zero_shot.load_split(PICTOGRAMS, "val")
        caption_of = {wordings[0]: index for index, wordings in enumerate(data.texts)}
        class_captions = torch.tensor([caption_of[name] for name in class_names])
        images = torch.from_numpy(np.stack(list(pictograms(PICTOGRAMS, "val"))))
        started = time.time()
        table, scale, accuracy = image_tower.train(
            model.visual, data, mini_clip.SIZES["embed_dim"], samples=samples, seed=seed,
            class_captions=class_captions, validation=(images, class_captions[labels]),
        )
        summary = {"samples": samples, "scale": round(scale, 2), "val_accuracy_with_caption_table": round(accuracy, 1),
                   "seconds": round(time.time() - started)}
        with atomic_write(path) as file:
            torch.save({"visual": model.visual.state_dict(), "table": table, "summary": summary}, file)
    stored = torch.load(path, weights_only=True)
    model.visual.load_state_dict(stored["visual"])
    model.logit_scale.data.fill_(stored["summary"]["scale"]).log_()
    return stored["table"], stored["summary"]


def texts_to_keep(package: Path, data: PretrainingData) -> list[str]:
    """Texts whose token rows stay: captions, class words, common templates, and the emoji sets' names."""
    texts = [wording for wordings in data.texts for wording in wordings]
    texts += [word for wordings in load_json("class_words.json").items() for word in (wordings[0], *wordings[1])]
    texts += [*text_tower.TEMPLATES, *load_json("kept_words.json")]
    for name in iconify.EMOJI_SETS:
        texts += [" ".join(words(icon.name)) for icon in iconify.read_icon_set(package, name).icons]
    return texts


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    model = mini_clip.build()
    data = pretraining_data(options.package, options.work)
    table, image_summary = train_image_tower(model, data, options.work, options.samples, options.seed)
    started = time.time()
    loss = text_tower.train(model, table, data.texts, steps=options.text_steps, seed=options.seed)
    text_summary = {"steps": options.text_steps, "loss": round(loss, 4), "seconds": round(time.time() - started)}

    kept = weights.used_tokens(texts_to_keep(options.package, data))
    path = options.output / "mini16.npz"
    weights.save(path, weights.export(model, kept))
    model.load_state_dict(weights.load(path))
    test = zero_shot.load_split(PICTOGRAMS, "test")
    model.eval()
    summary = {
        "sizes": mini_clip.SIZES,
        "source": f"npm @iconify/json {iconify.package_version(options.package)}",
        "pretraining": {"icons": len(data.images), "captions": len(data.texts), "seed": options.seed,
                        "image_tower": image_summary, "text_tower": text_summary},
        "token_rows_kept": len(kept),
        "zero_shot_test": {template: zero_shot.accuracies(model, *test, template) for template in REPORTED_TEMPLATES},
        "pictograms_sha256": hashlib.sha256(PICTOGRAMS.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    write_file(options.output / "mini16.json", json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary["zero_shot_test"], indent=1))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="unpacked npm package @iconify/json")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--samples", type=int, default=2_000_000, help="images the image tower sees (%(default)s)")
    parser.add_argument("--text-steps", type=int, default=1500, help="steps of the text tower (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ASSETS, help="folder to write to (default: %(default)s)")
    options = parser.parse_args(argv)
    return exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
