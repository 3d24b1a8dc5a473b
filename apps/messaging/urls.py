"""Where the outside world tells us what became of messages."""

from django.urls import path

from apps.messaging import views

app_name = "messaging"
urlpatterns = [
    path("receipts/<slug:provider>", views.hear, name="receipts"),
]
