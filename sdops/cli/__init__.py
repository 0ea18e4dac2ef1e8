"""One command a module; a module parses, calls, prints and exits."""
