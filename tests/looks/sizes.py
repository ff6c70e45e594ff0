"""What each edition weighs: `python -m tests.looks.sizes` writes the table of docs/looks.md.

A mail above 102 KB is cut by Gmail; ours is held at 100 and should stay below 90 (F43).
"""

from __future__ import annotations

import re

from mailer.composer.slots import longest_bytes
from tests.looks import letters
from tests.looks.letters import Mail, Post
from tests.theme import samples

PAGE = samples.CHECKOUT / "docs" / "looks.md"
BEGIN, END = "<!-- sizes -->\n", "<!-- /sizes -->"


def sizes(mail: Mail) -> tuple[int, int, int]:
    """Bytes of the HTML with every slot at its longest, of the kept style block, of the text part."""
    html = mail.source.html
    styles = "".join(re.findall(r"<style>(.*?)</style>", re.sub(r"<!--.*?-->", "", html, flags=re.S), re.S))
    return longest_bytes(html), len(styles.encode()), len(mail.source.text.encode())


def table(post: Post) -> str:
    lines = ["| mail | HTML | of it kept styles | text part |", "|---|--:|--:|--:|"]
    lines += [
        f"| {mail.name} | " + " | ".join(f"{n / 1000:.1f} KB" for n in sizes(mail)) + " |"
        for mail in post.mails
        if not mail.is_notice or mail.language == "ja"
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + table(letters.post()) + END + rest.partition(END)[2], "utf-8")
