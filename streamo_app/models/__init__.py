"""The model side: one streaming interface, its implementation on transformers, and the engine thread that owns it."""
