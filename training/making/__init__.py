"""The making of a checkpoint: the plan of a run, its record, operating point, gate, int8 weights, and the folder.

May import `training.data`, `training.copying` and `training.learning`.
"""
