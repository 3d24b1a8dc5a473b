"""The HTTP API: one version, its routes from the apps."""

from ninja import Swagger

from apps.core.api.bodies import ExactParser
from apps.core.api.house import HouseApi
from apps.events.api import router as events
from apps.products.api import router as quotes

api = HouseApi(
    title="Tidings",
    version="1",
    urls_namespace="api",
    parser=ExactParser(),
    docs=Swagger(settings={"persistAuthorization": False}),
)
api.add_router("", events)
api.add_router("", quotes)
