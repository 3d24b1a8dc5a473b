"""The server of bench_events: ours, with a view beside that reads the body and does nothing."""

from importlib import import_module

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.wsgi import application

__all__ = ["application"]


@csrf_exempt
def trivial(request):
    return HttpResponse(b"%d" % len(request.body))


# The pages can be imported once Django stands.
import_module("config.urls").urlpatterns.append(path("trivial", trivial))
