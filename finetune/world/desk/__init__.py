"""The `desk` world: what a webcam sees of a room. Lights, a hand over the lens, people, coloured objects,
another view."""
