"""How figures are shown: the report, the README's table, drawings, and the figures in a checkpoint's record.

May import `training.judging` and what that may import.
"""
