"""What answers look like, for the OpenAPI description. Answers are not made from these: row
objects cost more than the rest of a request together (bench/api.py); a test compares both.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(examples=["2026-11-21T10:00:00.000000Z"], description="RFC 3339, UTC")]
Number = Annotated[str, Field(examples=["61000.5"], description="An exact decimal, as text")]
Id = Annotated[str, Field(examples=["1004723"], description="A whole number, as text")]
Day = Annotated[str, Field(examples=["2026-11-21"], description="A UTC day")]
Key = Annotated[str, Field(examples=["kraken/BTC_USD"], description="exchange/symbol, as in paths")]
Cursor = Annotated[str | None, Field(description="Give it back to go on; null: nothing follows")]
Complete = Annotated[
    str | None,
    Field(description="Every trade of the range before this is there; null: that is not proved"),
]


class Model(BaseModel):
    """No answer has fields that its description does not name."""

    model_config = ConfigDict(extra="forbid")


class Told(Model):
    """Every answer says as of when it holds, and whether the data is simulated."""

    as_of: Time
    simulated: bool


class Problem(BaseModel):
    """RFC 9457; `hint` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    instance: str
    request_id: str
