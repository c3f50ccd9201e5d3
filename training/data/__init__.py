"""A data set as tables: reading it in whatever form, names, facts and pixels of its images, the split and its roles.

Imports nothing else of `training`.
"""
