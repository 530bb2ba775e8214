"""What tables, columns and files mean, from the database's own comments and from the code."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from alphapulse.lake.columns import file_columns
from alphapulse.meanings import MEANINGS
from alphapulse.store.catalogue import read_instance
from alphapulse.store.connect import Store
from alphapulse.store.dictionary import read_dictionary
from api import models
from api.answers import Answer, answer, shared
from api.asking import KNOWN_ONLY, refusals
from api.context import house_of

router = APIRouter(tags=["catalogue"], dependencies=KNOWN_ONLY)

FILES = {
    "parquet/{exchange}/{symbol}/{date}.parquet": "One market's UTC day of trades, certified.",
    "candles/{size}/{exchange}/{symbol}/{date}.parquet": "Its bars, made from that file alone.",
}


@router.get("/dictionary", responses={200: {"model": models.Dictionary}, **refusals()})
async def dictionary(request: Request) -> Response:
    """Tables, views and files with their columns."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        tables = [explained(table) for table in read_dictionary(store)]
        return answer({"tables": [*tables, *files()]}, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def explained(table: dict[str, Any]) -> dict[str, Any]:
    for column in table["columns"]:
        column["meaning"] = column["meaning"] or MEANINGS.get(column["column"])
    return table


def files() -> list[dict[str, Any]]:
    return [
        {
            "table": name,
            "kind": "file",
            "meaning": meaning,
            "columns": [
                {"column": column, "type": kind, "nullable": False, "meaning": MEANINGS[column]}
                for column, kind in columns
            ],
        }
        for (name, meaning), columns in zip(FILES.items(), file_columns(), strict=True)
    ]
