"""Many people at once: a file of them in, all of them out.

`import_people(engine, Source(…), Declaration(…), Options(…), by=…, now=…, random=…, permanent_key=…)`
and `export(connection, out=…)`. Called by the CLI, pages and the demo.
"""

from .exporting import export
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
    "import_people",
    "sentence",
]
