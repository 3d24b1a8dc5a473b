"""Designs in MJML: HTML with inlined rules, Liquid untouched, a plain-text twin; broken ones end."""

import pytest

from apps.messaging.scribes import POOL, design, letter

DESIGN = """<mjml><mj-head><mj-style>.sum { color: #123456 }</mj-style></mj-head><mj-body>
<mj-section><mj-column>
<mj-text css-class="lead">Hello{% if name %} {{ name }}{% endif %},<br/>your coupon is
<span class="sum">{{ amount | money: 'whole' }}</span>.</mj-text>
{% if strategy == "A & B" %}<mj-text>{{ strategy }}</mj-text>{% endif %}
<mj-image src="{{ chart }}" alt="{{ chart_words }}" />
<mj-button href="{{ link }}">Open my page</mj-button>
</mj-column></mj-section></mj-body></mjml>"""


def compiled(mjml):
    return next(POOL.ask([design(mjml, "en")]))


def test_a_design_becomes_html_and_text_that_are_filled_safely():
    made = compiled(DESIGN)["texts"]
    assert 'lang="en"' in made["html"]
    assert 'name="color-scheme"' in made["html"]
    assert 'style="color: #123456;"' in made["html"]
    assert made["html"].index("A & B") > made["html"].index("<tbody>")
    values = {
        "name": "<Ann>",
        "amount": {"money": 123400, "currency": "USD"},
        "strategy": "A & B",
        "chart": "cid:chart",
        "chart_words": "Apple stands at 95%.",
        "link": {"url": "https://t.test/s/1"},
    }
    texts = {"body": made["body"]}
    written = next(POOL.ask([letter(texts, {"html": made["html"]}, values, "en", "UTC")]))["texts"]
    assert "Hello &lt;Ann&gt;," in written["html"]
    assert '<span class="sum" style="color: #123456;">$1,234</span>' in written["html"]
    assert "A &amp; B" in written["html"]
    assert 'src="cid:chart"' in written["html"]
    assert written["body"] == (
        "Hello <Ann>,\nyour coupon is $1,234.\n\nA & B\n\nApple stands at 95%.\n\n"
        "Open my page:\n\nhttps://t.test/s/1"
    )


@pytest.mark.parametrize(
    ("mjml", "said"),
    [
        ("hello", "cannot be read"),
        ("<mjml><mj-body><mj-section>", "cannot be read"),
        ("<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>", "mj-include"),
        ("<mjml><mj-body><mj-raw><script>1</script></mj-raw></mj-body></mjml>", "<script"),
        ("<mjml><mj-body><mj-text><b onclick='x'>1</b></mj-text></mj-body></mjml>", "onclick="),
        ("<mjml><mj-body><mj-text>q7tag0x</mj-text></mj-body></mjml>", "words that only we use"),
        ("<mjml><mj-body><mj-text>" + "x" * 60_000 + "</mj-text></mj-body></mjml>", "longer"),
        (
            "<mjml><mj-body><mj-section><mj-column><mj-image {{ x }}/></mj-column></mj-section>"
            "</mj-body></mjml>",
            "drops {{ x }}",
        ),
        (
            "<mjml><mj-body><mj-section><mj-column><mj-raw>{% for x in shares %}<p>{{ x }}</p>"
            "{% endfor %}</mj-raw></mj-column></mj-section></mj-body></mjml>",
            "no room for a part",
        ),
    ],
)
def test_a_broken_design_is_refused_with_a_reason(mjml, said):
    assert said in compiled(mjml)["error"]


@pytest.mark.slow
def test_a_design_that_breaks_the_compiler_breaks_nothing_else():
    deep = (
        "<mjml><mj-body>" + "<mj-wrapper>" * 2_300 + "</mj-wrapper>" * 2_300 + "</mj-body></mjml>"
    )
    answers = list(POOL.ask([design(deep, "en"), design(DESIGN, "en")]))
    assert "error" in answers[0]
    assert "html" in answers[1]["texts"]
