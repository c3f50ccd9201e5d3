"""How a network learns: the recipe, what an epoch shows, the network and its initial weights, and the fitting.

May import `training.data` and `training.copying`.
"""
