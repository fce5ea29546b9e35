"""Runs on one's own data: classes from a list, a template, and another target domain."""
import json
import shutil

import pytest
from small_run import call, make_room, words

import trainers.promptsrc
import trainers.zsclip
from experiments.reporting.request import read_request

ALL = ["DATASET.SUBSAMPLE_CLASSES", "all"]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


def records(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_a_list_of_classes_is_tested_with_prompts_of_all(room):
    assert call(words(room, pairs=ALL)).code == 0
    test = words(room, "--eval-only", "--model-dir", str(room / "out"), output="listed",
                 pairs=[*ALL, "DATASET.CLASSES", room / "list.txt"])
    for names, total in (("blue\nred\nwhite", 6), ("blue\nred", 4)):
        (room / "list.txt").write_text(names)
        assert call(test).code == 0
        record = records(room / "listed")[-1]
        assert (record["classes"], record["num_classes"], record["total"]) == ("listed", total // 2, total)
    assert len({record["identity"] for record in records(room / "listed")}) == 2  # another list is another run
    assert {one.classes for one in read_request([room]).evaluations} == {"all", "listed"}


def test_prompts_of_a_list_are_tested_on_that_alone(room):
    (room / "three.txt").write_text("blue\nred\nwhite")
    assert call(words(room, output="three", pairs=[*ALL, "DATASET.CLASSES", room / "three.txt"])).code == 0
    done = call(words(room, "--eval-only", "--model-dir", str(room / "three"), output="x", pairs=ALL))
    assert done.code == 2 and "was trained on listed classes" in done.sentences[0]


@pytest.fixture
def filled(monkeypatch):
    """Templates that zero-shot CLIP fills with class names."""
    found = []
    fill = trainers.zsclip.fill
    monkeypatch.setattr(trainers.zsclip, "fill",
                        lambda template, names: found.append(template) or fill(template, names))
    return found


TEMPLATE = ["DATASET.TEMPLATE", "an x-ray image of {}."]


def test_the_template_is_read_by_zero_shot_clip(room, filled):
    for output, pairs in (("zero", []), ("zero_own", TEMPLATE)):
        assert call(words(room, trainer="ZeroshotCLIP", output=output, pairs=[*ALL, *pairs])).code == 0
    assert filled == ["a photo of a {}.", "an x-ray image of {}."]


def test_the_template_is_read_for_the_labels_of_clip(room, filled):
    pairs = [*TEMPLATE, "MAO.PSEUDO_LABELS", "clip"]
    assert call(words(room, trainer="CoOp_MAO", output="step1", pairs=pairs)).code == 0
    filled.clear()  # of MAO.SIMILARITY clip
    assert call(words(room, trainer="CoOp_MAO", output="step2", pairs=[
        *pairs, "DATASET.SUBSAMPLE_CLASSES", "new", "MAO.BASE_DIR", room / "step1"])).code == 0
    assert set(filled) == {"an x-ray image of {}."}


def test_the_template_is_read_by_the_teacher(room, monkeypatch):
    read = []
    teacher = trainers.promptsrc.mean_text_features
    monkeypatch.setattr(trainers.promptsrc, "mean_text_features",
                        lambda clip, names, templates: read.append(templates) or teacher(clip, names, templates))
    depths = ["TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2]
    for output, pairs in (("source", []), ("source_own", TEMPLATE)):
        assert call(words(room, trainer="PromptSRC", output=output, pairs=[
            *ALL, *depths, "TRAINER.PROMPTSRC.PREC", "fp32", *pairs])).code == 0
    assert len(read[0]) == 60 and read[-1] == ["an x-ray image of {}."]


def test_prompts_are_tested_on_another_domain(room):
    for domain in ("photo", "sketch", "paint"):
        shutil.copytree(room / "images" / "train", room / "domains" / domain)
    shutil.rmtree(room / "domains" / "paint" / "white")

    def run(output, target, *flags):
        return call(["--root", str(room / "domains"), "--source-domains", "photo", "--target-domains", target,
                     *words(room, *flags, output=output, pairs=[*ALL, "DATASET.NAME", "DomainFolder"])[2:]])

    assert run("to_sketch", "sketch").code == 0
    assert run("to_paint", "paint", "--eval-only", "--model-dir", str(room / "to_sketch")).code == 0
    found = [records(room / name)[0] for name in ("to_sketch", "to_paint")]
    assert [(record["label"], record["total"]) for record in found] == [("domains: sketch", 8), ("domains: paint", 6)]
