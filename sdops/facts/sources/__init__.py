"""Python sources that the patient will run, read with `ast`: what they import, and from where.

Nothing is imported or run. What a file guards (`try: import …`, an `if`, a function) is left alone:
only what surely happens when the file is loaded counts.
"""

from sdops.facts.sources.look import look

__all__ = ["look"]
