"""Held means "waits for a person": former versions say so no more. Half days are kept beside their exchange."""

from django.db import migrations, models

FORMER = """
UPDATE products_quote SET state = 'replaced'
WHERE state = 'held' AND NOT is_current
"""
HALF_DAYS = """
CREATE FUNCTION products_keep_half_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products_exchange AS exchange
    SET half_days = coalesce(
        (
            SELECT jsonb_object_agg(session.day, to_char(session.closes_at, 'HH24:MI'))
            FROM products_tradingday AS session
            WHERE session.exchange_id = exchange.id AND session.closes_at IS NOT NULL
        ),
        '{}'
    )
    WHERE exchange.id IN (SELECT exchange_id FROM touched WHERE closes_at IS NOT NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER half_days_added AFTER INSERT ON products_tradingday
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION products_keep_half_days();
CREATE TRIGGER half_days_removed AFTER DELETE ON products_tradingday
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION products_keep_half_days();
CREATE TRIGGER half_days_changed AFTER UPDATE ON products_tradingday
    REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION products_keep_half_days();
CREATE TRIGGER half_days_taken_back AFTER UPDATE ON products_tradingday
    REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION products_keep_half_days();
"""
NO_HALF_DAYS = """
DROP TRIGGER half_days_added ON products_tradingday;
DROP TRIGGER half_days_removed ON products_tradingday;
DROP TRIGGER half_days_changed ON products_tradingday;
DROP TRIGGER half_days_taken_back ON products_tradingday;
DROP FUNCTION products_keep_half_days();
"""
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
CHANGEABLE = "DROP TRIGGER append_only ON {table};"
TABLES = ("products_calendaroverride", "products_observationmove")


class Migration(migrations.Migration):
    dependencies = [
        ("products", "0011_calendars_and_held_prices"),
        ("profiles", "0002_append_only"),
    ]
    operations = [
        migrations.RunSQL(FORMER, migrations.RunSQL.noop),
        migrations.RunSQL(HALF_DAYS, NO_HALF_DAYS),
        *(
            migrations.RunSQL(APPEND_ONLY.format(table=table), CHANGEABLE.format(table=table))
            for table in TABLES
        ),
        migrations.AddConstraint(
            model_name='quote',
            constraint=models.UniqueConstraint(condition=models.Q(('is_current', False), ('state', 'held')), fields=('underlying', 'day'), name='quote_one_restatement_a_day', violation_error_message='A restatement of this close already waits.'),
        ),
        migrations.AddConstraint(
            model_name='quote',
            constraint=models.CheckConstraint(condition=models.Q(('is_current', False), ('state__in', ['confirmed', 'held']), _connector='OR'), name='quote_current_may_count', violation_error_message='A rejected or replaced close cannot be the current one.'),
        ),
    ]
