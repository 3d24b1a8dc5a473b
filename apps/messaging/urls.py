"""Where the outside world tells us what became of messages, and shows those of the issuer's site."""

from django.urls import path

from apps.messaging.views import in_app, mail, messengers, receipts

app_name = "messaging"
urlpatterns = [
    path("receipts/<slug:provider>", receipts.hear, name="receipts"),
    path("mail/<slug:provider>", mail.hear, name="mail"),
    path("messengers/<slug:provider>", messengers.hear, name="messenger"),
    path("in-app/<slug:provider>/notices", in_app.notices, name="in_app"),
    path("in-app/<slug:provider>/here", in_app.here, name="in_app_here"),
    path("in-app/<slug:provider>/notices/<uuid:key>/<str:deed>", in_app.done, name="in_app_done"),
]
