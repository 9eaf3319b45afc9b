"""A package, so that its server and its browser end with its last test (pytest knows the scope of packages only)."""
