"""What `sdops smoke` tries, one step a module, in the order of a picture's making."""
