"""What goes to the Hub and how: the model card, the files of each repository, and the upload.

May import `training.reporting` and what that may import.
"""
