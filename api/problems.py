"""Every refusal as application/problem+json (RFC 9457), which says what to do."""

from typing import Any

import msgspec
from starlette.responses import Response

MEDIA = "application/problem+json"
BASE = "https://alphapulse.invalid/problems/"  # names, not addresses: nothing is fetched

TITLES = {
    400: "Bad request",
    401: "Token needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Already under way",
    413: "Too large",
    416: "No such bytes",
    421: "Unknown host",
    422: "Not understood",
    429: "Too many requests",
    500: "Our own fault",
    503: "Not ready",
    504: "Too slow",
}


class Problem(Exception):
    """A refusal; `detail` names the input and what is wrong, `hint` says what to do."""

    def __init__(
        self, status: int, kind: str, detail: str, hint: str,
        headers: dict[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.hint = hint
        self.headers = headers or {}
        self.more = more

    def response(self, instance: str, request_id: str) -> Response:
        body = {
            "type": BASE + self.kind,
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
            "instance": instance,
            "request_id": request_id,
            **self.more,
        }
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(msgspec.json.encode(body), self.status, headers, MEDIA)


def bad_time(detail: str) -> Problem:
    hint = "write RFC 3339 with an offset, 2026-11-21T10:00:00Z, or a date, which is its midnight"
    return Problem(422, "time", detail, hint)


def unavailable(detail: str) -> Problem:
    hint = "wait and ask again; /v1/health/ready names what is missing"
    return Problem(503, "unavailable", detail, hint, {"Retry-After": "2"})


def too_slow(detail: str) -> Problem:
    hint = "ask for a shorter range or fewer rows"
    return Problem(504, "too-slow", detail, hint, {"Retry-After": "5"})
