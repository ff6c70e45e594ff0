"""What a form sends: read with a limit, without a library for uploads.

Owns the body of a POST to the readers' pages. Called by their routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request

_LONGEST_BODY: Final = 16_384  # bytes read of a POST; our forms send under 100, RFC 8058 sends 26
_FORM: Final = "application/x-www-form-urlencoded"


async def body(request: Request) -> bytes:
    """The beginning of the body. Whatever follows is none of ours and is not kept."""
    read = b""
    async for chunk in request.stream():
        read += chunk[: _LONGEST_BODY - len(read)]
        if len(read) >= _LONGEST_BODY:
            break
    return read


def fields(request: Request, content: bytes) -> Mapping[str, str] | None:
    """The first value of each field; None if it is not a form as a browser sends it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    try:
        sent = parse_qs(content.decode("ascii"), max_num_fields=20)
    except ValueError:
        return None
    return {name: values[0] for name, values in sent.items()}
