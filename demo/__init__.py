"""Tools that rebuild the bundled demo: the Pictograms data set and the small CLIP. See docs/appendix_bundled_data.md."""
