"""Which images are in which part: reading split files and raw lists, making splits, and few-shot draws."""
