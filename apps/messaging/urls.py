"""Where the outside world tells us what became of messages."""

from django.urls import path

from apps.messaging.views import mail, messengers, receipts

app_name = "messaging"
urlpatterns = [
    path("receipts/<slug:provider>", receipts.hear, name="receipts"),
    path("mail/<slug:provider>", mail.hear, name="mail"),
    path("messengers/<slug:provider>", messengers.hear, name="messenger"),
]
