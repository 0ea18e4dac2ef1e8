"""What one Python environment's files say of it, one idea per module; nothing is imported."""
