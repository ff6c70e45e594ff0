"""What can be wrong with a manuscript: one sentence and one remedy per code.

Owns the English of every fault of the composer; other languages have it as `error.<code>`.
Decides nothing. Called by `folder`, `markdown`, `inline` and `boxes`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mailer.errors import Fault

# Placeholders are facts. Sentences say what is there; remedies what to type instead.
SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # the folder
    "no_issue_folder": ("There is no folder {path}.", "Give the folder that holds issue.toml."),
    "no_issue_toml": ("The folder has no issue.toml.", "Copy one from an earlier issue and change slug, number and date."),
    "bad_toml": ("issue.toml cannot be read: {detail}.", "Texts stand in \"quotes\"; a date is written 2034-12-20."),
    "unknown_key": ("The key {key} is not known here.", "Known are: {known}."),
    "unknown_key.near": ("The key {key} is not known here. Did you mean “{near}”?", "Known are: {known}."),
    "missing_key": ("{key} is missing.", "Add a line such as {example}."),
    "bad_value": ("{key} has a value of another kind than is wanted.", "Write it like {example}."),
    "bad_value.text": ("{key} must be a text in quotation marks, and not empty.", "Write it like {example}."),
    "bad_value.flag": ("{key} must be true or false.", "Write it like {example}."),
    "bad_value.list": ("{key} must be a list of language tags, and not empty.", "Write it like {example}."),
    "bad_value.tables": ("{key} must be tables, one per language.", "Write [edition.ja], below it subject = \"…\"."),
    "bad_value.picture": ("{key} must be tables, one per picture.", "Write it like {example}."),
    "bad_slug": ("The slug {value} cannot stand in a web address.", "Use small letters a–z, digits and hyphens, such as 2034-12."),
    "bad_date": ("{value} is no date.", "Write year-month-day without quotes: date = 2034-12-20."),
    "bad_language_tag": ("{value} is no language tag.", "Write tags such as ja, en or zh-Hant."),
    "bad_language_tag.near": ("{value} is no language tag. Did you mean “{near}”?", "Write tags such as ja, en or zh-Hant."),
    "language_twice": ("The language {language} stands twice in languages.", "Leave one of them out."),
    "missing_language_file": ("{language} is in languages, but there is no {file}.", "Write {file}, or take {language} out of languages."),
    "language_not_listed": ("{file} is here, but {language} is not in languages.", "Add it to languages in issue.toml, or remove the file."),
    "missing_edition_table": ("There is no [edition.{language}] with the subject.", "Add the table with at least a subject."),
    "edition_not_listed": ("[edition.{language}] is here, but {language} is not in languages.", "Add it to languages, or remove the table."),
    "not_utf8": ("The file is not UTF-8 (line {line}).", "Save it again with the encoding UTF-8."),
    "not_utf8.cp932": ("The file is not UTF-8 but Shift JIS (CP932) (line {line}).", "Save it again with the encoding UTF-8."),
    "control_character": ("There is an invisible control character {character}.", "Delete it; it often comes with text pasted from another program."),
    "nul_character": ("There is a NUL character, which no text may hold.", "Delete it; the file may be damaged, or no text file."),
    "symlink": ("{path} is a link to another place.", "Put a copy of the file itself into the folder."),
    "unreadable": ("{path} cannot be read: {detail}.", "Check that the file is there and that you may read it."),
    "file_too_large": ("{path} has {size_mb} MB; at most {limit_mb} MB are taken.", "Make it smaller, or put it on a file service and link to it."),
    "too_many_files": ("The folder holds {count} files; at most {limit} are taken.", "Keep only the pictures and files of this issue."),
    "folder_too_large": ("Pictures and files have {size_mb} MB together; at most {limit_mb} MB are taken.", "Leave out what the texts do not use."),
    "bad_picture": ("{path} cannot be used as a picture.", "Save it again as JPEG or PNG."),
    "bad_picture.broken": ("{path} is damaged or incomplete.", "Copy it again from the camera, or save it anew."),
    "bad_picture.too_many_pixels": ("{path} has {megapixels} megapixels; at most {limit} are taken.", "Make it smaller in a picture program; 1,200 pixels in width are enough for a letter."),
    "bad_picture.unknown_format": ("{path} is no JPEG, PNG, WebP, GIF or HEIC.", "Save it again as JPEG or PNG."),
    "name_clash": ("{path} is there twice, in two spellings of the same name.", "Remove one of the two files."),
    # subject and other lines
    "empty_subject": ("The subject is empty.", "Write one: it is what people see first."),
    "bad_subject_break": ("{field} holds a line break or control character.", "Write it on one line."),
    "bad_subject_encoded": ("{field} holds an encoded word ({word}).", "Type the plain characters; they are encoded when the mail is built."),
    "bad_subject_bidi": ("{field} holds an invisible direction mark.", "Delete it; it can make a text read as another one."),
    # sections
    "section_key_twice": ("The section key {key} is used twice in this file (first in line {first_line}).", "Give each section its own key."),
    "mixed_keys": ("Some sections have a key and some have none.", "Write {{#key}} behind every heading, or behind none."),
    "bad_section_key": ("{key} cannot be a section key.", "Use small letters a–z, digits and hyphens, such as {{#garden}}."),
    "heading_without_text": ("A section heading without text.", "Write the heading behind the #."),
    "heading_without_space": ("There is no space behind the #.", "Write “# Heading” with a space."),
    "heading_too_deep": ("A heading with {marks} does not exist here.", "Sections begin with #, sub-headings with ##; there is nothing deeper."),
    "heading_inside": ("A section heading stands inside a box, list or quotation.", "Put it at the beginning of a line of its own, outside."),
    "underlined_heading": ("A line of = signs makes no heading here.", "Write “# Heading”, or remove the line."),
    # texts
    "raw_html": ("HTML is not taken: {tag}", "Write Markdown; boxes, buttons and pictures have their own signs."),
    "code_block": ("A block of program code has no place in a letter.", "Remove the ``` lines."),
    "reference_link": ("A link definition in a line of its own is not understood.", "Write the address at the link: [label](https://…)."),
    "forbidden_link": ("A link may not begin with “{scheme}:”.", "Use https://, mailto: or tel:."),
    "incomplete_link": ("“{url}” is no complete address.", "Begin with https://, or with files/ for a file of this issue."),
    "link_without_text": ("A link to {url} has no text.", "Write what the reader finds there between the brackets."),
    "link_in_heading": ("A heading holds a link.", "Put the link into the text below: headings are linked from the contents."),
    "bad_braces": ("{braces} was not understood and would be printed.", "Use half-width signs and straight quotes: {{.button}}, {{until=2035-01-31}}."),
    "unknown_attribute": ("{name} is not known here.", "Known are: {known}."),
    "unknown_attribute.near": ("{name} is not known here. Did you mean “{near}”?", "Known are: {known}."),
    "bad_span": ("Square brackets with braces need a language.", "Write [texte]{{lang=fr}}, or remove the braces."),
    "slot_in_text": ("The sign @@ is kept for the fields of each reader.", "Write one @, or leave it out; texts hold no fields."),
    "path_outside": ("{path} does not lie in images/ or files/ of this issue.", "Put the file there and write images/name.jpg or files/name.pdf."),
    "remote_picture": ("A picture from another place: {path}", "Put a copy into images/; a letter loads nothing from others."),
    "picture_not_found": ("There is no {path}.", "Put the picture into images/, or correct the name."),
    "picture_not_found.near": ("There is no {path}. Did you mean “{near}”?", "Put the picture into images/, or correct the name."),
    "file_not_found": ("There is no {path}.", "Put the file into files/, or correct the name."),
    "file_not_found.near": ("There is no {path}. Did you mean “{near}”?", "Put the file into files/, or correct the name."),
    "picture_in_text": ("A picture stands inside a sentence: {path}", "Put it on a line of its own."),
    "button_not_alone": ("A button stands inside a sentence.", "Put it on a line of its own."),
    "button_with_until": ("A button cannot have an end date.", "Leave out .button: a link with an end date is a box of its own."),
    "resource_not_alone": ("A link with an end date stands inside a sentence or list.", "Put it on a line of its own: it becomes a box that shows the date."),
    "resource_two_dates": ("{target} has two different end dates.", "Give it the same date everywhere."),
    "bad_until": ("“{value}” is no date.", "Write {{until=2035-01-31}}: year-month-day."),
    # boxes
    "unclosed_box": ("The box “{name}” is not closed.", "Put a line with ::: behind it."),
    "stray_fence": ("A line with ::: belongs to no box.", "Remove it, or begin the box with ::: note, ::: event or ::: gallery."),
    "unknown_box": ("There is no box “{name}”.", "Known are: gallery, note, event."),
    "unknown_box.near": ("There is no box “{name}”. Did you mean “{near}”?", "Known are: gallery, note, event."),
    "misplaced": ("This cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "misplaced.table": ("A table cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "misplaced.gallery": ("A gallery cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "misplaced.note": ("A note cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "misplaced.event": ("An event cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "misplaced.heading": ("A heading cannot stand inside a list or quotation.", "Put it outside, before or behind."),
    "misplaced.picture": ("A picture cannot stand inside a box, list or quotation.", "Put it outside, before or behind."),
    "empty_box": ("The box “{name}” is empty.", "Write something into it, or remove it."),
    "gallery_not_pictures": ("A gallery holds pictures only.", "Write one ![description](images/name.jpg \"caption\") per line."),
    "gallery_too_many": ("A gallery holds at most {limit} pictures; here are {count}.", "Make two galleries."),
    "event_without_title": ("The event has no title.", "Write it behind ::: event, or as a ## heading inside."),
    "event_without_start": ("The event has no start.", "Write ::: event {{start=\"2035-02-18 14:00\"}}."),
    "bad_event_time": ("“{value}” is no date or time.", "Write “2035-02-18 14:00”, “2035-02-18” or, for the end, “17:00”."),
    "event_ends_before": ("The event ends before it starts.", "Correct end; write it with its date if it is on another day."),
    "no_such_time": ("The clock skips {value} in {zone}.", "Choose a time that exists on that day."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: `ja.md`, the line of the file that is the text's first, and that of its heading."""

    file: str
    first_line: int = 1
    heading_line: int = 1

    def at(self, line: int) -> str:
        """`line` counts from 0 inside the text."""
        return f"{self.file}, line {self.first_line + line}"

    def heading(self) -> Place:
        return Place(self.file, self.heading_line)


@dataclass(slots=True)
class Faults:
    """Collects: the author gets all of them at once."""

    found: list[Fault] = field(default_factory=list)

    def add(self, code: str, where: str, **facts: object) -> None:
        new = fault(code, where, **facts)
        if new not in self.found:
            self.found.append(new)


def fault(code: str, where: str, **facts: object) -> Fault:
    """A fact `reason` chooses a closer sentence where there is one: `unknown_key.near`."""
    closer = f"{code}.{facts.get('reason', '')}"
    sentence, remedy = SENTENCES[closer if closer in SENTENCES else code]
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in facts.items()
    }
    return Fault(code, where, sentence.format(**shown), remedy.format(**shown), shown)


def near(word: str, known: Iterable[str]) -> dict[str, str]:
    """Facts of a “did you mean”, or none."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return {"reason": "near", "near": found[0]} if found else {}
