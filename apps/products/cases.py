"""A case of a term sheet and its market, answered as plain JSON values; what it expects, compared.

A case is an object with `spec` and `market`; everything beside them is a remark. Nothing here raises
for what stands in a case: a case that cannot be read is answered with a sentence.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.products.replay import replay
from apps.products.terms.fields import listed, members, parse, parse_at
from apps.products.terms.market import read_market
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import TermSheetError

NAMES = ("id", "name")  # what a case is called; said again in its answer
_ZERO = Decimal(0)
_MANY = re.compile(r'\s*(\{\s*"cases"\s*:\s*)?\[')
_CLOSED, _COMMA = re.compile(r"\s*\]"), re.compile(r"\s*,")

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one case; `right` is False where it cannot be read or is not as expected."""

    values: dict[str, object]
    right: bool


def cases_in(value: object) -> list[object]:
    """Return the cases of a JSON value: one, a list of them, or an object with `cases`."""
    if isinstance(value, Mapping) and "cases" in value and "spec" not in value:
        value = listed(members(value, "this file")["cases"], "cases")
    return value if isinstance(value, list) else [value]


def cases_of(text: str) -> Iterator[object]:
    """Yield the cases of a JSON text as `cases_in` finds them in its value.

    A long list is read case by case: a thousand with years of closes are a gigabyte at once. Raises
    TermSheetError where the text stops being JSON.
    """
    many = _MANY.match(text)
    if many is None:
        yield from cases_in(parse(text))
        return
    place = many.end()
    closed = _CLOSED.match(text, place)
    while closed is None:
        value, place = parse_at(text, place)
        yield value
        closed = _CLOSED.match(text, place)
        comma = None if closed else _COMMA.match(text, place)
        if closed is None and comma is None:
            raise TermSheetError(f"This is not JSON: a comma is missing at character {place}.")
        place = comma.end() if comma else place
    # What else the file says is read to know that it is whole.
    parse(many.group() + text[closed.start() :])


def answered(case: object, *, compared: bool = False) -> Answer:
    """Return what became of the terms; `compared` adds how that differs from `expected`."""
    if not isinstance(case, Mapping):
        return refused("This case is no object with a spec and a market.")
    named = {name: case[name] for name in NAMES if case.get(name) is not None}
    if "spec" not in case:
        return refused("spec: this term is missing.", named)
    try:
        case = members(case, "this case")
        market = read_market(case.get("market"))
        result = replay(read_spec(case["spec"], closes=market.prices), market).as_json()
    except (ValueError, ArithmeticError) as refusal:
        return refused(str(refusal), named)
    if not compared or case.get("expected") is None:
        return Answer(named | result, right=True)
    found = list(differences(result, case["expected"]))
    return Answer(named | result | {"differences": found}, right=not found)


def refused(sentence: str, named: Mapping[str, object] | None = None) -> Answer:
    """Return the answer to what cannot be read."""
    return Answer({**(named or {}), "error": sentence}, right=False)


def differences(result: Result, expected: object) -> Iterator[str]:
    """Yield in sentences how a result differs from what its source printed.

    `tol` is how far numbers may be apart. A key that no result has is a difference too.
    """
    if not isinstance(expected, Mapping):
        yield "expected: an object with keys is expected."
        return
    tolerance = _number(expected.get("tol")) or _ZERO
    for key, wanted in expected.items():
        if key == "tol":
            continue
        reading = _READINGS.get(key)
        if reading is None and key not in result:
            yield f"{key}: no result says this."
            continue
        found = reading(result) if reading else result[key]
        if not _alike(found, wanted, tolerance):
            yield f"{key}: expected {_text(wanted)}, found {_text(found)}."


def _known(result: Result) -> list[Any]:
    return [item for item in result["observations"] if item["event"] != "PENDING"]


def _flows(result: Result) -> list[str]:
    """Return what each observation brought: its coupon, and the redemption with the last."""
    flows = [Decimal(item["coupon"]) for item in _known(result)]
    if flows and result["redemption"] is not None:
        flows[-1] += Decimal(result["redemption"])
    return [str(flow) for flow in flows]


def _by_date(result: Result) -> dict[str, str]:
    paid: dict[str, Decimal] = {}
    for payment in result["payments"]:
        paid[payment["date"]] = paid.get(payment["date"], _ZERO) + Decimal(payment["amount"])
    return {day: str(amount) for day, amount in paid.items()}


def _residual(result: Result) -> str:
    rests = [Decimal(p["amount"]) for p in result["payments"] if p["type"] == "residual"]
    return str(sum(rests, _ZERO))


def _last(result: Result, value: Callable[[Any], Any]) -> Any:
    known = _known(result)
    return value(known[-1]) if known else None


# What published examples say of a result beside the keys that it has itself.
_READINGS: dict[str, Callable[[Result], Any]] = {
    "call_obs": lambda result: next(
        (item["n"] for item in result["observations"] if item["autocalled"]), None
    ),
    "call_pay": lambda result: next(
        (p["date"] for p in result["payments"] if p["type"] == "redemption"), None
    ),
    "coupons": lambda result: [item["coupon"] for item in _known(result)],
    "events": lambda result: [item["event"] for item in _known(result)],
    "flows": _flows,
    "memory_after": lambda result: _last(result, lambda item: item["memory"]),
    "payments_by_date": _by_date,
    "residual": _residual,
    "valuation_last": lambda result: _last(result, lambda item: max(item["valuation"].values())),
}


def _alike(found: object, wanted: object, tolerance: Decimal) -> bool:
    """Compare by value: numbers however written, lists and objects part by part."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return wanted.keys() == found.keys() and all(
            _alike(found[key], wanted[key], tolerance) for key in wanted
        )
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(
            _alike(one, other, tolerance) for one, other in zip(found, wanted, strict=True)
        )
    number, other = _number(found), _number(wanted)
    if number is not None and other is not None:
        return abs(number - other) <= tolerance
    return found == wanted


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_text(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(item)}' for key, item in value.items())}}}"
    return f"{value:f}" if isinstance(value, Decimal) else f"{value}"
