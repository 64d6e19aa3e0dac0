"""What ``import glassnet`` adds to ``import numpy``, and how long ``glassnet --help`` takes: medians, in turns."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

ROUNDS = 15
COMMANDS = {
    "import numpy": ["-c", "import numpy"],
    "import glassnet": ["-c", "import glassnet"],
    "glassnet --help": ["-m", "glassnet", "--help"],
}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


times: dict[str, list[float]] = {name: [] for name in COMMANDS}
for _ in range(ROUNDS):
    for name, arguments in COMMANDS.items():
        times[name].append(seconds(arguments))
for name, values in times.items():
    print(f"{name:16} {median(values):.3f} s")
added = [a - b for a, b in zip(times["import glassnet"], times["import numpy"], strict=True)]
print(f"import glassnet adds {median(added):.3f} s to import numpy")
