import argparse

import torch
from dassl.config import get_cfg_default
from dassl.engine import build_trainer
from dassl.utils import set_random_seed, setup_logger

# data sets
import datasets.shapes

# trainers
try:
	import trainers.promptsrc
	import trainers.maple
except ImportError as error:
	raise SystemExit(f"trainers are missing: {error}")


def apply_flags(cfg, args):
	for key, value in (("DATASET.ROOT", args.root), ("OUTPUT_DIR", args.output_dir), ("RESUME", args.resume),
					   ("TRAINER.NAME", args.trainer), ("SEED", args.seed)):
		if value:
			cfg.merge_from_list([key, value])


def extend_cfg(config):
	from yacs.config import CfgNode as CN
	config.TRAINER.PROMPTSRC = CN({"N_CTX_VISION": 4, "N_CTX_TEXT": 4, "CTX_INIT": "a photo of a", "PREC": "fp32"})
	for key, value in dict(PROMPT_DEPTH_VISION=9, PROMPT_DEPTH_TEXT=9, TEXT_LOSS_WEIGHT=25, IMAGE_LOSS_WEIGHT=10,
						   GPA_MEAN=15, GPA_STD=1).items():
		config.TRAINER.PROMPTSRC[key] = value
	config.TRAINER.MAPLE = CN({"N_CTX": 2, "CTX_INIT": "a photo of a", "PREC": "fp32", "PROMPT_DEPTH": 9})
	config.DATASET.SUBSAMPLE_CLASSES = "all"


def setup_cfg(args):
	cfg = get_cfg_default()
	extend_cfg(cfg)
	if args.dataset_config_file:
		cfg.merge_from_file(args.dataset_config_file)
	if args.config_file:
		cfg.merge_from_file(args.config_file)
	apply_flags(cfg, args)
	cfg.merge_from_list(args.opts)
	cfg.freeze()
	return cfg


def main(args):
	cfg = setup_cfg(args)
	if cfg.SEED >= 0:
		set_random_seed(cfg.SEED)
	setup_logger(cfg.OUTPUT_DIR)
	if torch.cuda.is_available() and cfg.USE_CUDA:
		torch.backends.cudnn.benchmark = True
	trainer = build_trainer(cfg)
	if args.eval_only:
		trainer.load_model(args.model_dir, epoch=args.load_epoch)
		trainer.test()
		return
	if not args.no_train:
		trainer.train()


if __name__ == "__main__":
	parser = argparse.ArgumentParser()
	for flag in ("root", "output-dir", "resume", "config-file", "dataset-config-file", "trainer", "model-dir"):
		parser.add_argument("--" + flag, type=str, default="")
	parser.add_argument("--seed", type=int, default=-1)
	parser.add_argument("--load-epoch", type=int)
	parser.add_argument("--eval-only", action="store_true")
	parser.add_argument("--no-train", action="store_true")
	parser.add_argument("opts", default=None, nargs=argparse.REMAINDER)
	main(parser.parse_args())