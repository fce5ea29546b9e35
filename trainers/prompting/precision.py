"""Numeric precision of a backbone, on CPU, CUDA and MPS."""
import contextlib
import warnings
from typing import Literal

import torch
from torch import nn

from .clip_package import CLIP

PrecisionName = Literal["fp32", "fp16", "amp", "bf16", "auto"]
"""Values of the config keys TRAINER.<node>.PREC."""


class Precision:
    """What a precision means on a device.

    ``fp16`` and ``bf16`` keep the frozen weights in that type; norms and learnable prompts stay fp32. ``amp`` keeps all
    weights in fp32 and computes under autocast (fp16 with loss scaling on CUDA, fp16 on MPS, bf16 on CPU). ``fp16`` on
    a CPU falls back to fp32 with a warning: CPUs compute it in software, slowly and with overflow. ``auto`` is fp16 on
    CUDA and fp32 elsewhere.

    Attributes:
        name: what it came to, "fp32", "fp16", "amp" or "bf16". weight_dtype: of the frozen weights.
    """

    def __init__(self, name: PrecisionName, device: torch.device | str) -> None:
        self.device_type = torch.device(device).type
        if name == "auto":
            name = "fp16" if self.device_type == "cuda" else "fp32"
        if name == "fp16" and self.device_type == "cpu":
            warnings.warn("PREC fp16 needs a GPU: using fp32 on the CPU", stacklevel=2)
            name = "fp32"
        self.name: PrecisionName = name
        self.weight_dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(name, torch.float32)

    def cast_weights(self, clip_model: CLIP) -> None:
        """Cast a CLIP's weights in place, all but those of norm layers and the logit scale."""
        if self.weight_dtype is torch.float32:
            return
        for module in clip_model.modules():
            if isinstance(module, (nn.LayerNorm, nn.BatchNorm2d)):
                continue
            for name, parameter in module.named_parameters(recurse=False):
                if name != "logit_scale":
                    parameter.data = parameter.data.to(self.weight_dtype)

    def autocast(self) -> contextlib.AbstractContextManager:
        """Context for the forward pass and the loss."""
        if self.name != "amp":
            return contextlib.nullcontext()
        dtype = torch.bfloat16 if self.device_type == "cpu" else torch.float16
        return torch.autocast(self.device_type, dtype=dtype)

    def loss_scaler(self) -> torch.amp.GradScaler | None:
        """GradScaler where amp needs one (CUDA), else None."""
        return torch.amp.GradScaler("cuda") if self.name == "amp" and self.device_type == "cuda" else None
