"""`make bench`: every benchmark there is, one after the other."""

from __future__ import annotations

import subprocess
import sys

for name in ("sending", "importing"):
    print(f"\n── {name}\n", flush=True)
    subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=True)
