"""What every run imports, in one module: the process that jobs are forked from imports it once (see ``warm``)."""
from compat import resolve_dassl

ENGINE = resolve_dassl()  # first of all, so that ``import dassl`` finds one that works

import dassl.engine  # noqa: E402, F401
import torch._dynamo  # noqa: E402, F401  which the first optimizer imports
import torchvision  # noqa: E402, F401

import datasets  # noqa: E402, F401
import runs.recorder  # noqa: E402, F401
import runs.state  # noqa: E402, F401
import train  # noqa: E402, F401
import trainers  # noqa: E402, F401
