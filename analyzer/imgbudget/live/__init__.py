"""Live mode: sending and counting requests, verifying the token formula, and the guard of SDK clients.

Nothing here is imported before it is needed, and only these modules import the official SDK (extra `live`).
"""
