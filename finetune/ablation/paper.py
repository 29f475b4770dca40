"""Numbers that the paper prints, as percentages, to compare ours with."""

TABLE_4 = {
    "Qwen2.5-VL-3B": {
        "ce": {"rec": 6.45, "ssr": 20.99, "crr": 41.67},
        "scale": {"rec": 18.62, "ssr": 41.02, "crr": 49.17},
        "focal": {"rec": 27.94, "ssr": 50.72, "crr": 82.5},
    },
    "InternVL3-2B": {
        "ce": {"rec": 9.46, "ssr": 20.5, "crr": 40.42},
        "scale": {"rec": 21.2, "ssr": 31.47, "crr": 48.75},
        "focal": {"rec": 29.23, "ssr": 47.38, "crr": 80.42},
    },
}
"""Table 4, OVO-Bench forward responding: base -> loss -> column."""

TABLE_S7 = {"focal": {"forward": 53.72, "miou": 14.7}, "two-states": {"forward": 45.22, "miou": 9.3}}
"""Supplement, Table 7, 3B: three states against an end-of-turn token alone; OVO-Bench forward mean, forward grounding
mIoU."""

ORDER = ("focal", "scale", "ce")
"""Of the losses in every column of Table 4, best first."""
