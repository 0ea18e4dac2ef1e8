"""Looks at a user interface's own folder: files are read, nothing of it is imported or run."""

from sdops.facts.ui.install import look
from sdops.facts.ui.launch import variables_of
from sdops.facts.ui.python_home import python_of

__all__ = ["look", "python_of", "variables_of"]
