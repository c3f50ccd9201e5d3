"""The training side: data, recipes, networks, evaluation, publishing; run as `python -m training`."""
