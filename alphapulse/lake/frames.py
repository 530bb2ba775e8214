"""Arrow tables as the frames that people work with: pandas, Polars, or Arrow itself.

Values stay exact unless floats are asked for. Times are UTC and keep their microseconds.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs

from alphapulse.lake.months import find_place
from alphapulse.lake.reading import PARQUET

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Shape: TypeAlias = Literal["pandas", "polars", "arrow"]
Decimals: TypeAlias = Literal["exact", "float"]

SAMPLE = 1_000  # values that are tried before all of a column
NARROW = 18  # digits: the product of two such decimals still fits Arrow's 38


class BadShape(ValueError):
    """A frame that cannot be made as it was asked for; the message says what can."""


def shaped(table: Any, shape: Shape, decimals: Decimals = "exact", index: str | None = None) -> Any:
    """`table` as a frame of `shape`; `index`, of pandas alone, names a column. Raises BadShape."""
    if decimals not in {"exact", "float"}:
        raise BadShape(f"decimals={decimals!r}: say 'exact' or 'float'")
    if index is not None and (shape != "pandas" or index not in table.column_names):
        named = ", ".join(table.column_names)
        raise BadShape(f"index={index!r}: a frame of pandas may have one, of: {named}")
    table = with_floats(table) if decimals == "float" else table
    match shape:
        case "arrow":
            return table
        case "polars":
            return to_polars(table)
        case "pandas":
            frame = to_pandas(table)
            return frame if index is None else frame.set_index(index)
    raise BadShape(f"as_={shape!r}: say 'pandas', 'polars' or 'arrow'")


def to_pandas(table: Any) -> "pd.DataFrame":
    """Decimals stay Arrow's (exact, and as narrow as they may be), as do dates; times become
    datetime64[us, UTC]; whole numbers with holes become Int64: a float could not hold an id.
    """
    import pandas as pd  # noqa: PLC0415 - half a second, and only those who ask for it need it

    table = narrowed(table)
    whole = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()} if has_holes(table) else {}

    def dtype_of(kind: Any) -> Any:
        if pa.types.is_decimal(kind) or pa.types.is_date(kind):
            return pd.ArrowDtype(kind)
        return whole.get(kind)

    frame: pd.DataFrame = table.to_pandas(types_mapper=dtype_of)
    return frame


def to_polars(table: Any) -> "pl.DataFrame":
    try:
        import polars as pl  # noqa: PLC0415 - not everybody has it
    except ModuleNotFoundError:
        raise BadShape("as_='polars' needs Polars: pip install polars") from None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def with_floats(table: Any) -> Any:
    """Every decimal as a float64: quick, and right to about 15 digits."""
    return with_decimals(table, lambda column: column.cast(pa.float64()))


def narrowed(table: Any) -> Any:
    """Every decimal column that 18 digits can hold, in 18 digits: the same values.

    Arrow refuses to multiply two decimals of 38 digits, since the product might need 77.
    """
    return with_decimals(table, narrow)


def with_decimals(table: Any, change: Callable[[Any], Any]) -> Any:
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            column = change(table.column(place))
            table = table.set_column(place, field.with_type(column.type), column)
    return table


def narrow(column: Any) -> Any:
    """In 18 digits, with the fewest behind the point that hold every value; else as it is."""
    scale = 0
    for part in (
        column.slice(0, SAMPLE),
        column,
    ):  # a cast that fails costs as much as one that works
        while scale <= min(NARROW, column.type.scale):
            try:
                found = part.cast(pa.decimal128(NARROW, scale))
                break
            except pa.ArrowInvalid:
                scale += 1
        else:
            return column
    return found


def has_holes(table: Any) -> bool:
    return any(column.null_count for column in table.columns if pa.types.is_integer(column.type))


def days_at(paths: Iterable[Path], schema: Any) -> Any | None:
    """The days whose own files lie, or would lie, at `paths`, as a Dataset; None: there is none.

    A day may lie in its month's file instead, see `months`.
    """
    system = pyarrow.fs.LocalFileSystem()
    fragments = [
        PARQUET.make_fragment(
            str(place.path), system, row_groups=None if place.group is None else [place.group]
        )
        for path in paths
        if (place := find_place(path)) is not None
    ]
    return ds.FileSystemDataset(fragments, schema, PARQUET, system) if fragments else None


def read_as(dataset: Any, kind: Any) -> Any:
    """A Dataset as an instance of `kind`: a DataFrame of pandas (also where anything will do) or
    Polars, a LazyFrame, an Arrow Table, or as it is. Raises BadShape.

    Dataset and LazyFrame read nothing yet: for more than fits into memory.
    """
    name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}" if isinstance(kind, type) else ""
    match name:
        case "pyarrow.Dataset" | "pyarrow.FileSystemDataset":
            return dataset
        case "pyarrow.Table":
            return dataset.to_table()
        case "polars.DataFrame":
            return to_polars(dataset.to_table())
        case "polars.LazyFrame":
            import polars as pl  # noqa: PLC0415 - whoever asks for its type has it

            return pl.scan_pyarrow_dataset(dataset)
        case "pandas.DataFrame" | "typing.Any" | "":
            return to_pandas(dataset.to_table())
    raise BadShape(
        f"{name} cannot be read from Parquet here: ask for a DataFrame of pandas or Polars, "
        "a polars.LazyFrame, a pyarrow.Table or a pyarrow.dataset.Dataset"
    )
