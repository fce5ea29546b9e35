"""What a config chooses of one's own data: a split file or table, its seed, a template, some classes."""
import json

import pytest
from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from datasets_on_disk import OnDisk, dataset_config, small_split, write_dataset

import datasets  # noqa: F401  registers the data sets
from compat.errors import UserError
from datasets.config import extend_cfg


def fill(folder, **classes):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / name / f"{number}.png").touch()


def build(root, name="ImageFolder", subsample="all", **options):
    cfg = dataset_config(root)
    extend_cfg(cfg)
    cfg.DATASET.NAME, cfg.DATASET.SUBSAMPLE_CLASSES = name, subsample
    for key, value in options.items():
        cfg.DATASET[key] = str(value) if key != "SPLIT_SEED" else value
    return build_dataset(cfg)


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def chosen(items, root):
    return [(item.impath.removeprefix(f"{root}/"), item.label, item.classname) for item in items]


@pytest.mark.parametrize("name", ["split_image_folder.json", "split_own_ImageFolder.json", "mine.json"])
def test_a_given_split_is_read_and_never_written(tmp_path, name):
    fill(tmp_path, cat=4, dog=4)
    split = {"train": [["dog/0.png", 1, "hound"], ["cat/0.png", 0, "cat"]], "val": [["cat/1.png", 0, "cat"]],
             "test": [["dog/2.png", 1, "hound"], ["cat/3.png", 0, "cat"]]}
    (tmp_path / name).write_text(json.dumps(split, indent=3))
    before = tree(tmp_path)
    for _ in range(2):
        data = build(tmp_path, SPLIT_FILE=tmp_path / name)
        for part, items in (("train", data.train_x), ("val", data.val), ("test", data.test)):
            assert chosen(items, tmp_path) == [tuple(entry) for entry in split[part]]
        assert tree(tmp_path) == before


@pytest.mark.parametrize("content", ["{}", "mine", '{"train": [], "val": [], "test": []}', "[1]"])
def test_a_split_of_the_user_beside_the_folders_is_left_alone_and_named(tmp_path, capsys, content):
    fill(tmp_path, cat=4, dog=4)
    (tmp_path / "split_image_folder.json").write_text(content)
    build(tmp_path)
    said = capsys.readouterr().out
    assert "split_image_folder.json in" in said and "is not used: DATASET.SPLIT_FILE" in said
    assert (tmp_path / "split_image_folder.json").read_text() == content
    assert (tmp_path / "split_own_ImageFolder.json").exists()


def test_a_split_of_an_earlier_version_goes_on_to_count(tmp_path):
    fill(tmp_path, cat=10, dog=10)
    first = DATASET_REGISTRY.get("ImageFolder").read(tmp_path)
    (tmp_path / "split_own_ImageFolder.json").rename(tmp_path / "split_image_folder.json")
    assert DATASET_REGISTRY.get("ImageFolder").read(tmp_path) == first
    assert not (tmp_path / "split_own_ImageFolder.json").exists()


def test_another_data_set_takes_a_given_split_too(tmp_path):
    folder = write_dataset(tmp_path, small_split())
    official = (folder / "split.json").read_text()
    mine = {part: items[:7] for part, items in small_split().items()}
    mine["train"], mine["test"] = mine["train"][:3], mine["test"][:3]
    mine = {part: items + [[f"c1/{part}0.png", 1, "class 1"]] * (part != "val") for part, items in mine.items()}
    (tmp_path / "mine.json").write_text(json.dumps({**mine, "val": []}))
    reading = OnDisk.read(tmp_path, {"SPLIT_FILE": str(tmp_path / "mine.json")})
    assert reading.parts["train"] == [tuple(entry) for entry in mine["train"]]
    assert reading.split_digest != OnDisk.read(tmp_path).split_digest
    assert (folder / "split.json").read_text() == official


def test_seeds_give_different_splits_and_the_same_one_again(tmp_path):
    fill(tmp_path, cat=20, dog=20)
    found = {seed: chosen(build(tmp_path, SPLIT_SEED=seed).test, tmp_path) for seed in (1, 2, 3)}
    assert len({str(items) for items in found.values()}) == 3
    assert all(len(items) == 12 for items in found.values())
    for seed, items in found.items():
        assert chosen(build(tmp_path, SPLIT_SEED=seed).test, tmp_path) == items
    assert found[1] == chosen(build(tmp_path).test, tmp_path)
    (tmp_path / "birds").mkdir()
    fill(tmp_path / "birds", crow=4, emu=4)
    assert [build(tmp_path / "birds", SPLIT_SEED=seed).label for seed in (1, 2)] == ["birds", "birds, split 2"]


def test_the_seed_of_a_split_that_is_fixed_is_refused(tmp_path):
    write_dataset(tmp_path, small_split())
    with pytest.raises(UserError, match="DATASET.SPLIT_SEED is 2, but the split of OnDisk is fixed"):
        OnDisk.read(tmp_path, {"SPLIT_SEED": 2})


def write_csv(folder, text):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder / "labels.csv"


def test_a_table_with_a_split(tmp_path):
    fill(tmp_path, pictures=6)
    table = write_csv(tmp_path, "\ufeffsplit,Path,Label\r\nTrain,pictures/0.png,10\ntrain,pictures/1.png,9\n\n"
                      'valid,pictures/2.png,9\nTEST,"pictures/3.png", 10\ntest,pictures\\4.png,9\n')
    data = build(tmp_path, SPLIT_FILE=table)
    assert data.classnames == ["9", "10"]
    assert chosen(data.train_x, tmp_path) == [("pictures/0.png", 1, "10"), ("pictures/1.png", 0, "9")]
    assert chosen(data.val, tmp_path) == [("pictures/2.png", 0, "9")]
    assert chosen(data.test, tmp_path) == [("pictures/3.png", 1, "10"), ("pictures/4.png", 0, "9")]


@pytest.mark.parametrize("split", [True, False])
def test_a_table_without_validation_images_or_without_a_split(tmp_path, split):
    fill(tmp_path, all=40)
    rows = [f"all/{k}.png,{'cat' if k % 2 else 'sea lion'}{',test' * (k < 10) or ',train' if split else ''}"
            for k in range(40)]
    table = write_csv(tmp_path, "path,label" + ",split" * split + "\n" + "\n".join(rows))
    found = [build(tmp_path, SPLIT_FILE=table, SPLIT_SEED=seed) for seed in (1, 1, 2)]
    assert found[0].classnames == ["cat", "sea lion"]
    sizes = [len(part) for part in (found[0].train_x, found[0].val, found[0].test)]
    assert sizes == ([24, 6, 10] if split else [20, 8, 12])
    first, again, other = (chosen(data.train_x, tmp_path) for data in found)
    assert first == again != other
    assert found[0].split_digest == found[1].split_digest != found[2].split_digest


BAD_TABLES = {
    "": "the first row", "path,label": "has no train image", "a,b\n1,2": "the first row",
    "path;label\na;b": "the first row",
    "path,label\nall/0.png": "row 2 has 1 fields", "path,label\n,cat": "row 2 has no path",
    "path,label\nall/0.png,": "row 2 has no label", "path,label,split\nall/0.png,cat,tset": "has the split 'tset'",
    "path,label,split\nall/0.png,cat,": "has the split ''", "path,label\nall/0.png,cat|dog": "'all/0.png' has several",
    "path,label\nall/0.png,cat;dog": "several labels, but all methods here choose one class per image",
    "path,label,label\nall/0.png,cat,dog": "several labels",
    "path,label,split\nall/0.png,cat,train\nall/0.png,dog,train\nall/1.png,dog,test": "/0.png' has several",
    "path,label,split\nall/0.png,cat,train\nall/0.png,cat,test\nall/1.png,dog,train": "image 'all/0.png' twice",
    "path,label,split\n../x.png,cat,train\nall/1.png,dog,train\nall/0.png,cat,test": "has to lead from the image",
    'path,label\n"all/0.png,cat': "cannot read the table",
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_bad_tables_are_named(tmp_path, text):
    fill(tmp_path, all=4)
    table = write_csv(tmp_path, text)
    before = tree(tmp_path)
    with pytest.raises(UserError) as caught:
        build(tmp_path, SPLIT_FILE=table)
    assert BAD_TABLES[text] in str(caught.value) and "labels.csv" in str(caught.value), caught.value
    assert tree(tmp_path) == before


@pytest.mark.parametrize("classname", ["cat", ["cat", "dog"]])
def test_several_labels_of_an_image_are_refused(tmp_path, classname):
    fill(tmp_path, cat=4)
    split = {"train": [["cat/0.png", [0, 1], classname]], "val": [], "test": []}
    (tmp_path / "mine.json").write_text(json.dumps(split))
    with pytest.raises(UserError, match="mine.json': 'cat/0.png' has several labels"):
        build(tmp_path, SPLIT_FILE=tmp_path / "mine.json")


@pytest.mark.parametrize("key", ["SPLIT_FILE", "CLASSES"])
def test_a_file_that_is_not_there_is_named(tmp_path, key):
    fill(tmp_path, cat=4, dog=4)
    for path in (tmp_path / "gone", tmp_path, "\0"):
        with pytest.raises(UserError, match=f"DATASET.{key} '.*is no file"):
            build(tmp_path, **{key: path})


def test_a_template_takes_the_place_of_the_data_sets_own(tmp_path):
    fill(tmp_path, cat=4, dog=4)
    assert build(tmp_path, TEMPLATE="a satellite photo of {}.").template == "a satellite photo of {}."
    assert build(tmp_path).template == "a photo of a {}."
    for template in ("a photo", "{} {}", "{0}", "{x}", "a {} {", "{}\n", "}{", "x" * 300 + "{}"):
        with pytest.raises(UserError, match="DATASET.TEMPLATE .*is no template"):
            build(tmp_path, TEMPLATE=template)


def test_a_list_of_classes(tmp_path):
    fill(tmp_path, cat=10, dog=10, sea_lion=10, emu=10)
    (tmp_path / "list.txt").write_text("Sea Lion\n\ncat\n")
    data = build(tmp_path, CLASSES=tmp_path / "list.txt")
    assert data.lab2cname == {0: "cat", 1: "sea_lion"}
    assert {(item.label, item.classname) for item in data.test} == {(0, "cat"), (1, "sea_lion")} and len(data.test) == 6
    whole = build(tmp_path)
    assert data.split_digest == whole.split_digest and data.class_names_digest == whole.class_names_digest


@pytest.mark.parametrize("text, words", [("cat\nlion", "names 'lion'"), ("cat", "names 1 of"), ("", "names 0 of")])
def test_a_bad_list_of_classes_is_named(tmp_path, text, words):
    fill(tmp_path, cat=10, dog=10)
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=f"DATASET.CLASSES '.*list.txt' {words}"):
        build(tmp_path, CLASSES=tmp_path / "list.txt")
    with pytest.raises(UserError, match="both choose classes"):
        build(tmp_path, CLASSES=tmp_path / "list.txt", subsample="base")


def test_nested_and_flat_images_are_named(tmp_path):
    fill(tmp_path, dog=4)
    fill(tmp_path / "cat", wild=2)
    with pytest.raises(UserError, match="'.*/cat' holds no image of its own, but 'wild/0.png': move"):
        build(tmp_path)
    fill(tmp_path / "flat", **{".": 3})
    with pytest.raises(UserError, match="flat' holds 3 images, but no class folder"):
        build(tmp_path / "flat")


def test_imagenets_flat_validation_images_are_named_with_what_sorts_them(tmp_path):
    fill(tmp_path / "imagenet" / "images" / "train", n01440764=1, n01443537=1)
    val = tmp_path / "imagenet" / "images" / "val"
    val.mkdir()
    (val / "ILSVRC2012_val_00000001.JPEG").touch()
    with pytest.raises(UserError, match="val' holds 1 images such as 'ILSVRC2012_val_00000001.JPEG'.*valprep.sh"):
        build(tmp_path, name="ImageNet")
