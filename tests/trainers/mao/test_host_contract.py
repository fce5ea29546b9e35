"""A host's model has what the plug-in needs, or a sentence names what is missing."""
import pytest
import torch
from small_coop import model_of

from trainers.mao.errors import MAOError
from trainers.mao.host_contract import check_host


def test_a_model_that_fits_passes_also_inside_data_parallel():
    check_host(model_of(), "CoOp")
    check_host(torch.nn.DataParallel(model_of()), "CoOp")


def test_what_a_model_lacks_is_named():
    with pytest.raises(MAOError, match="Strange: it has no model.prompt_learner"):
        check_host(torch.nn.Identity(), "Strange")
    model = model_of()
    del model.prompt_learner.token_prefix
    with pytest.raises(MAOError, match="token_prefix"):
        check_host(model, "Strange")
