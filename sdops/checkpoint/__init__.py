"""Reads what a model file holds, without ever unpickling it."""
