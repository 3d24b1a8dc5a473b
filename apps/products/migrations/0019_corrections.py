"""What restatements changed, policy by policy, as a view: nothing is copied."""

from django.db import migrations, models

VIEW = """
CREATE VIEW products_correction AS
SELECT result.id || '-' || line.policy_id AS key, result.restatement_id, result.observation_id,
    result.id AS result_id, line.*,
    line.amount + line.capital - line.amount_before - line.capital_before AS difference
FROM products_observationresult AS result
CROSS JOIN LATERAL (
    SELECT policy_id,
        coalesce(before.outcome, 'VOID') AS outcome_before,
        coalesce(after.outcome, 'VOID') AS outcome,
        coalesce(before.amount, 0) AS amount_before, coalesce(after.amount, 0) AS amount,
        coalesce(before.remembered, 0) AS remembered_before,
        coalesce(after.remembered, 0) AS remembered,
        coalesce(before.capital, 0) AS capital_before, coalesce(after.capital, 0) AS capital
    FROM (
        SELECT policy_id, outcome, amount, remembered,
            coalesce(redemption, 0) + coalesce(residual, 0) AS capital
        FROM products_policycoupon WHERE result_id = result.supersedes_id
    ) AS before
    FULL JOIN (
        SELECT policy_id, outcome, amount, remembered,
            coalesce(redemption, 0) + coalesce(residual, 0) AS capital
        FROM products_policycoupon WHERE result_id = result.id
    ) AS after USING (policy_id)
    WHERE (before.outcome, before.amount, before.remembered, before.capital)
        IS DISTINCT FROM (after.outcome, after.amount, after.remembered, after.capital)
) AS line
WHERE result.restatement_id IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0018_rows_born_by_select'),
    ]

    operations = [
        migrations.RunSQL(VIEW, 'DROP VIEW products_correction'),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('key', models.CharField(max_length=50, primary_key=True, serialize=False)),
                ('outcome_before', models.CharField(choices=[('ACCRUED', 'accrued'), ('SAVED', 'saved'), ('LOST', 'lost'), ('PARTIAL', 'paid in part'), ('GUARANTEED', 'guaranteed'), ('NONE', 'no coupon'), ('VOID', 'void')], max_length=10, verbose_name='outcome before')),
                ('outcome', models.CharField(choices=[('ACCRUED', 'accrued'), ('SAVED', 'saved'), ('LOST', 'lost'), ('PARTIAL', 'paid in part'), ('GUARANTEED', 'guaranteed'), ('NONE', 'no coupon'), ('VOID', 'void')], max_length=10, verbose_name='outcome')),
                ('amount_before', models.BigIntegerField(verbose_name='coupon before')),
                ('amount', models.BigIntegerField(verbose_name='coupon')),
                ('remembered_before', models.BigIntegerField(verbose_name='remembered before')),
                ('remembered', models.BigIntegerField(verbose_name='remembered')),
                ('capital_before', models.BigIntegerField(help_text='What the end paid back, a residual too.', verbose_name='capital before')),
                ('capital', models.BigIntegerField(verbose_name='capital')),
                ('difference', models.BigIntegerField(help_text='What the client gets more, or less, in all.', verbose_name='difference')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'db_table': 'products_correction',
                'managed': False,
            },
        ),
    ]
