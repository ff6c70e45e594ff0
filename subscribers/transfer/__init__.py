"""Many people at once: a file of them in, all of them out.

`import_people(engine, Source(…), Declaration(…), Options(…), by=…, now=…, random=…, permanent_key=…)`
and `export(connection, out=…)`; `guard`, `write_csv` and `write_json` for other tables of people. Called by
the CLI, pages and the demo.
"""

from .cells import guard
from .exporting import export, write_csv, write_json
from .importing import Declaration, ImportResult, Options, import_people
from .reasons import RowError, sentence
from .refusals import RefusedFile
from .tables_in import Source

__all__ = [
    "Declaration",
    "ImportResult",
    "Options",
    "RefusedFile",
    "RowError",
    "Source",
    "export",
    "guard",
    "import_people",
    "sentence",
    "write_csv",
    "write_json",
]
