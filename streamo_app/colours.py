"""The colours of the lanes, one set for the light page and one for the dark. The page takes them as CSS custom
properties; captions in a video take the dark set, which is made for letters on black."""

LANES_LIGHT = ("#1f7872", "#b44b2a", "#2741b8", "#871385", "#3e3800", "#7c3aed", "#63454a", "#1f2a55")
LANES_DARK = ("#1fa4a2", "#ff930c", "#3bb8ff", "#f55b73", "#daea42", "#9176fa", "#c5bc98", "#b0d6ff")
"""Of lanes 1 to 8. Any two of a set differ for colour-blind eyes too (tests/browser/test_access.py)."""
ON_LANE_LIGHT, ON_LANE_DARK = "#ffffff", "#14151a"
"""Of a number or word that stands on a lane's colour."""


def lane_properties() -> str:
    """CSS: `--lane-1` to `--lane-8` and `--on-hue` of the light page, and of the dark one."""
    rules = ""
    for selector, lanes, on in ((":root", LANES_LIGHT, ON_LANE_LIGHT), (".dark", LANES_DARK, ON_LANE_DARK)):
        hues = " ".join(f"--lane-{lane}: {colour};" for lane, colour in enumerate(lanes, 1))
        rules += f"{selector} {{ {hues} --on-hue: {on}; }}\n"
    return rules
