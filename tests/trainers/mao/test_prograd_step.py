"""A host that learns by ProGrad's step, as its repository's trainer does: in step 1 both losses are over the batch's
classes, and what conflicts with the teacher is taken out of their gradients."""
import torch
from dassl.engine import TRAINER_REGISTRY
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp
from trainers.mao import MAO
from trainers.prompting.encoders import encode_texts, normalize

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
LABELS = torch.tensor([3, 0, 3, 4])


class Teacher(nn.Module):
    def __init__(self, classnames, clip_model):
        super().__init__()
        self.image_encoder = clip_model.visual
        self.text_features = normalize(encode_texts(clip_model, [f"a photo of a {name}." for name in classnames]))

    @torch.no_grad()
    def forward(self, image):
        return 100 * normalize(self.image_encoder(image)) @ self.text_features.t()


def losses(logits, teacher, label):
    return F.cross_entropy(logits, label), -(teacher.softmax(dim=-1) * logits.log_softmax(dim=-1)).sum(dim=1).mean()


@TRAINER_REGISTRY.register()
class ProGradLike(CoOp):
    def make_model(self, classnames, clip_model):
        self.zs_clip = Teacher(classnames, clip_model)
        return super().make_model(classnames, clip_model)

    def forward_backward(self, batch):
        image, label = self.parse_batch_train(batch)
        task, general = losses(self.model(image), self.zs_clip(image), label)
        self.prograd_backward_and_update(task, general, 0.8)
        return {"loss": task.item(), "general": general.item()}


@TRAINER_REGISTRY.register()
class ProGradLike_MAO(MAO, ProGradLike):
    """What a user writes."""


def test_step_1_takes_prograd_s_step_on_the_batch_s_classes(tmp_path):
    torch.save(small_clip_state(), tmp_path / "clip.pt")
    torch.manual_seed(0)
    options = ["TRAINER.COOP.CTX_INIT", "a photo of a", "OPTIM.MOMENTUM", 0.0, "OPTIM.WEIGHT_DECAY", 0.0]
    trainer = make_trainer("ProGradLike_MAO", NAMES, tmp_path / "clip.pt", options, 32)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    trainer.batch_idx, trainer.num_batches = 0, 2
    trainer.set_model_mode("train")
    context = trainer.model.prompt_learner.ctx

    def of_batch():
        return losses(trainer.model(images)[:, LABELS], trainer.zs_clip(images)[:, LABELS], torch.arange(4))

    for _ in range(3):  # away from the teacher, whose words it starts from: from there on the two conflict
        trainer.model_backward_and_update(of_batch()[0])
    task, general = of_batch()
    (of_task,) = torch.autograd.grad(task, context, retain_graph=True)
    (of_general,) = torch.autograd.grad(general, context)
    overlap = (of_task * of_general).sum()
    assert overlap < 0, "the case has to be one of conflict"
    expected = context - 0.0035 * (of_task - 0.8 * overlap / of_general.square().sum() * of_general)
    found = trainer.forward_backward({"img": images, "label": LABELS})
    torch.testing.assert_close(context, expected, rtol=1e-4, atol=1e-6)
    assert abs(found["loss"] - task.item()) < 1e-3 and abs(found["general"] - general.item()) < 1e-3
