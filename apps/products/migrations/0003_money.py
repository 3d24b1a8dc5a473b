"""Money as the engine counts it, in SQL: a rate of a nominal, exact and rounded once."""

from django.db import migrations

# The same as `payoff.money`, which a test shows. The rate is rate_over / rate_under, so that a rate
# that never ends as a decimal stays exact; numeric `div` truncates and nothing here is negative.
MONEY = """
CREATE FUNCTION products_money(
    nominal bigint, denomination bigint, rate_over numeric, rate_under numeric, rounding text
) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    nominal / coalesce(denomination, nominal) * CASE
        WHEN rounding = 'DOWN' THEN
            div(coalesce(denomination, nominal) * rate_over, rate_under)
        WHEN rounding = 'HALF_EVEN'
            AND 2 * mod(coalesce(denomination, nominal) * rate_over, rate_under) = rate_under THEN
            2 * div(div(coalesce(denomination, nominal) * rate_over, rate_under) + 1, 2)
        WHEN rounding IN ('HALF_UP', 'HALF_EVEN') THEN
            div(
                2 * (coalesce(denomination, nominal) * rate_over) + rate_under,
                2 * rate_under
            )
    END
"""
UNDO = "DROP FUNCTION products_money(bigint, bigint, numeric, numeric, text)"


class Migration(migrations.Migration):
    dependencies = [("products", "0002_append_only")]
    operations = [migrations.RunSQL(MONEY, UNDO)]
