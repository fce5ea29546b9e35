"""A linear model with the state of a training."""
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer
from torch import nn


def model_with_training_state(seed=0, steps=3):
    """A linear model after some steps, with its optimizer (momentum) and its warmed-up schedule."""
    torch.manual_seed(seed)
    options = get_cfg_default().OPTIM
    options.NAME, options.LR_SCHEDULER, options.WARMUP_EPOCH, options.WARMUP_TYPE = "sgd", "cosine", 1, "constant"
    model = nn.Linear(4, 3)
    optimizer = build_optimizer(model, options)
    schedule = build_lr_scheduler(optimizer, options)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(5, 4)).square().sum().backward()
        optimizer.step()
        schedule.step()
    return model, optimizer, schedule
