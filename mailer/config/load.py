"""Reads the file, puts the environment above it, and tells every fault at once with file and key."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mailer.errors import BadConfig, Fault

from .model import Config, Fails

PREFIX = "MAILER_"
_SECRETS = (
    ("relay", "password"),
    ("bounces", "imap_password"),
    ("secrets", "permanent_key"),
    ("secrets", "keys"),
)

_UNKNOWN = "extra_forbidden"
_CODES = {  # pydantic's error type → our sentence
    _UNKNOWN: "unknown_key",
    "missing": "missing",
    "literal_error": "not_one_of",
    "int_parsing": "not_a_number",
    "int_type": "not_a_number",
    "int_from_float": "not_a_number",
    "float_type": "not_a_number",
    "float_parsing": "not_a_number",
    "bool_parsing": "not_true_or_false",
    "bool_type": "not_true_or_false",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_large",
    "string_type": "not_a_text",
    "list_type": "not_a_list",
    "model_type": "not_a_table",
    "dict_type": "not_a_table",
    "too_short": "empty_list",
    "string_pattern_mismatch": "wrong_form",
}
_SENTENCES = {
    "unknown_key": "There is no key “{key}”.",
    "missing": "The key is missing.",
    "not_one_of": "The value must be one of {choices}.",
    "not_a_number": "The value must be a number.",
    "not_true_or_false": "The value must be true or false.",
    "too_small": "The value must be at least {limit}.",
    "too_large": "The value must be at most {limit}.",
    "not_a_text": "The value must be a text in quotes.",
    "not_a_list": 'The value must be a list such as ["ja", "en"].',
    "not_a_table": "This must be a table.",
    "empty_list": "The list must not be empty.",
    "wrong_form": "The value does not have the form of the example file.",
    "not_toml": "The file is no TOML: {detail}.",
    "no_file": "There is no such file.",
    "secret_file": "The file {path} cannot be read.",
    "env_not_json": "The environment variable must hold a list or table as JSON.",
}


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration of `path` with `MAILER_<SECTION>__<KEY>` above it. Raises BadConfig with all faults."""
    faults: list[Fault] = []
    data = _overlay(_read(path), environ, faults)
    _read_secret_files(data, path, faults)
    try:
        config = Config.model_validate({**data, "folder": path.resolve().parent})
    except ValidationError as error:
        faults += [_fault(path.name, detail) for detail in error.errors(include_url=False)]
    if faults:
        raise BadConfig(sorted(set_of(faults), key=lambda f: f.where))
    return config


def faults_of(key: str, value: object) -> list[Fault]:
    """What is wrong with the value of one key (`relay.port`), whatever the others are; an unknown key has nothing."""
    table, _, name = key.partition(".")
    try:
        Config.model_validate({table: {name: value}})
    except ValidationError as error:
        details = error.errors(include_url=False)
        return [
            _fault(key, one) for one in details if one["loc"][:2] == (table, name) and one["type"] != _UNKNOWN
        ]
    return []


def set_of(faults: list[Fault]) -> list[Fault]:
    """Faults without those told twice (a union type complains once per branch)."""
    return list({(f.where, f.code): f for f in faults}.values())


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError:
        remedy = "Run “mailer init” first, or name the file with --config."
        raise BadConfig([_made("no_file", str(path), remedy=remedy)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig([_made("not_toml", path.name, detail=str(error))]) from None
    if "folder" in data:
        raise BadConfig([_made("unknown_key", f"{path.name}: folder", key="folder")])
    return data


def _overlay(data: dict[str, Any], environ: Mapping[str, str], faults: list[Fault]) -> dict[str, Any]:
    """`MAILER_RELAY__HOST=…` stands above `relay.host`; lists and tables are JSON."""
    for name, value in environ.items():
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        if not name.startswith(PREFIX) or not key:
            continue
        part = data.setdefault(section, {})
        if not isinstance(part, dict):
            continue
        part[key] = value
        if (section, key) in _SECRETS:
            part.pop(f"{key}_file", None)  # what the environment says stands above the file and its files
        if value.startswith(("[", "{")) and ((section, key) not in _SECRETS or key == "keys"):
            try:
                part[key] = json.loads(value)
            except ValueError:
                faults.append(_made("env_not_json", name))
    for section, key in _SECRETS:
        if file := environ.get(f"{PREFIX}{section}__{key}_file".upper()):
            data[section][f"{key}_file"] = file
    return data


def _read_secret_files(data: dict[str, Any], path: Path, faults: list[Fault]) -> None:
    """`password_file` fills `password`, and so on: a secret may stand in a file of its own."""
    for section, key in _SECRETS:
        part = data.get(section)
        named = part.get(f"{key}_file") if isinstance(part, dict) else None
        if not isinstance(part, dict) or not isinstance(named, str) or not named:
            continue
        text = _read_secret(path, named)
        if text is None:
            faults.append(_made("secret_file", f"{path.name}: {section}.{key}_file", path=named))
            continue
        part[key] = text.split() if key == "keys" else text
    _read_passwords_of_more(data, path, faults)


def _read_passwords_of_more(data: dict[str, Any], path: Path, faults: list[Fault]) -> None:
    relay = data.get("relay")
    more = relay.get("more") if isinstance(relay, dict) else None
    for n, part in enumerate(more if isinstance(more, list) else ()):
        named = part.get("password_file") if isinstance(part, dict) else None
        if not isinstance(named, str) or not named:
            continue
        text = _read_secret(path, named)
        if text is None:
            faults.append(_made("secret_file", f"{path.name}: relay.more[{n}].password_file", path=named))
        else:
            part["password"] = text


def _read_secret(path: Path, named: str) -> str | None:
    """The text of a file beside the configuration without its last line break; None if it cannot be read."""
    try:
        text = (path.resolve().parent / named).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text.removesuffix("\n").removesuffix("\r")


def _fault(file: str, detail: ErrorDetails) -> Fault:
    loc = [str(piece) for piece in detail["loc"] if piece not in ("str", "dict[str,str]")]
    where = f"{file}: {_dotted(loc)}" if loc else file
    raised = detail.get("ctx", {}).get("error")
    if isinstance(raised, Fails):
        return Fault(f"config.{raised.code}", where, str(raised), facts=raised.facts)
    code = _CODES.get(detail["type"], "wrong_form")
    ctx = detail.get("ctx", {})
    limit = ctx.get("ge", ctx.get("le", ""))
    choices = str(ctx.get("expected", "")).replace("'", "").replace(" or ", ", ")
    remedy = ""
    if code == "unknown_key":
        near = difflib.get_close_matches(loc[-1], _keys_beside(loc), n=1)
        remedy = f"Did you mean “{near[0]}”?" if near else ""
    return _made(code, where, remedy=remedy, key=loc[-1] if loc else "", limit=limit, choices=choices)


def _made(code: str, where: str, *, remedy: str = "", **facts: object) -> Fault:
    return Fault(f"config.{code}", where, _SENTENCES[code].format(**facts), remedy, facts)


def _dotted(loc: list[str]) -> str:
    return "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in loc).lstrip(".")


def _keys_beside(loc: list[str]) -> list[str]:
    """The keys that the table of a wrong key really has."""
    model: type[BaseModel] = Config
    for piece in loc[:-1]:
        field = model.model_fields.get(piece)
        inner = field.annotation if field else None
        candidates = [inner, *get_args(inner)]
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if found is not None:
            model = found
    return [name for name in model.model_fields if name != "folder"]


def keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key with its field: ("relay.port", …)."""
    for name, field in model.model_fields.items():
        if name == "folder":
            continue
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


# Tables that a default does not show. They stand last in their section: a key after them would be theirs.
_TABLES = {
    "checks": ['missing_alt = "warn"'],
    "relay.more": ["[[relay.more]]", 'host = "smtp2.example.org"'],
    "sender.newsletters": [
        "[sender.newsletters.harbour]",
        'name = { ja = "みなと便り", en = "Harbour Letter" }',
        'email = "harbour@example.org"',
    ],
}


def example() -> str:
    """config.example.toml: every key with its default and its one line."""
    lines = [
        "# Every key of the configuration with its default. Copy what you change to config.toml, or run `mailer init`.",
        '# Text for readers is one string, or a table by language: name = { ja = "みなと便り", en = "Harbour Letter" }',
        "# Paths start at this file's folder. Environment above the file: MAILER_RELAY__HOST=… stands above relay.host.",
        "# 設定のすべての項目と既定値です。変えるものだけを config.toml に書きます。",
    ]
    section = None
    for key, field in keys():
        table, _, name = key.rpartition(".")
        if not table:
            table, name = key, ""
        if table != section:
            lines += ["", f"[{table}]"]
            section = table
        lines.append(f"# {field.description}")
        if key in _TABLES:
            lines += [f"# {line}" for line in _TABLES[key]]
        else:
            default = field.get_default()
            lines.append(f"# {name} =" if default is None else f"{name} = {_toml(default)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(plain, ensure_ascii=False)
