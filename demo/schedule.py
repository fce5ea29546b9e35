"""The learning-rate schedule of both training stages."""
import math


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """Linear warm-up to the peak, then half a cosine down to zero."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
