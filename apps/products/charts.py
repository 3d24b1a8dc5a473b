"""The chart of a strategy: shares rebased to 100, barriers and observations. Values in, figure out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go

# What the vendored bundle can draw; any other trace type would leave an empty plot.
TRACE_TYPES = frozenset({"scatter", "bar", "pie"})
# Middle tones: each has 3 to 1 or more against the light card and against the dark one.
PALETTE = ("#2f7fd6", "#c4681c", "#8a63d2", "#12907c", "#d0477e", "#75851f")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
BARRIER_COLOUR, UPPER_COLOUR, CALL_COLOUR = "#cc4b4b", "#7d8794", "#7d8794"
CORRIDOR_FILL = "rgba(125, 135, 148, 0.10)"
# Outcome: (symbol, colour), so that no outcome is told by colour alone.
MARKS = {
    "ACCRUED": ("circle", "#1c9163"),
    "SAVED": ("diamond", "#b37a12"),
    "LOST": ("x", "#cc4b4b"),
    "PARTIAL": ("triangle-up", "#1c9163"),
    "GUARANTEED": ("square", "#1c9163"),
    "NONE": ("circle-open", "#7d8794"),
    "CALLED": ("star", "#4f74d9"),
}
MARK_OUTLINE = "#ffffff"
LABEL_GAP = 0.055  # of the axis: two tickers written closer than this would touch


@dataclass(frozen=True, slots=True)
class Series:
    """One share: its days in rising order and its levels, as fractions of the initial fixing."""

    name: str
    days: Sequence[date]
    levels: Sequence[float]


@dataclass(frozen=True, slots=True)
class Line:
    """A barrier over time: from each day on it stands at that level."""

    kind: str  # barrier, upper or call
    name: str
    days: Sequence[date]
    levels: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """An observation that was decided, drawn at the level that counted."""

    day: date
    level: float
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next observation, drawn as a line upwards."""

    day: date
    text: str


def basket_figure(
    series: Sequence[Series],
    lines: Sequence[Line] = (),
    marks: Sequence[Mark] = (),
    upcoming: Upcoming | None = None,
) -> go.Figure:
    """Draw a basket with every share at 100 on the strike date.

    Colours of axes and text are left to the page, which knows whether it is light or dark.
    Raises ValueError for a trace that the vendored bundle cannot draw.
    """
    figure = go.Figure(
        data=[
            *_lines(lines),
            *(_share(one, number) for number, one in enumerate(series)),
            *_marks(marks),
        ],
        layout=_layout(series, lines, marks, upcoming),
    )
    check_traces(figure)
    return figure


def check_traces(figure: go.Figure) -> None:
    """Raise ValueError where the figure needs more than the vendored bundle knows."""
    if foreign := {trace.type for trace in figure.data} - TRACE_TYPES:
        raise ValueError(f"The vendored plotly.js cannot draw {', '.join(sorted(foreign))}.")


def _share(series: Series, number: int) -> go.Scatter:
    return go.Scatter(
        name=series.name,
        x=[day.isoformat() for day in series.days],
        y=[round(level * 100, 1) for level in series.levels],
        mode="lines",
        line={
            "color": PALETTE[number % len(PALETTE)],
            "dash": DASHES[number % len(DASHES)],
            "width": 2,
        },
        hovertemplate="%{y:.1f}",
    )


def _lines(lines: Iterable[Line]) -> list[go.Scatter]:
    drawn = []
    styles = {"barrier": (BARRIER_COLOUR, 2), "upper": (UPPER_COLOUR, 1), "call": (CALL_COLOUR, 1)}
    kinds = set()
    for line in sorted(lines, key=lambda line: list(styles).index(line.kind)):
        colour, width = styles[line.kind]
        kinds.add(line.kind)
        drawn.append(
            go.Scatter(
                name=line.name,
                x=[day.isoformat() for day in line.days],
                y=[round(level * 100, 2) for level in line.levels],
                mode="lines",
                line={"color": colour, "width": width, "dash": "5px,4px", "shape": "hv"},
                fill="tonexty" if line.kind == "upper" and "barrier" in kinds else None,
                fillcolor=CORRIDOR_FILL if line.kind == "upper" and "barrier" in kinds else None,
                hoverinfo="skip",
            )
        )
    return drawn


def _marks(marks: Sequence[Mark]) -> list[go.Scatter]:
    drawn = []
    for outcome, (symbol, colour) in MARKS.items():
        if chosen := [mark for mark in marks if mark.outcome == outcome]:
            drawn.append(
                go.Scatter(
                    name=chosen[0].text,
                    x=[mark.day.isoformat() for mark in chosen],
                    y=[round(mark.level * 100, 1) for mark in chosen],
                    mode="markers",
                    marker={
                        "symbol": symbol,
                        "color": colour,
                        "size": 13,
                        "line": {"width": 1.5, "color": MARK_OUTLINE},
                    },
                    hovertemplate="%{fullData.name}<extra></extra>",
                )
            )
    return drawn


def _layout(
    series: Sequence[Series],
    lines: Sequence[Line],
    marks: Sequence[Mark],
    upcoming: Upcoming | None,
) -> dict[str, Any]:
    days = [day for one in series for day in (*one.days[:1], *one.days[-1:])]
    days += [upcoming.day] if upcoming else []
    heights = [level * 100 for one in series for level in one.levels]
    heights += [level * 100 for line in lines for level in line.levels]
    heights += [mark.level * 100 for mark in marks]
    low, high = (min(heights), max(heights)) if heights else (0, 100)
    room = max(high - low, 10) * 0.08
    layout: dict[str, Any] = {
        "template": {},  # plotly's own is 7 KB of JSON that this page does not use
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": False,  # a finger scrolls the page, it does not zoom the chart
        "hovermode": "x unified",
        "margin": {"l": 36, "r": 52, "t": 10, "b": 40},
        "xaxis": {
            "type": "date",
            "showgrid": False,
            "fixedrange": True,
            "tickangle": 0,
        },
        "yaxis": {
            "range": [round(low - room, 1), round(high + room, 1)],
            "fixedrange": True,
            "nticks": 6,
            "zeroline": False,
        },
        "annotations": _labels(series, span=high - low + 2 * room),
    }
    if days:
        layout["xaxis"]["range"] = [
            min(days).isoformat(),
            (max(days) + timedelta(days=2)).isoformat(),
        ]
    if upcoming:
        layout["shapes"] = [_upright(upcoming.day)]
    return layout


def _upright(day: date) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": day.isoformat(),
        "x1": day.isoformat(),
        "y0": 0,
        "y1": 1,
        "line": {"color": UPPER_COLOUR, "width": 1, "dash": "dot"},
    }


def _labels(series: Sequence[Series], span: float) -> list[dict[str, Any]]:
    """Write each ticker at the right edge beside its line's end, moved apart where they touch."""
    ends = sorted((one.levels[-1] * 100, number) for number, one in enumerate(series) if one.levels)
    labels, floor = [], float("-inf")
    for end, number in ends:
        height = max(end, floor)
        floor = height + span * LABEL_GAP
        labels.append(
            {
                "text": series[number].name,
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "y": round(height, 1),
                "showarrow": False,
                "font": {"color": PALETTE[number % len(PALETTE)], "size": 11},
            }
        )
    return labels
