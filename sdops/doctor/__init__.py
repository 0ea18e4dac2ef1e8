"""Examines facts into findings, advises launch flags, plans repairs."""
