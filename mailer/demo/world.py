"""The sample world: a configuration in a folder of its own, with fresh keys and an empty database.

Owns the folder (marked by a file, so that nothing else is ever deleted). Called by the demo's road.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mailer import tokens
from mailer.errors import Refused

MARK = ".mailer-demo"
LIST = "enews"
ISSUE = "2034-12"
CONSENT = "港町都市ネットワークの催しの受付票で、E-News の受け取りに同意（見本）"


def make(folder: Path, relay_port: int) -> Path:
    """An empty world; what a demo left there before is deleted. Returns the path of config.toml."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Refused(
            f"{folder} holds files that are not a demo's.",
            remedy="Name an empty folder with --dir.",
            key="demo_folder", path=str(folder),
        )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    (folder / MARK).write_text(
        "Made by “mailer demo”, which deletes this folder when it runs again.\n", "utf-8"
    )
    for name in ("permanent_key", "keys"):
        path = folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(tokens.new_key() + "\n", "utf-8")
    config = folder / "config.toml"
    config.write_text(_config(relay_port), "utf-8")
    return config


def _config(relay_port: int) -> str:
    def both(ja: str, en: str) -> str:
        return f"{{ ja = {json.dumps(ja, ensure_ascii=False)}, en = {json.dumps(en, ensure_ascii=False)} }}"

    return f"""\
# The demo's world. “mailer --config …/config.toml serve” makes every link in its mails work on this machine.

[site]
name = {both("みなと便り", "Harbour Letter")}
languages = ["ja", "en"]
default_language = "ja"
base_url = "http://127.0.0.1:8000"
bind = "127.0.0.1:8000"

[sender]
name = {both("港町都市ネットワーク 横浜事務所", "Harbour Cities Network, Yokohama Office")}
email = "enews@example.org"
organisation = {both("港町都市ネットワーク 横浜事務所", "Harbour Cities Network, Yokohama Office")}
postal_address = {both("〒000-0000 神奈川県横浜市中区うみべ通1-2-3 みなとの家 4階", "Minato-no-Ie 4F, 1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000, Japan")}
phone = {both("045-000-0000（平日 9:00～17:00）", "+81 45 000 0000 (weekdays 9:00–17:00 JST)")}
contact = "enews@example.org"

[relay]
host = "127.0.0.1"
port = {relay_port}          # the built-in catcher: nothing leaves this machine
tls = "none"
connections = 4
return_path = "verp"

[bounces]
domain = "bounce.example.org"

[delivery]
safety_window_minutes = 0

[secrets]
permanent_key_file = "secrets/permanent_key"
keys_file = "secrets/keys"
"""
