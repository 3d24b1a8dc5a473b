"""A system that wants to be told: a real HTTP server that keeps what it is sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from werkzeug import Request, Response

from apps.webhooks.actions.endpoints import register_endpoint
from apps.webhooks.models import Endpoint

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)


@dataclass
class Receiver:
    """An endpoint, its secret, and the HTTP server behind it; `status` is what that answers."""

    endpoint: Endpoint
    secret: str
    status: int = 204
    headers: dict = field(default_factory=dict)
    body: bytes = b"thanks"
    received: list = field(default_factory=list)
    handler: Callable[[Request], Response] | None = None  # instead of `take`

    def answer(self, request: Request) -> Response:
        return (self.handler or self.take)(request)

    def take(self, request: Request) -> Response:
        self.received.append((dict(request.headers), request.get_data()))
        return Response(self.body, self.status, self.headers)

    @property
    def ids(self):
        return [headers["Webhook-Id"] for headers, _body in self.received]

    def again(self):
        self.endpoint.refresh_from_db()
        return self.endpoint


@pytest.fixture
def at_home(settings):
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]


@pytest.fixture
def receiver(db, at_home, httpserver):
    endpoint, secret = register_endpoint(
        "CRM", httpserver.url_for("/hook"), ["coupon.accrued", "order.placed"], at=AT
    )
    receiver = Receiver(endpoint, secret)
    httpserver.expect_request("/hook", method="POST").respond_with_handler(receiver.answer)
    return receiver
