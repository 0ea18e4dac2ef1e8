"""`sdops hash`: the digests by which sites and user interfaces name a model file."""
