"""Applies fixes: decode and encode once per image, byte-span edits in requests, whole-or-nothing writes."""
