"""What a run is and what came of it: identity, state and lock of its folder, its records and who writes them."""
