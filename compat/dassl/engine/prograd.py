"""ProGrad's gradient: the task's, without what would undo general knowledge.

Zhu, Niu, Han, Wu and Zhang, "Prompt-aligned Gradient for Prompt Tuning", ICCV 2023, https://arxiv.org/abs/2205.14865,
section 3.2, equation 5.
"""
import torch


def aligned_gradient(task: torch.Tensor, general: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """The gradient to descend along; ``task`` itself where the two do not conflict.

    Where their dot product is negative, ``strength`` times the projection of ``task`` on ``general`` is subtracted;
    with 1 the rest is orthogonal to the general direction. Nothing here waits for the device.

    Args:
        task, general: gradients of one parameter, of the same shape.
    """
    along = general.float()
    conflict = (task.float() * along).sum().clamp(max=0)
    # A general gradient of 0 has no direction, and no conflict with any.
    share = conflict / along.square().sum().clamp(min=torch.finfo(torch.float32).tiny)
    return task - (strength * share * along).to(task.dtype)
