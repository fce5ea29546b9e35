"""The originals' few-shot pickles: taken over where they fit, refused where they do not, never run."""
import os
import pickle
import random
import sys
import tracemalloc
import types

import pytest
from datasets_on_disk import OnDisk, dataset_config, relative_paths, small_split, write_dataset

SHOTS, SEED = 2, 1


class Datum:
    """Has the attributes of Dassl 0.6.3's Datum, under whose name it is pickled."""

    def __init__(self, path, label):
        self._impath, self._label, self._domain, self._classname = path, label, 0, f"class {label}"


@pytest.fixture
def pickled(tmp_path, monkeypatch):
    """Writes a pickle of Datum objects where the originals put it, as an original Dassl would."""
    folder = write_dataset(tmp_path, small_split())
    module = types.ModuleType("dassl.data.datasets.base_dataset")
    module.Datum = Datum

    def write(content, protocol=pickle.HIGHEST_PROTOCOL):
        path = folder / "split_fewshot" / f"shot_{SHOTS}-seed_{SEED}.pkl"
        path.parent.mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            patch.setattr(Datum, "__module__", module.__name__)
            patch.setitem(sys.modules, module.__name__, module)
            path.write_bytes(pickle.dumps(content, protocol=protocol))
        return folder

    return write


def drawn(items, shots, rng):
    return [item for label in range(3) for item in rng.sample([item for item in items if item[1] == label], shots)]


def other_draw(prefix="/somewhere/else/on_disk/images/"):
    """A draw that is not the one that the seed gives: {"train": Datum objects, "val": ...} and its train paths."""
    split = small_split()
    train = drawn(split["train"], SHOTS, random.Random(99))
    val = split["val"]
    content = {part: [Datum(prefix + path, label) for path, label, _ in items]
               for part, items in (("train", train), ("val", val))}
    return content, [path for path, _, _ in train]


def load(tmp_path):
    return OnDisk(dataset_config(tmp_path, shots=SHOTS, seed=SEED))


def seeds_draw(tmp_path):
    root = tmp_path / "without"
    folder = write_dataset(root, small_split())
    return relative_paths(OnDisk(dataset_config(root, shots=SHOTS, seed=SEED)).train_x, folder)


@pytest.mark.parametrize("prefix", ["/somewhere/else/on_disk/images/", "D:\\data\\on_disk\\images\\", ""])
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_draw_that_fits_is_taken_over(tmp_path, pickled, prefix, protocol, capsys):
    content, paths = other_draw(prefix)
    folder = pickled(content, protocol)
    assert relative_paths(load(tmp_path).train_x, folder) == paths != seeds_draw(tmp_path)
    assert "taken over from" in capsys.readouterr().out
    (folder / "split_fewshot" / f"shot_{SHOTS}-seed_{SEED}.pkl").unlink()  # it is kept as JSON from now on
    assert relative_paths(load(tmp_path).train_x, folder) == paths


def test_a_pickle_without_validation_images_gets_the_seeds(tmp_path, pickled):
    content, paths = other_draw()
    folder = pickled({"train": content["train"]})
    data = load(tmp_path)
    assert relative_paths(data.train_x, folder) == paths and len(data.val) == 3 * SHOTS


def change_path(content):
    content["train"][0]._impath = "/somewhere/c0/unknown.png"


def change_label(content):
    content["train"][0]._label = 1


def drop_one(content):
    content["train"].pop()


@pytest.mark.parametrize("change, word", [(change_path, "unknown.png"), (change_label, "label 1"),
                                          (drop_one, "2 images of each class")])
def test_a_draw_that_does_not_fit_is_made_anew(tmp_path, pickled, change, word, capsys):
    content, _ = other_draw()
    change(content)
    folder = pickled(content)
    assert relative_paths(load(tmp_path).train_x, folder) == seeds_draw(tmp_path)
    said = capsys.readouterr().out
    assert "is not used" in said and word in said


class Hostile:
    """Would run a command when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_hostile_pickle_runs_nothing(tmp_path, pickled, capsys):
    content, _ = other_draw()
    marker = tmp_path / "ran"
    folder = pickled({**content, "extra": Hostile(marker)})
    assert relative_paths(load(tmp_path).train_x, folder) == seeds_draw(tmp_path)
    assert "UnpicklingError" in capsys.readouterr().out
    assert not marker.exists()
    pickle.loads(pickle.dumps(Hostile(marker)))  # the trap is a real one
    assert marker.exists()


def exploding(depth=60):
    """A list that shares its parts and would take 2**depth bytes as text."""
    nested = []
    for _ in range(depth):
        nested = [nested, nested]
    return nested


@pytest.mark.parametrize("path, label", [(exploding(), 0), ("c0/train0.png", exploding()), ("c0/train0.png", 10**30),
                                         ("c0/train0.png", True), (b"c0/train0.png", 0)], ids=range(5))
def test_a_pickled_draw_of_other_kinds_is_not_used(tmp_path, pickled, path, label, capsys):
    folder = pickled({"train": [Datum("c0/train0.png", 0)]})
    content = Datum("", 0)
    content._impath, content._label, content._classname = path, label, ""
    pickled({"train": [content]})
    assert relative_paths(load(tmp_path).train_x, folder) == seeds_draw(tmp_path)
    assert len(said := capsys.readouterr().out) < 3000 and "drawn anew" in said


@pytest.mark.parametrize("content", [
    b"\x80\x04Kar\xff\xff\xff\x7f.", b"I1\np2147483647\n.", b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
    b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"."], ids=["memo", "text memo", "bytearray", "bytes"])
def test_a_pickle_that_claims_more_than_it_holds_takes_no_memory(tmp_path, content, capsys):
    folder = write_dataset(tmp_path, small_split())
    (folder / "split_fewshot").mkdir()
    (folder / "split_fewshot" / f"shot_{SHOTS}-seed_{SEED}.pkl").write_bytes(content)
    tracemalloc.start()
    load(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 2**20 and "drawn anew" in capsys.readouterr().out
    tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps({"train": [{"a": 1}]})])
def test_a_damaged_pickle_is_not_used(tmp_path, content, capsys):
    folder = write_dataset(tmp_path, small_split())
    (folder / "split_fewshot").mkdir()
    (folder / "split_fewshot" / f"shot_{SHOTS}-seed_{SEED}.pkl").write_bytes(content)
    assert relative_paths(load(tmp_path).train_x, folder) == seeds_draw(tmp_path)
    assert "drawn anew" in capsys.readouterr().out
