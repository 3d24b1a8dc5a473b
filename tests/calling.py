"""How tests call the API: as a system with a key of its own."""

import json
from datetime import UTC, datetime

from apps.core.actions import make_key


class System:
    """A system that may do what its scopes say."""

    def __init__(self, client, *scopes, name="core", by=None):
        self.client = client
        self.key, self.token = make_key(name, scopes, by=by, at=datetime(2020, 1, 1, tzinfo=UTC))

    def get(self, path, wanted=None, **headers):
        return self.client.get(f"/api/v1{path}", wanted, headers=self._headers(headers))

    def post(self, path, body, **headers):
        return self._send(self.client.post, path, body, headers)

    def put(self, path, body, **headers):
        return self._send(self.client.put, path, body, headers)

    def _send(self, method, path, body, headers):
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        return method(
            f"/api/v1{path}", raw, content_type="application/json", headers=self._headers(headers)
        )

    def _headers(self, more):
        return {"Authorization": f"Bearer {self.token}", **more}


def faults(answer):
    """Return where and why a request was refused."""
    return [(each.get("pointer"), each["code"]) for each in answer.json()["errors"]]
