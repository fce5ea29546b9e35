"""The field's fifteen data sets, on small trees in their layouts."""
import json
from collections import Counter

import pytest
import yaml
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from datasets_on_disk import dataset_config
from raw_trees import MAKERS, touch, write_lines

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError

# Class names by label, as the rules of each data set give them for the trees of raw_trees.py.
CLASS_NAMES = {
    "Caltech101": ["face", "leopard", "motorbike", "accordion", "airplane"],
    "DescribableTextures": ["banded", "polka-dotted", "zigzagged"],
    "Food101": ["apple_pie", "waffles"],
    "EuroSAT": ["Annual Crop Land", "Forest", "Herbaceous Vegetation Land", "Highway or Road", "Industrial Buildings",
                "Pasture Land", "Permanent Crop Land", "Residential Buildings", "River", "Sea or Lake"],
    "OxfordPets": ["abyssinian", "american_pit_bull_terrier"],
    "StanfordCars": ["2000 AM General Hummer SUV", "2012 Acura RL Sedan"],
    "OxfordFlowers": ["pink primrose", "hard-leaved pocket orchid"],
    "FGVCAircraft": ["707-320", "A300B4", "Cessna 172"],
    "SUN397": ["abbey", "indoor apse", "airplane_cabin"],
    "UCF101": ["Apply_Eye_Makeup", "Yo_Yo", "Archery"],
    "ImageNet": ["tench", "crane", "schipperke", "crane"],
    "ImageNetV2": ["tench", "crane", "schipperke", "crane"],
    "ImageNetSketch": ["tench", "crane", "schipperke", "crane"],
    "ImageNetA": ["crane", "schipperke", "crane"],
    "ImageNetR": ["tench", "crane", "schipperke"],
}
THIRDS = ("Caltech101", "DescribableTextures", "Food101", "EuroSAT", "OxfordFlowers")  # random 50/20/30 per class
OFFICIAL_TEST = ("OxfordPets", "StanfordCars", "SUN397", "UCF101")  # official test, 20 % of train for validation
TEST_ONLY = ("ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR")
RANDOM = THIRDS + OFFICIAL_TEST


def build(name, root, **options):
    cfg = dataset_config(root, **options)
    cfg.DATASET.NAME = name
    return build_dataset(cfg)


def counts(items):
    """{label: number of items}"""
    return Counter(item.label for item in items)


@pytest.fixture(params=MAKERS)
def made(request, tmp_path):
    """(name, root) of each data set, made from raw files."""
    MAKERS[request.param](tmp_path)
    return request.param, tmp_path


def test_class_names_follow_the_rules_of_each_data_set(made):
    name, root = made
    data = build(name, root)
    assert [data.lab2cname[label] for label in range(data.num_classes)] == CLASS_NAMES[name]


def test_every_image_exists_and_is_in_one_part_only(made):
    name, root = made
    data = build(name, root)
    parts = [data.test, data.val or []] if name in TEST_ONLY else [data.train_x, data.val or [], data.test]
    paths = [item.impath for part in parts for item in part]
    assert len(set(paths)) == len(paths) > 0
    for path in paths:
        with open(path, "rb"):
            pass


def test_base_and_new_classes_are_the_first_and_the_second_half(made):
    name, root = made
    names = CLASS_NAMES[name]
    half = (len(names) + 1) // 2
    halves = {"base": names[:half], "new": names[half:]}
    tested = {}
    for subsample, wanted in halves.items():
        if len(wanted) < 2:
            with pytest.raises(UserError, match="has 1 class where DATASET.SUBSAMPLE_CLASSES"):
                build(name, root, subsample=subsample)
            continue
        data = build(name, root, subsample=subsample)
        assert [data.lab2cname[label] for label in range(data.num_classes)] == wanted
        tested[subsample] = {item.impath for item in data.test}
    assert not tested.get("base", set()) & tested.get("new", set())


def test_few_shots_cut_train_and_leave_test_alone(made):
    name, root = made
    everything, data = build(name, root), build(name, root, shots=2)
    if name in TEST_ONLY:
        assert counts(data.train_x) == counts(everything.test)
    else:
        assert set(counts(data.train_x).values()) == ({1} if name == "FGVCAircraft" else {2})
    assert [item.impath for item in data.test] == [item.impath for item in everything.test]


@pytest.mark.parametrize("name", THIRDS)
def test_a_random_split_in_three_has_5_2_and_3_of_10_images(name, tmp_path):
    MAKERS[name](tmp_path)
    data = build(name, tmp_path)
    for part, size in ((data.train_x, 5), (data.val, 2), (data.test, 3)):
        assert set(counts(part).values()) == {size}


@pytest.mark.parametrize("name", OFFICIAL_TEST)
def test_validation_images_are_a_fifth_of_train_and_test_is_official(name, tmp_path):
    MAKERS[name](tmp_path)
    data = build(name, tmp_path)
    n_train, n_test = (5, 5) if name == "StanfordCars" else (10, 4)
    for part, size in ((data.train_x, n_train * 4 // 5), (data.val, n_train // 5), (data.test, n_test)):
        assert set(counts(part).values()) == {size}


@pytest.mark.parametrize("name", RANDOM)
def test_a_random_split_is_announced_and_kept_beside_the_official_name(name, tmp_path, capsys):
    MAKERS[name](tmp_path)
    reading = DATASET_REGISTRY.get(name).read(tmp_path)
    assert not reading.official
    line = capsys.readouterr().out
    assert "results are not comparable" in line and DATASET_REGISTRY.get(name).split_file in line
    kept = reading.folder / f"split_own_{name}.json"
    assert not (reading.folder / DATASET_REGISTRY.get(name).split_file).exists()
    again = DATASET_REGISTRY.get(name).read(tmp_path)
    assert again == reading
    kept.unlink()
    assert DATASET_REGISTRY.get(name).read(tmp_path) == reading  # a fixed seed


@pytest.mark.parametrize("name", RANDOM)
def test_the_official_split_is_read_where_it_is(name, tmp_path, capsys):
    MAKERS[name](tmp_path)
    dataset = DATASET_REGISTRY.get(name)
    parts = dataset.read(tmp_path).parts
    official = {part: [list(item) for item in reversed(items)] for part, items in parts.items()}
    folder = tmp_path / dataset.dataset_dir
    (folder / dataset.split_file).write_text(json.dumps(official))
    capsys.readouterr()
    reading = dataset.read(tmp_path)
    assert reading.official and capsys.readouterr().out == ""
    assert {part: [list(item) for item in items] for part, items in reading.parts.items()} == official


def test_old_class_names_in_an_official_split_are_rewritten(tmp_path):
    folder = tmp_path / "eurosat"
    folder.mkdir()
    part = [["AnnualCrop/1.jpg", 0, "AnnualCrop"], ["SeaLake/1.jpg", 1, "SeaLake"]]
    (folder / "split_zhou_EuroSAT.json").write_text(json.dumps({"train": part, "val": [], "test": [
        [path.replace("1", "2"), label, name] for path, label, name in part]}))
    parts = DATASET_REGISTRY.get("EuroSAT").read(tmp_path).parts
    assert [name for _, _, name in parts["train"]] == ["Annual Crop Land", "Sea or Lake"]


@pytest.mark.parametrize("name", ["FGVCAircraft", "ImageNet", *TEST_ONLY])
def test_splits_without_chance_make_no_file(name, tmp_path, capsys):
    MAKERS[name](tmp_path)
    before = {path for path in tmp_path.rglob("*") if not path.name.startswith(".listing")}
    assert DATASET_REGISTRY.get(name).read(tmp_path).official
    assert {path for path in tmp_path.rglob("*") if not path.name.startswith(".listing")} == before
    assert capsys.readouterr().out == ""


def test_aircraft_lists_are_taken_as_they_are(tmp_path):
    MAKERS["FGVCAircraft"](tmp_path)
    parts = DATASET_REGISTRY.get("FGVCAircraft").read(tmp_path).parts
    assert parts["val"] == [("0000200.jpg", 2, "Cessna 172"), ("0000201.jpg", 0, "707-320"),
                            ("0000202.jpg", 1, "A300B4")]


def test_imagenet_validation_images_are_the_test_images(tmp_path):
    MAKERS["ImageNet"](tmp_path)
    data = build("ImageNet", tmp_path, shots=4)
    assert counts(data.train_x) == dict.fromkeys(range(4), 4)
    assert counts(data.test) == dict.fromkeys(range(4), 3)
    assert all("/images/val/" in item.impath for item in data.test) and not data.val
    assert data.lab2cname[1] == data.lab2cname[3] == "crane"


def test_imagenet_split_digest_follows_the_files(tmp_path):
    MAKERS["ImageNet"](tmp_path)
    dataset = DATASET_REGISTRY.get("ImageNet")
    before = dataset.read(tmp_path).split_digest
    assert dataset.read(tmp_path).split_digest == before
    touch(tmp_path / "imagenet" / "images" / "train" / "n01440764", ["another.JPEG"])
    assert dataset.read(tmp_path).split_digest != before


BAD = {
    "a class without a name": ("ImageNet", lambda root: touch(root / "imagenet/images/train/n09999999", ["1.JPEG"]),
                               "n09999999"),
    "a test class without training images": (
        "ImageNet", lambda root: touch(root / "imagenet/images/val/n09999999", ["1.JPEG"]), "n09999999"),
    "an empty class": ("ImageNet", lambda root: (root / "imagenet/images/train/n01440000").mkdir(), "n01440000"),
    "no class names": ("ImageNetSketch", lambda root: (root / "imagenet-sketch/classnames.txt").unlink(),
                       "classnames.txt"),
    "a line without a name": ("ImageNetR", lambda root: write_lines(root / "imagenet-rendition/classnames.txt", ["n1"]),
                              "'n1'"),
    "a folder that is no label": (
        "ImageNetV2", lambda root: touch(root / "imagenetv2/imagenetv2-matched-frequency-format-val/cat", ["1.jpg"]),
        "/cat'"),
    "a variant that is not listed": (
        "FGVCAircraft", lambda root: write_lines(root / "fgvc_aircraft/images_variant_val.txt", ["0000200 Zeppelin"]),
        "0000200 Zeppelin"),
    "a missing list": ("SUN397", lambda root: (root / "sun397/Testing_01.txt").unlink(), "Testing_01.txt"),
    "a scene that is not listed": ("SUN397", lambda root: write_lines(root / "sun397/Testing_01.txt", ["/z/zoo/1.jpg"]),
                                   "/z/zoo/1.jpg"),
    "a damaged MATLAB file": (
        "StanfordCars", lambda root: (root / "stanford_cars/devkit/cars_meta.mat").write_text("x"), "cars_meta.mat"),
    "a flower without a name": (
        "OxfordFlowers", lambda root: (root / "oxford_flowers/cat_to_name.json").write_text('{"1": "pink primrose"}'),
        "cat_to_name.json"),
    "a line without a label": (
        "OxfordPets", lambda root: write_lines(root / "oxford_pets/annotations/test.txt", ["Abyssinian_1"]),
        "Abyssinian_1"),
    "a missing image": (
        "FGVCAircraft", lambda root: (root / "fgvc_aircraft/images/0000300.jpg").unlink(), "0000300.jpg"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named_in_one_sentence(case, tmp_path):
    name, damage, word = BAD[case]
    MAKERS[name](tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        build(name, tmp_path)
    assert word in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("split_own_*"))


def test_a_missing_class_folder_is_named(tmp_path):
    MAKERS["Food101"](tmp_path)
    dataset = DATASET_REGISTRY.get("Food101")
    dataset.read(tmp_path)
    (tmp_path / "food-101" / "images" / "waffles").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"class folder '.*/images/waffles' is missing \(10 of 20 images"):
        build("Food101", tmp_path)


def test_a_folder_name_that_is_nearly_right_is_named(tmp_path):
    (tmp_path / "caltech101").mkdir()
    with pytest.raises(UserError, match="but there is '.*/caltech101': rename that one"):
        build("Caltech101", tmp_path)
    with pytest.raises(UserError, match="put it there, or give --root"):
        build("EuroSAT", tmp_path)
    with pytest.raises(UserError, match="data root '.*/nowhere' cannot be listed .No such file"):
        build("EuroSAT", tmp_path / "nowhere")


def test_every_data_set_has_a_yaml(repository):
    named = {yaml.safe_load(path.read_text())["DATASET"]["NAME"]
             for path in (repository / "configs" / "datasets").glob("*.yaml")}
    assert set(MAKERS) <= named <= set(DATASET_REGISTRY.registered_names())


def test_hand_written_prompts_are_those_of_coop():
    special = {
        "OxfordPets": "a photo of a {}, a type of pet.", "OxfordFlowers": "a photo of a {}, a type of flower.",
        "FGVCAircraft": "a photo of a {}, a type of aircraft.", "DescribableTextures": "{} texture.",
        "EuroSAT": "a centered satellite photo of {}.", "Food101": "a photo of {}, a type of food.",
        "UCF101": "a photo of a person doing {}.",
    }
    for name in MAKERS:
        assert DATASET_REGISTRY.get(name).template == special.get(name, "a photo of a {}."), name
    for name in ("Pictograms", "PictogramsInverted", "PictogramsContour", "PictogramsFar", "EmojiAnimals", "EmojiFood",
                 "EmojiTransport", "EmojiObjects"):
        assert DATASET_REGISTRY.get(name).template == "a pictogram of a {}."
