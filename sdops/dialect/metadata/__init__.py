"""How a picture was made, by what its file says, whichever program wrote it."""
