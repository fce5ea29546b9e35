"""Evaluators, found by TEST.EVALUATOR."""
from . import evaluator
from .classification import Classification
from .evaluator import EVALUATOR_REGISTRY, EvaluatorBase, build_evaluator

__all__ = ["EVALUATOR_REGISTRY", "Classification", "EvaluatorBase", "build_evaluator"]

evaluator.Classification = Classification  # Dassl keeps it in that module
