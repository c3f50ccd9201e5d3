"""Copies of a radiograph: how they are found, which images are so one source, and what that means for a data set.

May import `training.data`.
"""
