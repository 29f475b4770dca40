"""The web page. It draws snapshots of a session and forwards clicks to it; it decides nothing itself."""
