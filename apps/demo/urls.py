from django.urls import path

from apps.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.start, name="start"),
    path("demo/mailbox/", views.mailbox, name="mailbox"),
    path("demo/mailbox/<int:letter_id>/", views.email_body, name="email_body"),
]
