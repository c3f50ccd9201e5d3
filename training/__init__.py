"""The training side: data, recipes, networks, evaluation, publishing; run as `python -m training`.

The modules here are the verbs of the command line. What they do it with lies in the folders, of which each knows
only those before it: `data`, `copying`, `learning`, `making`, `judging`, `reporting`, `publishing`.
"""
