"""Where a model file's bytes come from: disks, folders, servers; and what is remembered of them."""
