"""CoCoOp_MAO, KgCoOp_MAO, VPT_MAO and IVLP_MAO, by the general rule: no code of the plug-in is for one of them."""
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from recordings import make_trainer
from small_clip import small_clip_state
from small_run import call, make_room, words
from torch import nn
from torch.nn import functional as F

from trainers.mao import class_dimensions, hosts
from trainers.mao.class_state import ClassState
from trainers.mao.host_contract import check_host, class_count

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
LABELS = torch.tensor([3, 0, 3, 4])
SMALL = {"CoCoOp": ["TRAINER.COCOOP.N_CTX", 4], "KgCoOp": ["TRAINER.COOP.N_CTX", 4],
         "VPT": ["TRAINER.VPT.PROMPT_DEPTH_VISION", 2],
         "IVLP": ["TRAINER.IVLP.PROMPT_DEPTH_TEXT", 2, "TRAINER.IVLP.PROMPT_DEPTH_VISION", 2]}

DEPTH = ["TRAINER.COOP.N_CTX", 4, "TRAINER.MAPLE.PROMPT_DEPTH", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2,
         "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


@pytest.mark.parametrize("host", SMALL)
def test_step_1_scores_each_image_on_the_candidates(tmp_path, host):
    torch.save(small_clip_state(vision_width=128), tmp_path / "clip.pt")
    torch.manual_seed(0)
    trainer = make_trainer(f"{host}_MAO", NAMES, tmp_path / "clip.pt", SMALL[host], 32)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    losses = []
    trainer.model_backward_and_update = losses.append
    trainer.batch_idx, trainer.num_batches = 0, 2
    trainer.set_model_mode("train")
    trainer.forward_backward({"img": images, "label": LABELS})
    logits = trainer.model(images)
    assert logits.shape == (4, 5)
    expected = F.cross_entropy(logits[:, LABELS], torch.arange(4))
    if host == "KgCoOp":  # its second loss, too, is over the batch's classes
        text, knowledge = trainer.model.text_features(), trainer.model.prompt_learner.ori_embedding
        assert text.shape == knowledge.shape == (5, 32)
        expected = expected + 8 * (1 - F.cosine_similarity(text[LABELS], knowledge[LABELS]).mean())
    torch.testing.assert_close(losses[0], expected)
    losses[0].backward()
    assert all(p.grad.abs().sum() > 0 for p in trainer.model.parameters() if p.requires_grad)


@pytest.mark.parametrize("host", hosts.KNOWN_HOSTS)
def test_the_repository_s_own_hosts_are_not_built_twice(tmp_path, host, monkeypatch):
    """All that they have per class is known by name, also what they make in training."""
    torch.save(small_clip_state(vision_width=128), tmp_path / "clip.pt")
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))
    names = [*NAMES, "owl", "lamp"]  # five is also how many positions the small CLIP has
    trainer = make_trainer(f"{host}_MAO", names, tmp_path / "clip.pt", SMALL.get(host, DEPTH), 32)
    trainer.model_backward_and_update = lambda loss: None
    trainer.batch_idx, trainer.num_batches = 0, 2
    trainer.set_model_mode("train")
    trainer.forward_backward({"img": torch.randn(4, 3, 32, 32), "label": LABELS})
    monkeypatch.setattr(class_dimensions, "_with_one_class_less", None)
    assert trainer._unnamed_places() == []


@pytest.mark.parametrize("host", SMALL)
def test_both_steps_run_to_their_end(room, host):
    pairs = [*SMALL[host], f"TRAINER.{TRAINER_REGISTRY.get(host).config_node}.PREC", "fp32"]
    base = call(words(room, trainer=f"{host}_MAO", output=f"{host}_base", pairs=pairs))
    assert base.code == 0, base.sentences
    for changes in ([], ["MAO.REG_NEW", False], ["MAO.PSEUDO_LABELS", "clip", "MAO.PSEUDO_VIEW", "test"]):
        new = call(words(room, trainer=f"{host}_MAO", output=f"{host}_new_{len(changes)}", pairs=[
            *pairs, "DATASET.SUBSAMPLE_CLASSES", "new", "MAO.BASE_DIR", room / f"{host}_base", *changes]))
        assert new.code == 0, new.sentences
        assert "accuracy" in new.out


class FixedEmbeddings:
    """As in VPT's own repository: no module, and the model's only knowledge of the classes."""

    def __init__(self):
        self.fixed_embeddings = torch.arange(10.0).view(5, 2)


class UpstreamVPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = FixedEmbeddings()


def test_fixed_features_in_a_plain_object_are_narrowed():
    model = UpstreamVPT()
    check_host(model, "VPT")
    whole = model.embeddings.fixed_embeddings
    assert class_count(model) == 5
    with ClassState().narrowed(LABELS, model) as targets:
        assert torch.equal(model.embeddings.fixed_embeddings, whole[LABELS]) and targets.tolist() == [0, 1, 2, 3]
    assert model.embeddings.fixed_embeddings is whole
