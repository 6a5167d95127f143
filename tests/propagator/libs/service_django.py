"""A Django project in one module: its settings and its only view."""

from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
MIDDLEWARE: list[str] = []


def call(request: HttpRequest, client: str) -> HttpResponse:
    service: Any = import_module("service")  # the program that imports this
    return HttpResponse(service.through(client))


urlpatterns: list[Any] = [path("call/<client>", call)]
