"""Resize plans: the size that each image should be sent in, and fixes merged into one edit."""
