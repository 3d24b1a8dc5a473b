"""The catalogues hold every sentence, whole and compiled; nobody needs gettext to be told what lacks."""

import io
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import templatize

ROOT = Path(__file__).parents[2]
OURS = [ROOT / "apps", ROOT / "config", ROOT / "templates"]
# Parts of the theme for packages that we do not have.
UNUSED = re.compile(r"/(simple_history|guardian|constance|contrib/forms|unfold_crispy)/")
REFRESH = (
    "django-admin makemessages -l ru --no-location --no-obsolete --ignore=.venv --ignore=var"
    " --ignore=tests && pybabel compile -D django -d locale"
)
KEYWORDS = {
    name.removesuffix("_lazy") + suffix: spec
    for name, spec in {
        "gettext": None,
        "ngettext": (1, 2),
        "pgettext": ((1, "c"), 2),
        "npgettext": ((1, "c"), 2, 3),
    }.items()
    for suffix in ("", "_lazy", "_noop")
} | {"_": None}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|\{\{? ?\w* ?\}?\}")
MARKER = re.compile(r"import (?:n|p|np)?gettext(?:_lazy|_noop)? as (\w+)")

catalogues = pytest.mark.parametrize("path", settings.LOCALE_PATHS, ids=lambda path: path.name)


def plain(said):
    return said if isinstance(said, str) else tuple(said)


def context_of(entry):
    """Return what sets this text apart: of a compiled catalogue it is read as bytes."""
    context = entry.context
    return context.decode() if isinstance(context, bytes) else context


def messages(path, kind="po"):
    """Return what a compiled or source catalogue says: (context, id) to text."""
    file = Path(path) / "ru" / "LC_MESSAGES" / f"django.{kind}"
    with file.open("rb") as opened:
        catalogue = read_mo(opened) if kind == "mo" else read_po(opened)
    return {
        (context_of(entry), plain(entry.id)): plain(entry.string) for entry in catalogue if entry.id
    }


def marked(file: Path) -> Iterator[tuple[str | None, object]]:
    """Yield what a source marks for translation, as makemessages finds it."""
    text, language = file.read_text(), "python"
    if file.suffix == ".html":
        # A template becomes calls between filling; only babel's lexer of JavaScript takes that.
        text, language = templatize(text, origin=str(file)), "javascript"
    for _line, said, _comments, context in extract(language, io.BytesIO(text.encode()), KEYWORDS):
        yield context, said


def sources(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (file for file in folder.rglob("*") if file.suffix in {".py", ".html"})


def forms(said):
    return said if isinstance(said, tuple) else (said,)


@catalogues
def test_every_sentence_has_its_russian(path):
    unsaid = {key[1] for key, said in messages(path).items() if not all(forms(said))}
    assert unsaid == set()
    assert "fuzzy" not in (Path(path) / "ru" / "LC_MESSAGES" / "django.po").read_text()


@catalogues
def test_plurals_have_all_four_forms(path):
    counts = {len(said) for (_, key), said in messages(path).items() if isinstance(key, tuple)}
    assert counts == {4}


@catalogues
def test_placeholders_survive_translation(path):
    assert [
        (key, said)
        for (_, key), said in messages(path).items()
        for form in forms(said)
        if sorted(PLACEHOLDER.findall(form)) != sorted(PLACEHOLDER.findall(forms(key)[-1]))
    ] == []


@catalogues
def test_the_compiled_catalogue_is_that_of_the_source(path):
    assert messages(path, "mo") == messages(path), REFRESH


def test_the_catalogue_holds_what_the_sources_mark_and_no_more():
    found = {key for file in sources(*OURS) for key in marked(file)}
    assert found ^ set(messages(settings.LOCALE_PATHS[0])) == set(), REFRESH


def test_sentences_are_marked_under_names_that_makemessages_knows():
    aliases = {
        (str(file.relative_to(ROOT)), alias)
        for file in sources(ROOT / "apps", ROOT / "config")
        for alias in MARKER.findall(file.read_text())
    }
    assert {alias for alias in aliases if alias[1] != "_"} == set()


@pytest.mark.parametrize("package", ["unfold", "import_export", "django_celery_beat"])
def test_the_packages_of_the_back_office_leave_nothing_in_english(package):
    spec = find_spec(package)
    root = Path(str(spec.origin)).parent
    files = [file for file in sources(root) if not UNUSED.search(file.as_posix())]
    said = {
        (context, forms(each)[0])
        for file in files
        for context, each in marked(file)
        if forms(each)[0]
    }
    assert files
    with translation.override("ru"):
        known = translation.trans_real.catalog()._catalog
    unsaid = {
        name
        for context, name in said
        for key in [f"{context}\x04{name}" if context else name]
        if key not in known and (key, 0) not in known
    }
    assert unsaid == set()
