"""What networks and baselines are worth: predictions, metrics with intervals, comparisons, robustness.

May import `training.making` and what that may import.
"""
