"""Live mode: requests that are sent or counted, what the API made of them, and the guard of running programs.

Nothing here is imported before it is asked for, and the official SDK (extra `live`) is imported here only.
"""
