"""Linear probe: its numbers are scikit-learn's on CLIP's features, and no test image has a say in them."""
import json
import shutil
import sys

import numpy as np
import pytest
import torch
from dassl.data.transforms import build_transform
from sklearn.linear_model import LogisticRegression
from small_run import call, make_room, refused, words

import train
from compat.errors import UserError
from compat.tensor_files import read_tensors
from experiments import linear_probe
from experiments.reporting.request import read_request
from experiments.reporting.tables import make_tables
from predict import load_run
from trainers.prompting.clip_loading import load_clip
from trainers.prompting.logistic_regression import Fit, Labelled, chosen_fit, fit
from trainers.running import built_trainer

ALL = ("DATASET.SUBSAMPLE_CLASSES", "all")
GIVEN = (*ALL, "DATASET.NUM_SHOTS", -1, "TRAINER.LINEARPROBE.C", 3.0)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make_room(tmp_path_factory.mktemp("room"))


def argv(room, *flags, output="out", pairs=GIVEN):
    return words(room, *flags, output=output, trainer="LinearProbe", pairs=pairs)


def probed(room, output, pairs=GIVEN):
    """Output folder of a run, and what it printed; it is run once."""
    done = call(argv(room, output=output, pairs=pairs))
    assert done.code == 0, done
    return room / output, done.out


def features_of(room, part, classes):
    """Features float64 of the images of a part, and their labels, class by class."""
    from PIL import Image

    cfg = train.make_config(train.parse_arguments(argv(room)))
    transform, clip_model = build_transform(cfg, is_train=False), load_clip(str(room / "clip.pt"))
    paths = [(path, label) for label, name in enumerate(classes)
             for path in sorted((room / "images" / part / name).iterdir())]
    with torch.no_grad():
        found = clip_model.encode_image(torch.stack([transform(Image.open(path)) for path, _ in paths]))
    return found.double().numpy(), np.array([label for _, label in paths])


def last_record(folder, name="results.jsonl"):
    return json.loads((folder / name).read_text().splitlines()[-1])


@pytest.mark.parametrize("classes", [("blue", "green", "red", "white"), ("blue", "green")])
def test_it_is_scikit_learn_on_plain_features(room, classes):
    folder, _ = probed(room, f"of_{len(classes)}", (*GIVEN, *(
        () if len(classes) == 4 else ("DATASET.SUBSAMPLE_CLASSES", "base"))))
    features, labels = features_of(room, "train", classes)
    expected = LogisticRegression(C=3.0, max_iter=1000).fit(features, labels)
    state = read_tensors(str(folder / "linear_probe" / "model.pth.tar-1"))["state_dict"]
    assert sorted(state) == ["classifier.bias", "classifier.weight"]  # nothing of CLIP
    test, truth = features_of(room, "test", classes)
    logits = test @ state["classifier.weight"].double().numpy().T + state["classifier.bias"].double().numpy()
    wanted = expected.predict_proba(test)
    found = torch.tensor(logits).softmax(dim=1).numpy()
    assert np.allclose(found, wanted, atol=2e-3)  # L-BFGS ends near the minimum
    record, epoch = last_record(folder), last_record(folder, "training.jsonl")
    assert (record["correct"], record["total"]) == ((wanted.argmax(axis=1) == truth).sum(), len(truth))
    assert (record["trainer"], record["epoch"], record["origin"]) == ("LinearProbe", 1, "verified")
    assert epoch["C"] == 3.0 and epoch["acc"] == pytest.approx(100 * (expected.predict(features) == labels).mean())


def test_c_is_right_on_most_validation_images():
    draw = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 12, generator=draw)
    train_images, val = (Labelled(centres.repeat(n, 1) + torch.randn(5 * n, 12, generator=draw),
                                  torch.arange(5).repeat(n)) for n in (3, 8))
    chosen = chosen_fit(train_images, val)
    eighths = round(8 * np.log10(chosen.c))
    assert chosen.c == 10 ** (eighths / 8) and abs(eighths) <= 48
    others = [fit(train_images, 10 ** (one / 8)).score(val)
              for one in (*range(-48, 49, 16), eighths - 1, eighths + 1)]
    accuracy, loss = chosen.score(val)
    assert min(one for one, _ in others) < accuracy
    assert all((one, -other) <= (accuracy, -loss) for one, other in others)


def test_score_is_accuracy_and_cross_entropy():
    images = Labelled(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0]))
    found = Fit(1.0, torch.eye(2).double(), torch.zeros(2).double(), True)
    loss = (np.log1p(np.exp(-1.0)) + np.log1p(np.exp(2.0))) / 2
    assert found.score(images) == (50.0, pytest.approx(loss))


def test_test_images_have_no_say(room, tmp_path, monkeypatch):
    """Without validation images, C is chosen on training images that are not drawn; other test images change nothing.
    """
    pairs = (*ALL, "DATASET.NUM_SHOTS", 1)
    folder, printed = probed(room, "drawn", pairs)
    assert "validation images: " in printed and "has the best accuracy on 4 validation images" in printed
    other = shutil.copytree(room, tmp_path / "other", ignore=shutil.ignore_patterns("drawn", "of_*"))
    for path in (other / "images" / "test").rglob("*.png"):
        shutil.copy(room / "images" / "train" / "red" / "0.png", path)
    again, _ = probed(other, "again", pairs)
    one, two = (read_tensors(str(path / "linear_probe" / "model.pth.tar-1"))["state_dict"] for path in (folder, again))
    assert all(torch.equal(one[key], two[key]) for key in one)
    with built_trainer(train.make_config(train.parse_arguments(argv(room, output="unused", pairs=pairs)))) as trainer:
        drawn, chosen_by, tested = ({item.impath for item in items} for items in (
            trainer.dm.dataset.train_x, trainer.images_to_choose_by(), trainer.dm.dataset.test))
        assert len(drawn) == len(chosen_by) == 4 and not drawn & chosen_by and not tested & chosen_by
        trainer.dm.dataset._val = trainer.dm.dataset.test  # as some loaders of ImageNet have it
        assert {item.impath for item in trainer.images_to_choose_by()} == chosen_by


def test_features_are_kept_and_serve_again(room):
    _, first = probed(room, "first", (*ALL, "DATASET.NUM_SHOTS", 1, "INPUT.OVER_WHITE", True))
    _, second = probed(room, "second", (*ALL, "DATASET.NUM_SHOTS", 1, "INPUT.OVER_WHITE", True, "TEST.SPLIT", "val"))
    for what in ("training", "validation", "test"):
        assert f"features of {what} images: computed, and kept in" in first
        assert f"features of {what} images: read from" in second
    assert "is done already" in probed(room, "first", (*ALL, "DATASET.NUM_SHOTS", 1, "INPUT.OVER_WHITE", True))[1]
    one, two = (last_record(room / name) for name in ("first", "second"))
    assert one["correct"] == two["correct"]


def test_new_and_other_classes_are_refused(room, tmp_path):
    refused(room, argv(room, pairs=("DATASET.SUBSAMPLE_CLASSES", "new")), "no meaning on new", "base or all")
    base, _ = probed(room, "base", (*GIVEN, "DATASET.SUBSAMPLE_CLASSES", "base"))
    test = ("--eval-only", "--model-dir", str(base))
    refused(room, argv(room, *test, pairs=("DATASET.SUBSAMPLE_CLASSES", "new", "DATASET.NUM_SHOTS", -1)), "new ones")
    (tmp_path / "names.txt").write_text("red\nwhite\n")
    refused(room, argv(room, *test, pairs=("DATASET.CLASSES", tmp_path / "names.txt", *ALL, *GIVEN[2:])),
            "a classifier of its classes")
    with pytest.raises(UserError, match="a classifier of its classes.*leave --classes out"):
        load_run(base, ["red", "white"])


def test_class_specific_context_is_not_tested_on_other_classes(room):
    """Base and new have as many classes, so that the context would fit, and mean nothing."""
    own = ("TRAINER.COOP.CSC", True)
    assert call(words(room, output="csc", pairs=own)).code == 0
    test = ("--eval-only", "--model-dir", str(room / "csc"))
    refused(room, words(room, *test, pairs=(*own, "DATASET.SUBSAMPLE_CLASSES", "new")), "TRAINER.COOP.CSC")
    assert call(words(room, *test, output="csc_test", pairs=own)).code == 0


@pytest.mark.parametrize("pairs, parts", [
    ((*ALL, "DATASET.NUM_SHOTS", -1), ("no validation images", "TRAINER.LINEARPROBE.C")),
    ((*ALL, "TRAINER.LINEARPROBE.C", -1.0), ("TRAINER.LINEARPROBE.C is -1.0", "0 to choose it"))])
def test_what_cannot_be_fitted_is_refused(room, pairs, parts):
    refused(room, argv(room, pairs=pairs), *parts)


def test_without_scikit_learn(room, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    refused(room, argv(room), "scikit-learn", "pip install -r requirements.txt")


def test_a_model_has_to_be_named(room):
    refused(room, argv(room, "--eval-only"), "no folder to load the model from")


def test_predictions_are_the_evaluation_s(room):
    folder, _ = probed(room, "predicted")
    images = sorted((room / "images" / "test").rglob("*.png"))
    model = load_run(folder)
    found = model.predict(images)
    assert sum(one.label == path.parent.name for one, path in zip(found, images, strict=True)) == last_record(
        folder)["correct"]
    with pytest.raises(UserError, match="no texts, and no features of them"):
        model.features(images)


def test_script_writes_a_row_of_the_few_shot_table(room, monkeypatch, capsys):
    monkeypatch.chdir(room)
    for name in ("DATA", "OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    command = ["--root", str(room / "images"), "--dataset-config-file", str(room / "small.yaml"), "--config-file",
               str(room / "small.yaml"), "DATASET.SUBSAMPLE_CLASSES", "all"]
    for shots in ("1", "2"):
        assert linear_probe.main(["--shots", shots, *command, "TRAINER.LINEARPROBE.C", "1"]) == 0
    assert (room / "output/small/LinearProbe/small_2shots/seed1/done").is_file()
    (table,) = make_tables(read_request([room / "output"]), "few_shot", [str(room / "output")])
    assert table.columns[-2:] == ["1 shot", "2 shots"] and table.rows[0][1].text == "LinearProbe"
    assert linear_probe.main(["--shots", "1"]) == 2
    assert "--dataset-config-file" in capsys.readouterr().err


@pytest.mark.parametrize("trainer", ["LinearProbe", "CoOp", "ZeroshotCLIP"])
def test_test_images_are_not_trained_on(room, monkeypatch, trainer):
    """Data sets of test images alone hand them out as training images, too, for the names of their classes."""
    monkeypatch.setattr("datasets.image_folder.ImageFolder.test_only", True)
    command = words(room, output=f"only_{trainer}", trainer=trainer, pairs=ALL)
    if trainer == "ZeroshotCLIP":
        assert call(command).code == 0
    else:
        refused(room, command, "test images alone", "--eval-only")
        assert not (room / f"only_{trainer}").exists()
