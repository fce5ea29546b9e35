"""Train the small CLIP on icons that Pictograms does not hold, and store its weights.

    python -m demo.train_mini_clip --package PATH/TO/package --work FOLDER

Needs the built datasets/pictograms/pictograms.zip, whose images it leaves out. Writes mini16.npz and mini16.json into
trainers/prompting/assets. FOLDER keeps the icons, each stage that is done and where the current one stands: the same
call goes on after an interruption. Delete it to start anew.
"""
import argparse
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from clip.model import CLIP

from compat.errors import exit_code
from compat.files import atomic_write, write_file

from . import iconify, image_tower, mini_clip, text_tower, weights, zero_shot
from .building import DATASETS
from .icon_names import words
from .pretraining_data import PretrainingData, choose, pictograms
from .selection import load_json
from .styles import STYLES

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


def train_image_tower(model: CLIP, data: PretrainingData, work: Path, samples: Sequence[int], seed: int
                      ) -> tuple[torch.Tensor, list[Summary]]:
    """The stages of the image tower, each once; the model's image tower is changed in place.

    Args:
        samples: images to see in each stage.

    Returns:
        caption table float32 (captions, embed_dim), unit rows, and a summary of each stage.
    """
    _, labels, class_names = zero_shot.load_split(PICTOGRAMS, "val")
    caption_of = {wordings[0]: index for index, wordings in enumerate(data.texts)}
    class_captions = torch.tensor([caption_of[name] for name in class_names])
    images = torch.from_numpy(np.stack(list(pictograms(PICTOGRAMS, "val"))))
    classifier = image_tower.CaptionClassifier(model.visual, len(data.texts), mini_clip.SIZES["embed_dim"])
    summaries: list[Summary] = []
    for stage, count in zip(image_tower.STAGES, samples, strict=True):
        stage = dataclasses.replace(stage, samples=count, horizon=stage.horizon * count // stage.samples)
        path = work / f"image_tower_{stage.name}.pt"
        if path.is_file():
            stored = torch.load(path, weights_only=True)
            classifier.load_state_dict(stored["model"])
            summaries.append(stored["summary"])
            continue
        state, started = work / f"image_tower_{stage.name}_started.pt", time.time()
        accuracy = image_tower.train(classifier, data, stage, state, seed=seed, class_captions=class_captions,
                                     validation=(images, class_captions[labels]))
        summaries.append({"samples": count, "scale": round(classifier.scale.item(), 2),
                          "val_accuracy_with_caption_table": round(accuracy, 1),
                          "seconds_of_last_start": round(time.time() - started)})
        with atomic_write(path) as file:
            torch.save({"model": classifier.state_dict(), "summary": summaries[-1]}, file)
        state.unlink(missing_ok=True)
    model.logit_scale.data.fill_(classifier.scale.item()).log_()
    return F.normalize(classifier.table.detach(), dim=1), summaries


def texts_to_keep(package: Path, data: PretrainingData) -> list[str]:
    """Texts whose token rows stay: captions, class words, common templates, and the emoji sets' names."""
    texts = [wording for wordings in data.texts for wording in wordings]
    texts += [word for wordings in load_json("class_words.json").items() for word in (wordings[0], *wordings[1])]
    texts += [*text_tower.TEMPLATES, *load_json("kept_words.json")]
    texts += [template for style in STYLES.values() for template in style.templates]
    for name in iconify.EMOJI_SETS:
        texts += [" ".join(words(icon.name)) for icon in iconify.read_icon_set(package, name).icons]
    return texts


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    model = mini_clip.build()
    data = pretraining_data(options.package, options.work)
    table, image_summaries = train_image_tower(model, data, options.work, options.samples, options.seed)
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
                        "image_tower": image_summaries, "text_tower": text_summary},
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
    samples = [stage.samples for stage in image_tower.STAGES]
    parser.add_argument("--samples", type=int, nargs=len(samples), default=samples, metavar="N",
                        help="images that each stage of the image tower sees (%(default)s)")
    parser.add_argument("--text-steps", type=int, default=3000, help="steps of the text tower (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ASSETS, help="folder to write to (default: %(default)s)")
    options = parser.parse_args(argv)
    return exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
