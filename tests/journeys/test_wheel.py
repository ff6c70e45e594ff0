"""The wheel holds all it needs: installed apart from the checkout it composes the sample issue."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_carries_templates_words_and_the_sample_issue(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (
        "mailer/templates/theme.css",
        "mailer/locales/ja.toml",
        "mailer/locales/en.toml",
        "mailer/samples/2034-12/issue.toml",
        "mailer/migrations/versions/0001_the_house.py",
        "subscribers/tables.py",
    ):
        assert path in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_an_installed_wheel_composes_an_edition_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    # The libraries are lent by the environment of the tests (a .pth inside a lent folder is not read,
    # so the checkout itself stays out); the mailer comes from the wheel alone.
    (site,) = (home / "lib").glob("python3*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True)
    where = subprocess.run(
        [python, "-c", "import mailer; print(mailer.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert where.stdout.startswith(str(home))

    def mailer(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [home / "bin" / "mailer", "--lang", "en", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )

    mailer("init", ".")
    sample = subprocess.run(
        [python, "-c", "import mailer, pathlib; print(pathlib.Path(mailer.__file__).parent / 'samples' / '2034-12')"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    ).stdout.strip()  # fmt: skip
    mailer("issues", "import", sample)
    mailer("issues", "preview", "2034-12", "--out", "preview")
    for language, title in (("ja", "水辺"), ("en", "waterfront")):
        mail = (tmp_path / "preview" / language / "mail.html").read_text("utf-8")
        assert mail.startswith("<!DOCTYPE html>")
        assert title in mail
