"""Rendered worlds with exact events: what the built-in model learns from, and what finetuning is tried on without a
download."""
