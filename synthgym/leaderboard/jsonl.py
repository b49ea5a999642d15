"""Reading one line of a record file strictly: every field by name and type."""

from __future__ import annotations

import json
import math
from typing import Any

from synthgym.errors import RecordError

LARGEST_COUNT = 2**53


class Fields:
    """The fields of a JSON object; each getter checks the type of a field and removes it.

    Args:
        fields: the object.
        where: file, line number and place in the line, to start error messages with.

    Raises:
        RecordError: (from the getters) a field is missing or not of its type.
    """

    def __init__(self, fields: dict[str, Any], where: str) -> None:
        self._fields = fields
        self._where = where

    def section(self, name: str) -> Fields:
        """A JSON object within this one, to be read likewise."""
        return Fields(self.mapping(name), f"{self._where}: {name}")

    def fail(self, message: str) -> RecordError:
        """An error that says where the line is."""
        return RecordError(f"{self._where}: {message}")

    def _take(self, name: str) -> Any:
        try:
            return self._fields.pop(name)
        except KeyError:
            raise self.fail(f"field {name!r} is missing") from None

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._fields

    def _is_null(self, name: str) -> bool:
        if name in self._fields and self._fields[name] is None:
            del self._fields[name]
            return True
        return False

    def text(self, name: str, choices: tuple[str, ...] = ()) -> str:
        """A text, one of `choices` if there are any."""
        value = self._take(name)
        if not isinstance(value, str):
            raise self.fail(f"{name} must be text, not {value!r}")
        if choices and value not in choices:
            raise self.fail(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
        return value

    def whole(self, name: str) -> int:
        """A whole number of at least 0, however large."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.fail(f"{name} must be a whole number of at least 0, not {value!r:.40}")
        return value

    def count(self, name: str, least: int = 0) -> int:
        """A whole number from `least` to the largest that a float holds exactly."""
        value = self.whole(name)
        if not least <= value <= LARGEST_COUNT:
            raise self.fail(f"{name} must be from {least} to {LARGEST_COUNT}, not {value!r:.40}")
        return value

    def optional_count(self, name: str, least: int = 0) -> int | None:
        """As `count`, or null."""
        return None if self._is_null(name) else self.count(name, least)

    def number(self, name: str) -> float:
        """A finite number."""
        return self._as_number(name, self._take(name))

    def optional_number(self, name: str) -> float | None:
        """A finite number, or null."""
        return None if self._is_null(name) else self.number(name)

    def _as_number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fail(f"{name} must be a number, not {value!r}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fail(f"{name} must be finite, not {value!r:.40}")
        return number

    def flag(self, name: str) -> bool:
        """True or false; false where there is no such field."""
        value = self._fields.pop(name, False)
        if not isinstance(value, bool):
            raise self.fail(f"{name} must be true or false, not {value!r}")
        return value

    def counts(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers of at least 0 that a float holds exactly."""
        values = self._take(name)
        if not isinstance(values, list):
            raise self.fail(f"{name} must be a list of whole numbers, not {values!r:.40}")
        for i, value in enumerate(values):
            if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
                raise self.fail(
                    f"{name}[{i}] must be a whole number from 0 to {LARGEST_COUNT}, not "
                    f"{value!r:.40}"
                )
        return tuple(values)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        values = self._take(name)
        if not isinstance(values, list):
            raise self.fail(f"{name} must be a list of numbers, not {values!r:.40}")
        return tuple(self._as_number(f"{name}[{i}]", value) for i, value in enumerate(values))

    def optional_numbers(self, name: str) -> tuple[float, ...] | None:
        """A list of finite numbers, or null."""
        return None if self._is_null(name) else self.numbers(name)

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.fail(f"{name} must be a JSON object, not {value!r}")
        return value

    def done(self) -> None:
        """Check that no field is left over."""
        if self._fields:
            raise self.fail(f"unknown field {next(iter(self._fields))!r}")


class JsonLine(Fields):
    """The fields of one line, which is a JSON object with a `kind`.

    Args:
        text: the line.
        where: file and line number.

    Raises:
        RecordError: the line is not such an object.
    """

    def __init__(self, text: str, where: str) -> None:
        super().__init__({}, where)
        try:
            fields = json.loads(text, parse_constant=self._no_constant)
        except RecursionError:
            raise self.fail("not a record: nested too deeply") from None
        except ValueError as error:
            if isinstance(error, RecordError):
                raise
            raise self.fail(f"not JSON ({error}); the line is cut off or damaged") from error
        if not isinstance(fields, dict):
            raise self.fail(f"a line must be a JSON object, not {text[:40]!r}")
        self._fields = fields
        self.kind = self.text("kind")

    def _no_constant(self, name: str) -> float:
        raise self.fail(f"{name} is not a number that a record can hold")
