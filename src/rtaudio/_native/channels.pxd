"""Channels and float samples. The loops are those of `levels`; nothing here is for other kernels."""
