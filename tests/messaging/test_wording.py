"""What templates may say: values, guards, limits, and what an attacker tries."""

import time

import pytest

from apps.messaging import scribes, wording
from apps.messaging.wording import WordingError, render, segments

VALUES = {
    "name": "Ann",
    "void": "",
    "none": None,
    "list": [],
    "zero": 0,
    "yes": True,
    "shares": [{"name": "AAPL", "level": "95%"}, {"name": "IBM", "level": ""}],
    "nested": {"deep": {"x": "y"}},
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ name }}", "Hello Ann"),
        ("  Hello \n", "Hello"),
        ("a\n\n{% if missing %}x{% endif %} \n\nb\nc", "a\n\nb\nc"),
        ("{% if list %}a{% else %}b{% endif %}", "b"),
        ("{{ nested.deep.x }}", "y"),
        ("{% for s in shares %}{{ s.name }} {% endfor %}", "AAPL IBM"),
        ("{{ name | upcase }}", "ANN"),
        ("{{ zero }}", "0"),
        ("{% if missing %}a{% else %}b{% endif %}", "b"),
        ("{% if void %}a{% else %}b{% endif %}", "b"),
        ("{% if none %}a{% else %}b{% endif %}", "b"),
        ("{% unless missing %}b{% endunless %}", "b"),
        ("{% if missing and name %}a{% else %}b{% endif %}", "b"),
        ("{% if missing == 'x' %}a{% else %}b{% endif %}", "b"),
        ("{% if nested.deep.z %}a{% else %}b{% endif %}", "b"),
        ("{% if missing > 3 %}a{% else %}b{% endif %}", "b"),
        ("{{ missing | default: 'friend' }}", "friend"),
        ("{% assign n = name | append: '!' %}{{ n }}", "Ann!"),
        ("{% case name %}{% when 'Ann' %}1{% else %}2{% endcase %}", "1"),
        ("<b>{{ name }}</b>", "<b>Ann</b>"),
    ],
)
def test_a_template_is_filled(source, text):
    assert render(source, VALUES) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ void }}",
        "{{ none }}",
        "{{ nested.deep.z }}",
        "{{ missing.inner }}",
        "{{ missing | upcase }}",
        "{{ missing | size }}",
        "{{ missing | first }}",
        "{{ missing | join: ', ' }}",
        "{{ missing | truncate: 3 }}",
        "{{ 'a' | append: missing }}",
        "{{ 'a' | default: missing | append: void }}",
        "{% for s in missing %}{{ s }}{% endfor %}",
        "{% for s in shares %}{{ s.level }}{% endfor %}",
        "{% assign x = missing %}{{ x }}",
        "{% capture x %}{{ missing }}{% endcapture %}",
        "{% if yes %}{{ missing }}{% endif %}",
        "{% case missing %}{% when 'x' %}{% else %}{{ missing }}{% endcase %}",
    ],
)
def test_a_missing_value_is_an_error_and_never_a_blank(source):
    with pytest.raises(WordingError):
        render(source, VALUES)


ATTACKS = {
    "unclosed output": "{{ name",
    "unclosed block": "{% if name %}",
    "unknown filter": "{{ name | shell }}",
    "unknown tag": "{% load os %}",
    "include": "{% include 'settings' %}",
    "render": "{% render '/etc/passwd' %}",
    "python attribute": "{{ name.__class__ }}",
    "python method": "{{ name.upper }}",
    "python globals": "{{ nested.__init__.__globals__ }}",
    "dict method": "{{ nested.clear }}",
    "safe filter": "{{ name | safe }}",
    "base64": "{{ name | base64_encode }}",
    "counters": "{% increment x %}",
    "table": "{% tablerow s in shares %}{% endtablerow %}",
    "liquid tag": "{% liquid echo name %}",
    "a billion loops": "{% for i in (1..1000000000) %}x{% endfor %}",
    "a billion to search": "{% if (1..1000000000) contains 'a' %}x{% endif %}",
    "a billion to join": "{{ (1..1000000000) | join: ',' }}",
    "a range in a variable": "{% assign r = (1..1000000000) %}{{ r | last }}",
    "a range in a loop's option": "{% for s in shares limit: (1..9) %}{% endfor %}",
    "nested loops": "{% for a in wide %}{% for b in wide %}{% for c in wide %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "doubling text": "{% assign x = 'xxxxxxxxxx' %}" + "{% assign x = x | append: x %}" * 40,
    "doubling in one expression": "{{ long" + " | append: long" * 100 + " }}",
    "long output": "{% for a in wide %}{{ long }}{% endfor %}",
    "deep blocks": "{% if name %}" * 50 + "{% endif %}" * 50,
    "deep paths": "{{ a" + "[a" * 4_000 + "]" * 4_000 + " }}",
    "long source": "x" * 20_001,
    "a loop that ends before it begins": "{% for s in wide limit: -3 %}{{ s }}{% endfor %}",
    "a look for a list among names": "{% if nested contains wide %}x{% endif %}",
    "a huge number": "{{ name | truncate: 1" + "0" * 5_000 + " }}",
}


@pytest.mark.parametrize("source", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_ends_in_an_error_and_soon(source):
    values = {**VALUES, "wide": ["x"] * 100, "long": "x" * 1_000}
    started = time.thread_time()  # ours, however busy the machine is
    with pytest.raises(WordingError) as caught:
        render(source, values)
    assert time.thread_time() - started < 1
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [object(), 1.5, {1, 2}, b"x", {"x": [object()]}])
def test_only_plain_values_reach_a_template(value):
    with pytest.raises(WordingError):
        render("hello", {"x": value})


def test_a_template_is_read_once():
    source = "{{ name }} is read once"
    assert wording.compiled(source) is wording.compiled(source)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ amount }} {{ next.day }}", ["amount", "next.day"]),
        ("{% if tranche %}{{ tranche }}{% endif %}", ["tranche"]),
        ("{% for s in shares %}{{ s.name }}{% endfor %}", ["shares"]),
        ("{% assign x = amount %}{{ x }}", ["amount"]),
        ("{{ next.day | append: other }}", ["next.day", "other"]),
        ("{{ days | plural: one, 'x' }}", ["days", "one"]),
    ],
)
def test_the_values_that_a_template_takes_are_known_before_it_is_filled(source, names):
    assert wording.used(source) == names


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escape sequence is not split: 152 + 153 + 1
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("a" * 159 + "\xa0", 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_an_sms_is_counted_as_it_is_paid(text, count):
    assert segments(text) == count


def test_typographic_spaces_do_not_make_an_sms_dearer():
    assert segments(wording.plain_spaces("1\xa0234\u202f$" + "a" * 100)) == 1


WAYS = [
    "{{ name }} {{ nested.deep.x }} {{ yes }} {{ zero }} {{ shares }}",
    "{% if name %}a{{ name }}{% endif %}{% if missing %}b{% elsif zero %}c{% else %}d{% endif %}",
    "{% if missing %}a{% elsif missing %}b{% else %}{% if yes %}{{ name }}{% endif %}{% endif %}",
    "{% if nested.deep %}a{% endif %}{% if nested.void.x %}b{% endif %}{% if missing.x %}c{% endif %}",
    "{% if shares.size == 2 %}two{% endif %}{% if shares.first.name %}one{% endif %}",
    "{% if name and yes %}a{% endif %}{% if name == 'Ann' %}b{% endif %}",
    "{% if name %} \n {% endif %}{% for s in shares %}{{ s.name }}{% if s.name %}!{% endif %}{% endfor %}",
    "{% unless missing %}{{ name | upcase }}{% endunless %}{{ missing | default: name }}",
    "{% assign name = 'Bob' %}{{ name }}{% if name == 'Bob' %}!{% endif %}",
    "{% for s in shares %}{% assign t = s.name %}{% endfor %}{{ t }}",
    "{{ name }}{% break %}{{ name }}",
    "{% capture x %}<{{ name }}>{% endcapture %}{{ x }}",
    "{{ nested['deep'].x }}{{ shares[0].name }}{{ name.size }}",
    "{{ '<' }}{{ name | append: '&' }}{{ mark }}",
    "{{ nested.deep.z }}",
    "{{ missing }}",
    "{{ name.x }}",
    "{% if name.x %}a{% endif %}",
    "{% comment %}{{ missing }}{% endcomment %}{{ name }}",
    "{% for s in wide %}{{ long }}{{ long }}{% endfor %}",
    "{{ long }}" * 60,
]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("source", WAYS)
def test_the_quick_way_writes_what_liquid_writes(source, html):
    values = wording.given({**VALUES, "mark": "<b>&", "wide": ["x"] * 30, "long": "x" * 1_000})

    def attempt(render):
        try:
            return render(values)
        except wording.LiquidError as error:
            return type(error), error.message

    template = wording.compiled(source, html)
    assert attempt(wording.quick(source, html).render) == attempt(template.render)


@pytest.mark.parametrize(
    ("untidy", "tidy"),
    [(" a \n\n \n\t\nb\nc ", "a\n\nb\nc"), ("a  \nb", "a\nb"), ("a" + " " * 50 + "b", None)],
)
def test_empty_lines_that_guards_leave_are_dropped(untidy, tidy):
    assert wording.tidy(untidy) == (tidy or untidy)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("One\n{{ amount", "read: “}}” is missing in line 2, after “{{ amount”."),
        ("{% if a %}", "read: “if” is begun and nowhere ended by “endif”."),
        ("a\n{% endfor %}", "read: “endfor” in line 2 ends nothing."),
        ("{% include 'x' %}", "read: there is no “include”, in line 1."),
        ("Hi\n\n{{ a..b }}", "read: line 3, near “{{ a..b }}”."),
        ("{{ name | foo }}", "written: there is no filter “foo”."),
        ("{{ missing.sum }}", "written: there is no value “missing”."),
        ("{{ name | upcase: 3 }}", "written: a filter or a loop is given what it cannot take."),
        ("{{ name | money }}", "“money” cannot write this value: it takes money."),
        (
            "{% for a in l %}{% for b in l %}.{% endfor %}{% endfor %}",
            "repeats something too often.",
        ),
    ],
)
def test_a_marketer_reads_what_is_wrong_and_where_and_no_word_of_a_programs(source, said):
    with pytest.raises(WordingError) as caught:
        wording.render(source, {"name": "Ann", "l": [1] * 40})
    assert str(caught.value).endswith(said)


def test_a_fault_is_said_in_the_readers_language(monkeypatch):
    words = "The text cannot be written: there is no value “%(name)s”."
    monkeypatch.setattr(scribes.POOL, "speak", {words: "Нет значения «%(name)s»."}.get)
    (answer,) = scribes.POOL.ask([scribes.letter({"body": "{{ amonut }}"}, {}, {}, "ru", "UTC")])
    assert answer == {"error": "Нет значения «amonut»."}
