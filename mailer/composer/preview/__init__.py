"""How an issue or a notice will be seen, written to files before anything is sent."""
