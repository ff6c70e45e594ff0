"""The sink as the demo and the rehearsal use it: on a thread, into a folder, as a process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Options, Sink, into_folder, running_sink

TEXT = b"Subject: Harbour Letter\r\n\r\n.dots\r\n..\r\n"


def send(port: int, count: int) -> list[Outcome]:
    async def main() -> list[Outcome]:
        async with Pool(Relay("r", "127.0.0.1", port, tls="none", connections=2)) as pool:
            return await asyncio.gather(
                *(pool.send(Envelope("b@a.example", f"p{n}@b.example"), TEXT) for n in range(count))
            )

    return asyncio.run(main())


def test_a_sink_on_a_thread_writes_each_message_with_its_envelope(tmp_path: Path) -> None:
    for chunking in (False, True):
        sink = Sink(into_folder(tmp_path), keep=False, options=Options(chunking=chunking))
        with running_sink(sink):
            assert all(o.accepted for o in send(sink.port, 5))
        assert sink.accepted == 5
        assert not sink.messages
    written = sorted(tmp_path.glob("*.eml"))
    assert [path.name for path in written] == [f"{n:06}.eml" for n in range(1, 11)]
    top, _, rest = written[0].read_bytes().partition(b"Subject")
    assert top == b"Return-Path: <b@a.example>\r\nDelivered-To: p0@b.example\r\n"
    assert b"Subject" + rest == TEXT


def test_a_sink_process_says_where_it_listens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailer.smtp.sink", "--folder", str(tmp_path), "--chunking"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on 127.0.0.1:")
            assert all(o.accepted for o in send(int(line.rsplit(":", 1)[1]), 3))
        finally:
            process.terminate()
    assert len(list(tmp_path.glob("*.eml"))) == 3
