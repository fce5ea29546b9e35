"""A plain classifier: a torchvision backbone and a linear layer."""
import torchvision
from torch import nn

from ..utils.registry import check_availability

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


class SimpleNet(nn.Module):
    """MODEL.BACKBONE of torchvision, the layers of MODEL.HEAD, and a linear classifier.

    Args:
        model_cfg: the MODEL node. num_classes: 0 for no classifier; then the output is the features.
    """

    def __init__(self, cfg, model_cfg, num_classes, **_):
        super().__init__()
        name = model_cfg.BACKBONE.NAME
        check_availability(name, torchvision.models.list_models(torchvision.models), what="MODEL.BACKBONE.NAME")
        self.backbone = torchvision.models.get_model(name, weights="DEFAULT" if model_cfg.BACKBONE.PRETRAINED else None)
        features = self._cut_classifier()
        self.head = self._make_head(model_cfg.HEAD, features)
        if self.head is not None:
            features = model_cfg.HEAD.HIDDEN_LAYERS[-1]
        self.classifier = nn.Linear(features, num_classes) if num_classes > 0 else None
        self._fdim = features

    @property
    def fdim(self):
        """Number of features before the classifier."""
        return self._fdim

    def _cut_classifier(self):
        """Take the last linear layer off the backbone; returns the number of features that it took."""
        name, last = [(name, module) for name, module in self.backbone.named_modules()
                      if isinstance(module, nn.Linear)][-1]
        above, _, attribute = name.rpartition(".")
        setattr(self.backbone.get_submodule(above), attribute, nn.Identity())
        return last.in_features

    @staticmethod
    def _make_head(head_cfg, features):
        if not head_cfg.NAME or not head_cfg.HIDDEN_LAYERS:
            return None
        check_availability(head_cfg.NAME, ["mlp"], what="MODEL.HEAD.NAME")
        check_availability(head_cfg.ACTIVATION, list(ACTIVATIONS), what="MODEL.HEAD.ACTIVATION")
        layers = []
        for width in head_cfg.HIDDEN_LAYERS:
            layers.append(nn.Linear(features, width))
            if head_cfg.BN:
                layers.append(nn.BatchNorm1d(width))
            layers.append(ACTIVATIONS[head_cfg.ACTIVATION]())
            if head_cfg.DROPOUT > 0:
                layers.append(nn.Dropout(head_cfg.DROPOUT))
            features = width
        return nn.Sequential(*layers)

    def forward(self, x, return_feature=False):
        """Logits (batch, classes); with ``return_feature`` also the features (batch, fdim)."""
        features = self.backbone(x)
        if self.head is not None:
            features = self.head(features)
        if self.classifier is None:
            return features
        logits = self.classifier(features)
        return (logits, features) if return_feature else logits
