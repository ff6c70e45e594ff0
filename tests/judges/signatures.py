"""Three programs that verify DKIM without any network: dkimpy, opendkim and mailauth. All know RSA and Ed25519.

Each is asked about messages with one signature: of two, opendkim tells of the first good one only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import dkim as dkimpy

from tests.conftest import missing
from tests.judges.asking import ask, node

Records = Mapping[str, str]  # DNS name → TXT
Judge = Callable[[Sequence[Path], Records], list[bool]]
_SIGNATURE = re.compile(rb"(?m)^DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*")


def with_each_signature_alone(message: bytes) -> list[bytes]:
    """The message once for each of its signatures, the others left out (none signs another)."""
    header, gap, body = message.partition(b"\r\n\r\n")
    header += b"\r\n"
    bare = _SIGNATURE.sub(b"", header).removesuffix(b"\r\n")
    return [signature + bare + gap + body for signature in _SIGNATURE.findall(header)]


def by_dkimpy(paths: Sequence[Path], records: Records) -> list[bool]:
    def txt(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode().rstrip(".")].encode()

    def verifies(message: bytes) -> bool:
        try:
            return bool(dkimpy.DKIM(message).verify(dnsfunc=txt))
        except dkimpy.DKIMException:
            return False

    return [verifies(path.read_bytes()) for path in paths]


def by_mailauth(paths: Sequence[Path], records: Records) -> list[bool]:
    answers = ask(node("verify.mjs"), [json.dumps(dict(records)), *map(str, paths)])
    return [[result["result"] for result in results] == ["pass"] for results in answers]


def by_opendkim(paths: Sequence[Path], records: Records) -> list[bool]:
    program = shutil.which("opendkim", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("opendkim", "opendkim")
    with tempfile.TemporaryDirectory() as name:
        keys, configuration = Path(name) / "keys", Path(name) / "opendkim.conf"
        keys.write_text("".join(f"{owner} {record}\n" for owner, record in records.items()))
        configuration.write_text(f"Mode v\nTestPublicKeys {keys}\n")
        command = [str(program), "-x", str(configuration), "-t", ",".join(map(str, paths))]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    told = dict(
        re.findall(
            r"^opendkim: (\S+): verification \(.*\) (succeeded|failed)", said.stderr + said.stdout, re.M
        )
    )
    assert set(told) == set(map(str, paths)), said.stderr
    return [told[str(path)] == "succeeded" for path in paths]


JUDGES: dict[str, Judge] = {"dkimpy": by_dkimpy, "opendkim": by_opendkim, "mailauth": by_mailauth}
