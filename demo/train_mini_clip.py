"""Train the small CLIP on icons that Pictograms does not hold, and store its weights.

    python -m demo.train_mini_clip --package PATH/TO/package --work FOLDER

Needs the built datasets/pictograms/pictograms.zip, whose images it leaves out. Writes mini16.npz and mini16.json into
trainers/prompting/assets. FOLDER keeps the results of the steps before (icons, image tower): delete it to start anew.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import torch

from . import iconify, image_tower, mini_clip, text_tower, weights, zero_shot
from .archive import write_text
from .icon_names import words
from .pretraining_data import EMOJI_SETS, PretrainingData, choose, pictograms
from .selection import load_json

ROOT = Path(__file__).resolve().parents[1]
PICTOGRAMS = ROOT / "datasets" / "pictograms" / "pictograms.zip"
ASSETS = ROOT / "trainers" / "prompting" / "assets"
REPORTED_TEMPLATES = ("a pictogram of a {}.", "a photo of a {}.", "{}")


def pretraining_data(package, work):
    """Choose and draw the icons, once."""
    path = work / "icons.npz"
    if not path.is_file():
        choose(package, PICTOGRAMS).save(path)
    return PretrainingData.load(path)


def train_image_tower(model, data, work, samples, seed):
    """Stage 1, once: returns the caption table and a summary; the model's image tower is changed in place."""
    path = work / "image_tower.pt"
    if not path.is_file():
        _, labels, class_names = zero_shot.load_split(PICTOGRAMS, "val")
        caption_of = {wordings[0]: index for index, wordings in enumerate(data.texts)}
        class_captions = torch.tensor([caption_of[name] for name in class_names])
        images = torch.stack([torch.from_numpy(image) for image in pictograms(PICTOGRAMS, "val")])
        started = time.time()
        table, scale, accuracy = image_tower.train(
            model.visual, data, mini_clip.SIZES["embed_dim"], samples=samples, seed=seed,
            class_captions=class_captions, validation=(images, class_captions[labels]),
        )
        summary = {"samples": samples, "scale": round(scale, 2), "val_accuracy_with_caption_table": round(accuracy, 1),
                   "seconds": round(time.time() - started)}
        torch.save({"visual": model.visual.state_dict(), "table": table, "summary": summary}, path)
    stored = torch.load(path, weights_only=True)
    model.visual.load_state_dict(stored["visual"])
    model.logit_scale.data.fill_(stored["summary"]["scale"]).log_()
    return stored["table"], stored["summary"]


def texts_to_keep(package, data):
    """Texts whose token rows stay: captions, class words, common templates, and the emoji sets' names."""
    texts = [wording for wordings in data.texts for wording in wordings]
    texts += [word for wordings in load_json("class_words.json").items() for word in (wordings[0], *wordings[1])]
    texts += [*text_tower.TEMPLATES, *load_json("kept_words.json")]
    for name in EMOJI_SETS:
        texts += [" ".join(words(icon.name)) for icon in iconify.read_icon_set(package, name).icons]
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, help="unpacked npm package @iconify/json")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--samples", type=int, default=2_000_000, help="images the image tower sees (%(default)s)")
    parser.add_argument("--text-steps", type=int, default=1500, help="steps of the text tower (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ASSETS, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.output.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(arguments.seed)
    model = mini_clip.build()
    data = pretraining_data(arguments.package, arguments.work)
    table, image_summary = train_image_tower(model, data, arguments.work, arguments.samples, arguments.seed)
    started = time.time()
    loss = text_tower.train(model, table, data.texts, steps=arguments.text_steps, seed=arguments.seed)
    text_summary = {"steps": arguments.text_steps, "loss": round(loss, 4), "seconds": round(time.time() - started)}

    kept = weights.used_tokens(texts_to_keep(arguments.package, data))
    path = arguments.output / "mini16.npz"
    weights.save(path, weights.export(model, kept))
    model.load_state_dict(weights.load(path))
    test = zero_shot.load_split(PICTOGRAMS, "test")
    model.eval()
    summary = {
        "sizes": mini_clip.SIZES,
        "source": f"npm @iconify/json {iconify.package_version(arguments.package)}",
        "pretraining": {"icons": len(data.images), "captions": len(data.texts), "seed": arguments.seed,
                        "image_tower": image_summary, "text_tower": text_summary},
        "token_rows_kept": len(kept),
        "zero_shot_test": {template: zero_shot.accuracies(model, *test, template) for template in REPORTED_TEMPLATES},
        "pictograms_sha256": hashlib.sha256(PICTOGRAMS.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    write_text(arguments.output / "mini16.json", json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary["zero_shot_test"], indent=1))


if __name__ == "__main__":
    main()
