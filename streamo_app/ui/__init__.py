"""The page: the only code that knows Gradio. It draws snapshots of a session and hands clicks to it; it decides nothing
itself."""
