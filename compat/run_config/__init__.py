"""From a command line and yaml files to a run's config: every value is checked before anything is done with it."""
