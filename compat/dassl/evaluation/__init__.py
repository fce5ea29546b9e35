"""Evaluators, found by TEST.EVALUATOR."""
from .build import EVALUATOR_REGISTRY, EvaluatorBase, build_evaluator
from .evaluator import Classification

__all__ = ["EVALUATOR_REGISTRY", "Classification", "EvaluatorBase", "build_evaluator"]
