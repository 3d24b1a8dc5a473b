"""The files of others that we serve: what the manifest says, and compressed."""

import gzip
import hashlib
import json

import brotli
import pytest
from django.conf import settings
from django.test import Client

VENDOR = settings.BASE_DIR / "static" / "vendor"
SCRIPT = "plotly-basic-4.1.1.min.js"


def manifest():
    return json.loads((VENDOR / "manifest.json").read_text())


@pytest.mark.parametrize("entry", manifest(), ids=lambda entry: entry["file"])
def test_a_vendored_file_is_the_one_the_manifest_names(entry):
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert (VENDOR / entry["licence_file"]).read_text().strip()
    assert entry["version"] in entry["file"]


def test_every_vendored_file_stands_in_the_manifest():
    known = {entry["file"] for entry in manifest()} | {
        entry["licence_file"] for entry in manifest()
    }
    known |= {"manifest.json", "README.md", f"{SCRIPT}.br", f"{SCRIPT}.gz"}
    assert {file.name for file in VENDOR.iterdir()} == known


def test_the_compressed_scripts_unpack_to_the_script():
    script = (VENDOR / SCRIPT).read_bytes()
    assert brotli.decompress((VENDOR / f"{SCRIPT}.br").read_bytes()) == script
    assert gzip.decompress((VENDOR / f"{SCRIPT}.gz").read_bytes()) == script


@pytest.mark.django_db  # closing an answer looks at connections that other tests left
@pytest.mark.parametrize(("accepted", "given"), [("gzip, deflate, br", "br"), ("gzip", "gzip")])
def test_a_browser_receives_the_compressed_script(accepted, given):
    assert not settings.DEBUG
    answer = Client().get(f"/static/vendor/{SCRIPT}", headers={"Accept-Encoding": accepted})
    assert answer["Content-Encoding"] == given
    assert int(answer["Content-Length"]) < 400_000
    answer.close()
