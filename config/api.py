"""The HTTP API: one version, its routes from the apps."""

from ninja import Swagger

from apps.core.api.bodies import ExactParser
from apps.core.api.house import HouseApi
from apps.events.api import router as events
from apps.files.api import router as files
from apps.messaging.api import router as apps
from apps.products.api.holdings import router as holdings
from apps.products.api.quotes import router as quotes
from apps.products.api.rows import router as rows
from apps.profiles.api import router as clients

api = HouseApi(
    title="Tidings",
    version="1",
    urls_namespace="api",
    parser=ExactParser(),
    docs=Swagger(settings={"persistAuthorization": False}),
)
for router in (clients, events, quotes, rows, holdings, files, apps):
    api.add_router("", router)
