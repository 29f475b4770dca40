"""The scripts of the page are one script in the end: no two of its files may give the same name to different things.

python -m pytest tests/streamo_app/ui/test_scripts.py
"""

import re
from collections import Counter

from streamo_app.ui.page import SCRIPTS, STATIC


def declared(script: str) -> list[str]:
    """Names that a script declares at its top: of functions, and of `const` and `let`, several on a line included."""
    names = re.findall(r"^(?:async )?function (\w+)", script, re.M)
    for line in re.findall(r"^(?:const|let) (.*)", script, re.M):
        while line != (line := re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|\"[^\"]*\"|`[^`]*`", "", line)):
            pass
        names += re.findall(r"(?:^|, )(\w+) =", line)
    return names


def test_no_name_is_declared_twice_in_the_scripts_of_the_page():
    assert declared('const $ = 1, A = { b: [1, 2] }, C = "x, y = 2";\nasync function go(a) {\nlet here = 3;') == [
        "go",
        "A",
        "C",
        "here",
    ]
    counts = Counter(name for script in SCRIPTS for name in declared((STATIC / f"{script}.js").read_text()))
    assert [name for name, count in counts.items() if count > 1] == []
