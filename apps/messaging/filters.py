"""Liquid's filters over typed values: the same money, level, day or count written another way."""

from collections.abc import Callable
from typing import Any

from babel.numbers import format_decimal
from liquid import RenderContext, Undefined
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context

from apps.messaging import speech
from apps.messaging.speech import Said, SpeechError

LANGUAGE = "@language"  # no template can name it
MOST_DECIMALS = 4


def refuse(why: str) -> FilterArgumentError:
    return FilterArgumentError(why, token=None)


def of_kind(name: str, value: object, *kinds: str) -> Said:
    """Return a typed value of these kinds. Raises FilterArgumentError, and UndefinedError."""
    if isinstance(value, Undefined):
        str(value)  # raises: a missing value is an error here too
    if not isinstance(value, Said) or value.kind not in kinds:
        raise refuse(f"“{name}” cannot write this value: it takes {' or '.join(kinds)}.")
    return value


def chosen(name: str, said: object, *known: str) -> str:
    if said not in known:
        raise refuse(f"“{name}” knows {', '.join(known)}.")
    return str(said)


def places(name: str, said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= MOST_DECIMALS:
        raise refuse(f"“{name}” takes 0 to {MOST_DECIMALS} decimals.")
    return said


def money(value: object, how: object = "full") -> str:
    """{{ amount | money: 'whole' }}: $1,234 where there are no cents."""
    amount = of_kind("money", value, "money")
    if chosen("money", how, "full", "whole") == "full":
        return amount
    return speech.whole_money(amount.value, amount.language)


def percent(value: object, how: object = "plain", *, decimals: object = 2) -> str:
    """{{ change | percent: 'sign', decimals: 1 }}: +5.2%."""
    level = of_kind("percent", value, "percent")
    sign = chosen("percent", how, "plain", "sign") == "sign"
    return speech.percent(
        level.value, level.language, decimals=places("percent", decimals), sign=sign
    )


def date(value: object, style: object = "long") -> str:
    """{{ pays_on | date: 'weekday' }}; a moment is read by the reader's own clock."""
    day = of_kind("date", value, "date", "month", "moment")
    on = day.value
    if day.kind == "moment":
        on = on.astimezone(speech.time_zone(day.zone)).date()
    return speech.day(on, day.language, chosen("date", style, *speech.DAYS))


def time(value: object) -> str:
    moment = of_kind("time", value, "moment")
    return speech.clock_time(moment.value, moment.language, moment.zone)


@with_context
def number(value: object, decimals: object = None, *, context: RenderContext) -> str:
    """{{ units | number: 2 }}; without decimals as many as it has."""
    counted = numeric("number", value)
    pattern = None if decimals is None else "#,##0." + "0" * places("number", decimals)
    text: str = format_decimal(counted, pattern, locale=language_of(context))
    return text


@with_context
def plural(value: object, *forms: object, context: RenderContext) -> str:
    """{{ days }} {{ days | plural: 'day', 'days' }}; день, дня, дней."""
    if not all(isinstance(form, str) for form in forms):
        raise refuse("“plural” takes texts.")
    return speech.plural(numeric("plural", value), tuple(map(str, forms)), language_of(context))


def numeric(name: str, value: object) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return of_kind(name, value, "count", "number").value


def language_of(context: RenderContext) -> str:
    return str(context.globals.get(LANGUAGE, "en"))


def speaking(function: Callable[..., str]) -> Callable[..., object]:
    """Turn what a value cannot do into an error of the template."""

    def wrapper(*args: object, **options: object) -> object:
        try:
            return function(*args, **options)
        except SpeechError as error:
            raise refuse(str(error)) from error

    wrapper.__dict__.update(function.__dict__)  # Liquid reads there whether to pass the context
    return wrapper


FILTERS = {
    name: speaking(function)
    for name, function in {
        "money": money, "percent": percent, "date": date, "time": time, "number": number,
        "plural": plural,
    }.items()
}  # fmt: skip
