"""The few-shot draw beyond the recorded ones: short classes, the saved draw, seeds."""
import json
import multiprocessing
import os
import random

import pytest
from datasets_on_disk import small_split

from datasets.splits.few_shot import cached_draw, draw, draw_few_shots, short_classes
from datasets.splits.split_file import as_item

SPLIT = {part: [as_item(entry) for entry in entries] for part, entries in small_split().items()}


def saved(folder, seed=1, shots=3, digest="a"):
    return cached_draw(SPLIT["train"], SPLIT["val"], shots, seed, folder, digest)


def test_short_class_gives_all_in_order_and_uses_no_random_number():
    drawn = draw(SPLIT["train"], 5, random.Random(1))
    assert [item for item in drawn if item[1] == 2] == [item for item in SPLIT["train"] if item[1] == 2]
    rng = random.Random(1)
    draw([item for item in SPLIT["train"] if item[1] == 2], 5, rng)
    assert rng.getstate() == random.Random(1).getstate()
    assert short_classes(SPLIT["train"], 5) == ["class 2"]


def test_validation_has_at_most_four_images_per_class():
    val = [(f"{i}.png", i % 2, str(i % 2)) for i in range(20)]
    assert len(draw_few_shots(SPLIT["train"], val, 8, random.Random(1))[1]) == 8


def test_saved_draw_holds_relative_paths_and_is_read_again(tmp_path):
    first = saved(tmp_path)
    content = json.loads((tmp_path / "shot_3-seed_1.json").read_text())
    assert [tuple(entry) for entry in content["train"]] == first[0]
    assert not any(os.path.isabs(path) for path, _, _ in content["train"])
    assert cached_draw([], [], 3, 1, tmp_path, "a") == first  # nothing to draw from: it comes from the file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shot_3-seed_1.json"]


@pytest.mark.parametrize("change", ["other split", "edited", "torn"])
def test_saved_draw_that_does_not_fit_is_made_again(tmp_path, capsys, change):
    first = saved(tmp_path)
    path = tmp_path / "shot_3-seed_1.json"
    if change == "edited":
        content = json.loads(path.read_text())
        content["train"].reverse()
        path.write_text(json.dumps(content))
    elif change == "torn":
        path.write_text(path.read_text()[:50])
    assert saved(tmp_path, digest="b" if change == "other split" else "a") == first
    assert "drawn again" in capsys.readouterr().out
    assert saved(tmp_path, digest="b" if change == "other split" else "a") == first
    assert "drawn again" not in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"shots": 2}, {"seed": 2}])
def test_a_draw_that_was_copied_to_another_name_is_made_again(tmp_path, capsys, change):
    (wanted := tmp_path / "wanted").mkdir()
    first = saved(wanted)
    saved(tmp_path, **change)
    next(tmp_path.glob("shot_*.json")).rename(tmp_path / "shot_3-seed_1.json")
    assert saved(tmp_path) == first and "drawn again" in capsys.readouterr().out


def test_a_draw_of_earlier_versions_is_read(tmp_path, capsys):
    first = saved(tmp_path)
    path = tmp_path / "shot_3-seed_1.json"
    old = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("shots", "seed")}
    path.write_text(json.dumps(old))
    assert saved(tmp_path) == first and capsys.readouterr().out == "" and json.loads(path.read_text()) == old


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path),
                                  lambda path: path.write_text("[" * 10**5), lambda path: path.write_bytes(b"\xff"),
                                  lambda path: path.write_text('{"train": 1}'), lambda path: path.write_text("[1]"),
                                  lambda path: path.write_text('{"train": [], "val": []}')])
def test_a_draw_that_is_no_draw_is_made_again_with_a_line(tmp_path, capsys, make):
    (wanted := tmp_path / "wanted").mkdir()
    first = saved(wanted)
    make(tmp_path / "shot_3-seed_1.json")
    assert saved(tmp_path) == first and "drawn again" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_to_costs_only_the_file(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.touch()
    assert saved(blocked / "split_fewshot") == saved(tmp_path)
    assert "not saved" in capsys.readouterr().out


def test_negative_seed_draws_from_the_global_stream_and_leaves_no_file(tmp_path):
    random.seed(5)
    found = saved(tmp_path, seed=-1)
    assert found == draw_few_shots(SPLIT["train"], SPLIT["val"], 3, random.Random(5))
    assert not list(tmp_path.iterdir())


def test_seed_does_not_touch_the_global_stream(tmp_path):
    random.seed(5)
    before = random.getstate()
    saved(tmp_path)
    assert random.getstate() == before


def test_runs_that_start_together_see_the_same_draw(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(saved, [tmp_path] * 12)
    assert all(draws == found[0] for draws in found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shot_3-seed_1.json"]
