"""A day pressed into minutes, in which everything happens that happens to a deployment."""
