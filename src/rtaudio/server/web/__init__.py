"""The HTTP application: what is behind each path, and who is let through to it."""
