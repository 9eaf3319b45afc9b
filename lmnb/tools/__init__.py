"""What reaches out of the program: a sandbox for code, databases, tool servers."""
