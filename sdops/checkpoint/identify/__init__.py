"""Says what a model file is, from the names, shapes and types of its tensors alone."""
