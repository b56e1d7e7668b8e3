"""Texts made of several properties: `{OrderNo} - {VendorName}`, `{InvoiceDate:%Y-%m}`. Pure.

A field is a property's plain name, for dates with a form of a few directives that mean the same in
every language. Where a property is null its field is empty, and the text between it and the field
before it falls away, so that no name ends in " - ".
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from target_monday.dates import moment_of
from target_monday.keys import part_text
from target_monday.quoting import quoted
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ABSENT", "Absent", "Template", "is_empty", "template"]


class Absent:
    """Stands for a value that is not in the record, which is not the same as a null."""


ABSENT: Final = Absent()


def is_empty(value: object) -> bool:
    """Whether a value says nothing: a null or an empty text."""
    return value is None or (isinstance(value, str) and not value)


_DIRECTIVE: Final = re.compile(r"%(.)")
_FORMS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "Y": lambda at: f"{at.year:04d}",
    "y": lambda at: f"{at.year % 100:02d}",
    "m": lambda at: f"{at.month:02d}",
    "d": lambda at: f"{at.day:02d}",
    "H": lambda at: f"{at.hour:02d}",
    "M": lambda at: f"{at.minute:02d}",
    "j": lambda at: f"{at.timetuple().tm_yday:03d}",
    "q": lambda at: str((at.month + 2) // 3),
    "G": lambda at: f"{at.isocalendar().year:04d}",
    "V": lambda at: f"{at.isocalendar().week:02d}",
    "%": lambda _: "%",
}
_DIGITS: Final = {"Y": 4, "G": 4, "j": 3, "q": 1}  # of a form; all others have two


@dataclass(frozen=True, slots=True)
class _Field:
    before: str  # the text between it and the field before it
    property: str
    form: str

    def text(self, value: object) -> str:
        if value is None:
            return ""
        if not self.form:
            return part_text(value, self.property)
        return _formatted(value, self)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template."""

    source: str
    parts: tuple[_Field, ...]
    end: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties that it uses, each once."""
        return tuple(dict.fromkeys(field.property for field in self.parts))

    def matches(self, text: str) -> bool:
        """Whether a record without nulls could give this text."""
        literal = "".join(re.escape(part.before) + _pattern(part.form) for part in self.parts)
        return re.fullmatch(literal + re.escape(self.end), text) is not None

    def render(self, record: Mapping[str, Any]) -> str | Absent | None:
        """The text; None if all its properties are null, ABSENT if one is missing.

        Raises BadCell for a nested value, or a value that its form does not fit.
        """
        if any(field.property not in record for field in self.parts):
            return ABSENT
        texts = [field.text(record[field.property]) for field in self.parts]
        if self.parts and not any(texts):
            return None
        made, began = (self.parts[0].before if self.parts else ""), False
        for field, text in zip(self.parts, texts, strict=True):
            if text:
                made += field.before + text if began else text
                began = True
        return made + self.end

    def address(self, record: Mapping[str, Any]) -> str | Absent | None:
        """As a web address: values are percent-encoded, and one that is null makes none."""
        if any(field.property not in record for field in self.parts):
            return ABSENT
        if any(is_empty(record[field.property]) for field in self.parts):
            return None
        texts = [
            field.before + quote(field.text(record[field.property]), safe="", errors="replace")
            for field in self.parts
        ]
        return "".join(texts) + self.end


def template(text: str) -> Template:
    """Parse `text`. Raises ValueError with the reason if it is malformed.

    A conversion (`!r`), a part (`.x`, `[0]`) or a width (`:>8`) is refused: what it gives would
    depend on Python.
    """
    fields: list[_Field] = []
    before = ""
    for literal, name, form, conversion in string.Formatter().parse(text):
        before += literal
        if name is None:  # the end, or a doubled brace
            continue
        if conversion or not name or any(mark in name for mark in ".[]"):
            raise ValueError("only plain fields such as {OrderNo} can be used")
        _check_form(form or "")
        fields.append(_Field(before, name, form or ""))
        before = ""
    return Template(text, tuple(fields), before)


def _pattern(form: str) -> str:
    """What matches each text that a field of this form gives, nulls apart."""
    if not form:
        return ".+"
    parts = _DIRECTIVE.split(form)  # text, directive, text, ...
    return "".join(_shape(part) if at % 2 else re.escape(part) for at, part in enumerate(parts))


def _shape(directive: str) -> str:
    return "%" if directive == "%" else rf"\d{{{_DIGITS.get(directive, 2)}}}"


def _check_form(form: str) -> None:
    directives = _DIRECTIVE.findall(form)
    if form and (not directives or any(each not in _FORMS for each in directives)):
        known = " ".join(f"%{each}" for each in _FORMS)
        raise ValueError(
            f"the form {quoted(form)} is none of dates: only plain fields such as {{OrderNo}} and "
            f"forms made of {known} can be used"
        )


def _formatted(value: object, field: _Field) -> str:
    if value == "":
        return ""
    try:
        day = moment_of(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None:
        raise BadCell(
            f"property {quoted(field.property)} is {quoted(value)}, which is not a date for the "
            f"form {quoted(field.form)}"
        )
    at = day if isinstance(day, datetime) else datetime.combine(day, time())
    return _DIRECTIVE.sub(lambda found: _FORMS[found.group(1)](at), field.form)
