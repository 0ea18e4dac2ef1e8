"""The language of pictures: prompts, settings, and what programs write into files."""
