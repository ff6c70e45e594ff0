"""Sentences in lines of a terminal: Japanese folds between signs, commands stay whole."""

from __future__ import annotations

from rich.cells import cell_len

from mailer.cli.folding import fold

JA = "  最初の1通を office@example.org に送りました。残りは12月20日（水）9:30（日本時間）に送り始めます。止めるときは「mailer campaigns pause 1」です。"  # fmt: skip


def test_full_width_signs_count_two_and_the_margin_stays() -> None:
    for width in range(34, 90):
        lines = list(fold(JA, width))
        assert max(map(cell_len, lines)) <= width
        assert all(line.startswith("  ") for line in lines)
        assert "".join(line.strip() for line in lines).replace(" ", "") == JA.replace(" ", "")


def test_a_command_is_not_broken_and_no_line_begins_with_a_full_stop() -> None:
    for width in range(34, 90):
        lines = list(fold(JA, width))
        assert any("「mailer campaigns pause 1」" in line for line in lines)
        assert not any(line.strip()[0] in "。」）" or line[-1] in "（「" for line in lines)


def test_a_piece_that_is_too_long_keeps_its_line() -> None:
    assert list(fold("see " + "x" * 40 + " there", 20)) == ["see", "x" * 40, "there"]
