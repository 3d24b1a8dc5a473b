import re
from datetime import date

import plotly.graph_objects as go
import pytest
from django.conf import settings

from apps.products import charts

DAYS = [date(2020, 1, 2), date(2020, 2, 3), date(2020, 3, 2)]
CARDS = {"light": "#ffffff", "dark": "#141c24"}


def figure(**parts):
    series = [
        charts.Series("AAPL", DAYS, [1, 0.9, 0.72]),
        charts.Series("IBM", DAYS, [1, 1.1, 0.73]),
    ]
    return charts.basket_figure(series, **parts).to_plotly_json()


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_shares_are_rebased_to_a_hundred():
    apple, ibm = figure()["data"]
    assert (apple["name"], list(apple["y"])) == ("AAPL", [100, 90, 72])
    assert (ibm["line"]["dash"], apple["line"]["dash"]) == ("dash", "solid")


def test_the_corridor_is_filled_between_its_barriers():
    lines = [
        charts.Line("upper", "top", DAYS[:2], [1.1, 1.1]),
        charts.Line("barrier", "barrier", DAYS[:2], [0.75, 0.7]),
    ]
    barrier, upper = figure(lines=lines)["data"][:2]
    assert (barrier["name"], barrier["line"]["shape"], list(barrier["y"])) == (
        "barrier",
        "hv",
        [75, 70],
    )
    assert (upper["name"], upper["fill"]) == ("top", "tonexty")


def test_each_outcome_has_a_shape_of_its_own():
    marks = [
        charts.Mark(DAYS[1], 0.9, "ACCRUED", "accrued"),
        charts.Mark(DAYS[2], 0.72, "SAVED", "saved"),
    ]
    accrued, saved = figure(marks=marks)["data"][2:]
    assert accrued["marker"]["symbol"] != saved["marker"]["symbol"]
    assert len({symbol for symbol, _ in charts.MARKS.values()}) == len(charts.MARKS)


def test_the_next_observation_is_drawn_and_inside_the_axis():
    layout = figure(upcoming=charts.Upcoming(date(2020, 4, 1), "next"))["layout"]
    assert layout["shapes"][0]["x0"] == "2020-04-01"
    assert layout["xaxis"]["range"][1] > "2020-04-01"


def test_labels_at_the_edge_do_not_touch():
    low, high = sorted(label["y"] for label in figure()["layout"]["annotations"])
    assert high - low > 1.5


def test_a_share_without_closes_does_not_stop_the_chart():
    drawn = charts.basket_figure([charts.Series("AAPL", [], [])])
    assert len(drawn.data) == 1


def test_a_trace_that_the_bundle_lacks_is_refused():
    with pytest.raises(ValueError, match="cannot draw candlestick, heatmap"):
        charts.check_traces(go.Figure([go.Heatmap(), go.Candlestick(), go.Scatter()]))


def test_the_template_of_plotly_stays_out():
    assert len(figure()["layout"]["template"].get("layout", {})) == 0


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_colour_is_seen_on_light_and_dark(card):
    colours = [*charts.PALETTE, charts.BARRIER_COLOUR, charts.UPPER_COLOUR, charts.CALL_COLOUR]
    colours += [colour for _, colour in charts.MARKS.values()]
    assert {
        colour: contrast(colour, card) for colour in colours if contrast(colour, card) < 3
    } == {}


def test_the_pages_legend_has_the_colours_of_the_chart():
    css = (settings.BASE_DIR / "static" / "landing" / "page.css").read_text()
    found = dict(
        re.findall(r"\.((?:share|line|mark)-\w+) \{\s*(?:fill: none;\s*)?\w+: (#\w+);", css)
    )
    wanted = {f"share-{number}": colour for number, colour in enumerate(charts.PALETTE, 1)}
    wanted |= {f"mark-{outcome}": colour for outcome, (_, colour) in charts.MARKS.items()}
    wanted |= {
        "line-barrier": charts.BARRIER_COLOUR,
        "line-upper": charts.UPPER_COLOUR,
        "line-call": charts.CALL_COLOUR,
    }
    assert found == wanted
