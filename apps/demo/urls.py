from django.urls import path

from apps.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.start, name="start"),
    path("demo/mailbox/", views.mailbox, name="mailbox"),
    path("demo/issuer/", views.issuer, name="issuer"),
    path("demo/issuer/token", views.issuer_token, name="issuer_token"),
    path("demo/issuer/<str:display>/", views.issuer_hang, name="issuer_hang"),
    path("demo/mailbox/<int:letter_id>/", views.email_body, name="email_body"),
]
