"""The table of a dataset: one row for each sound, as Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.errors import require
from synthgym.synth.params import Choice, ParamSpace, Spec, Switch
from synthgym.tasks.dataset import Recipe

Part = tuple[str, range, NDArray[np.float32], NDArray[np.float64]]
"""Split, indices, unit vectors and gains of some sounds."""

GROUP_ROWS: Final = 16_384
METADATA_KEY: Final = b"synthgym"


def write_table(recipe: Recipe, parts: Iterable[Part], path: Path) -> None:
    """Write the table of a dataset.

    Columns: `split`, `index`, `file`, `gain_db` (what the file was turned down by, mostly 0),
    `unit` (the unit vector, a list of fixed size), and `<node>.<parameter>` for each parameter in
    its physical unit, which is in the column's metadata. The schema's metadata holds the recipe.

    Args:
        recipe: what the dataset is made of.
        parts: all of it, in order.
        path: the file, which is written over.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    arrow = require("pyarrow", "dataset")
    parquet = require("pyarrow.parquet", "dataset")
    schema = _schema(recipe)
    with parquet.ParquetWriter(path, schema) as writer:
        for group in _groups(parts):
            columns = [column for part in group for column in [_columns(recipe, schema, part)]]
            tables = [arrow.table(column, schema=schema) for column in columns]
            writer.write_table(arrow.concat_tables(tables).combine_chunks())
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """The parts in groups of at least `GROUP_ROWS` rows, but for the last."""
    group: list[Part] = []
    for part in parts:
        group.append(part)
        if sum(len(indices) for _, indices, _, _ in group) >= GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


def _schema(recipe: Recipe) -> Any:
    arrow = require("pyarrow", "dataset")
    space = recipe.patch.space
    fields = [
        arrow.field("split", arrow.dictionary(arrow.int8(), arrow.string())),
        arrow.field("index", arrow.int64()),
        arrow.field("file", arrow.string()),
        arrow.field("gain_db", arrow.float64(), metadata={"unit": "dB"}),
        arrow.field("unit", arrow.list_(arrow.float32(), space.dimension)),
    ]
    for node, spec in space.specs:
        unit = "" if isinstance(spec, Choice | Switch) else spec.unit
        fields.append(
            arrow.field(f"{node}.{spec.name}", _kind(arrow, spec), metadata={"unit": unit})
        )
    metadata = {METADATA_KEY: json.dumps(recipe.document, ensure_ascii=False).encode("utf-8")}
    return arrow.schema(fields, metadata=metadata)


def _kind(arrow: Any, spec: Spec) -> Any:
    if isinstance(spec, Choice):
        return arrow.dictionary(arrow.int8(), arrow.string())
    return arrow.bool_() if isinstance(spec, Switch) else arrow.float64()


def _columns(recipe: Recipe, schema: Any, part: Part) -> list[Any]:
    arrow = require("pyarrow", "dataset")
    split, indices, unit, gain_db = part
    codes = arrow.array(np.zeros(len(indices), dtype=np.int8))
    return [
        arrow.DictionaryArray.from_arrays(codes, [split]),
        arrow.array(np.arange(indices.start, indices.stop)),
        arrow.array([recipe.file(split, i) for i in indices]),
        arrow.array(gain_db),
        arrow.FixedSizeListArray.from_arrays(arrow.array(unit.ravel()), unit.shape[1]),
        *_physical(arrow, recipe.patch.space, unit),
    ]


def _physical(arrow: Any, space: ParamSpace, unit: NDArray[np.float32]) -> Iterator[Any]:
    """A column for each parameter, computed in float64."""
    decoded = space.decode(torch.as_tensor(unit, dtype=torch.float64))
    for node, spec in space.specs:
        values = decoded[node][spec.name]
        if isinstance(spec, Choice):
            codes = arrow.array(values.argmax(-1).to(torch.int8).numpy())
            yield arrow.DictionaryArray.from_arrays(codes, list(spec.options))
        elif isinstance(spec, Switch):
            yield arrow.array((values > 0).numpy())
        else:
            yield arrow.array(values.numpy())
