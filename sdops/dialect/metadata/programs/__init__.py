"""One reader a program; each answers None where a picture is not its own."""
