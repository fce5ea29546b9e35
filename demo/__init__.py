"""Tools that rebuild the bundled demo: the Pictograms data set and the small CLIP. See docs/demo.md."""
