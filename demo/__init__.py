"""Tools that rebuild the bundled demo: Pictograms, the sets of emoji, and the small CLIP.

See docs/appendix_bundled_data.md.
"""
