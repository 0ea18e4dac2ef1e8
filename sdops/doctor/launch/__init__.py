"""Decides launch flags: one module for each question that a flag answers."""
