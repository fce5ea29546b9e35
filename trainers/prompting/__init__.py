"""What the backbones share: loading CLIP, prompted encoders, templates, precision, learnable-only checkpoints."""
