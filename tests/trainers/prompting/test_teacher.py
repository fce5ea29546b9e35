"""The teacher's text features: when they are computed, and when read from disk."""
import os

import torch
from small_clip import small_clip
from yacs.config import CfgNode

from trainers import promptsrc
from trainers.prompting import teacher

NAMES = ["cat", "grand_piano", "stethoscope", "ice cream van"]


def test_teacher_is_encoded_once_and_again_for_other_words_or_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))
    calls = []
    encode = teacher.encode
    monkeypatch.setattr(teacher, "encode", lambda *a: calls.append(1) or encode(*a))
    first = teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."])
    again = teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."])
    assert torch.equal(first, again) and len(calls) == 1
    for clip_model, names, templates in ((small_clip(1), NAMES, ["a {}.", "the {}."]),
                                         (small_clip(), NAMES[:2], ["a {}.", "the {}."]),
                                         (small_clip(), NAMES, ["a {}."])):
        teacher.mean_text_features(clip_model, names, templates)
    assert len(calls) == 4
    for path in teacher.cache_folder("teacher").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert torch.equal(teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."]), first)
    assert len(calls) == 5 and not [name for name in os.listdir(teacher.cache_folder("teacher")) if name.count(".") > 1]


def test_teacher_works_where_nothing_can_be_kept(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "file"))
    features = teacher.mean_text_features(small_clip(), NAMES, ["a {}."])
    assert torch.equal(features, teacher.encode(small_clip(), NAMES, ["a {}."]))
    assert "not kept" in capsys.readouterr().out


def test_promptsrc_asks_its_teacher_when_it_learns_and_not_to_be_tested(monkeypatch, tmp_path):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))
    calls = []
    encode = teacher.encode
    monkeypatch.setattr(teacher, "encode", lambda *a: calls.append(1) or encode(*a))
    cfg = CfgNode({"TRAINER": CfgNode(), "DATASET": CfgNode()})
    promptsrc.extend_cfg(cfg)
    clip_model, options = small_clip(), cfg.TRAINER.PROMPTSRC
    options.PROMPT_DEPTH_TEXT = options.PROMPT_DEPTH_VISION = 2
    model = promptsrc.VisionLanguageCLIP(promptsrc.VLPromptLearner(cfg, NAMES, clip_model), clip_model, options)
    images = torch.zeros(2, 3, 32, 32)
    with torch.no_grad():
        model.eval()(images)
    assert not calls
    _, _, taught, *_ = model.train()(images, torch.tensor([0, 1]))
    model(images, torch.tensor([0, 1]))
    features = encode(small_clip(), NAMES, promptsrc.teacher_templates())
    assert torch.equal(taught, features / features.norm(dim=-1, keepdim=True)) and len(calls) == 1
    assert not taught.requires_grad and "prompt_learner.teacher_text_features" not in model.state_dict()
