"""Restatements, corrections among the payments, and what an end paid back beside its coupon."""

import apps.core.clock
import apps.products.models.holdings
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0007_accounts_and_moves'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RestatedStrategy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since_on', models.DateField(help_text='Observations that used this day or a later one are looked at.', verbose_name='since')),
                ('state', models.CharField(choices=[('queued', 'not looked at yet'), ('done', 'looked at')], default='queued', max_length=10, verbose_name='state')),
                ('waiting_for', models.CharField(blank=True, max_length=500, verbose_name='waiting for')),
                ('checked', models.PositiveSmallIntegerField(default=0, help_text='Observations that were evaluated again.', verbose_name='checked')),
                ('changed', models.PositiveSmallIntegerField(default=0, help_text='Of these, how many came out otherwise.', verbose_name='changed')),
                ('done_at', models.DateTimeField(blank=True, null=True, verbose_name='looked at')),
            ],
            options={
                'verbose_name': 'restated strategy',
                'verbose_name_plural': 'restated strategies',
            },
        ),
        migrations.CreateModel(
            name='Restatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trigger', models.CharField(choices=[('price', 'price'), ('corporate_action', 'corporate action'), ('terms', 'terms')], max_length=20, verbose_name='trigger')),
                ('reason', models.CharField(help_text='What was wrong; clients are told why.', max_length=300, verbose_name='reason')),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('queued', 'being carried out'), ('done', 'carried out'), ('rejected', 'rejected')], default='queued', max_length=10, verbose_name='state')),
                ('made_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='made')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
            ],
            options={
                'verbose_name': 'restatement',
                'verbose_name_plural': 'restatements',
            },
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='payment_paid_has_day',
        ),
        migrations.AddField(
            model_name='payment',
            name='corrects',
            field=models.CharField(blank=True, choices=[('coupon', 'coupon'), ('redemption', 'redemption'), ('residual', 'residual'), ('premium', 'premium'), ('correction', 'correction')], db_default='', default='', help_text='What a correction puts right: the coupon, the capital.', max_length=12, verbose_name='corrects'),
        ),
        migrations.AddField(
            model_name='policycoupon',
            name='redemption',
            field=models.PositiveBigIntegerField(blank=True, help_text='Capital due at the end, in cents.', null=True, verbose_name='paid back'),
        ),
        migrations.AddField(
            model_name='policycoupon',
            name='residual',
            field=models.PositiveBigIntegerField(blank=True, help_text='What a call leaves to be paid at maturity, in cents.', null=True, verbose_name='residual'),
        ),
        migrations.AlterField(
            model_name='observationresult',
            name='outcome',
            field=models.CharField(choices=[('ACCRUED', 'accrued'), ('SAVED', 'saved'), ('LOST', 'lost'), ('PARTIAL', 'paid in part'), ('GUARANTEED', 'guaranteed'), ('NONE', 'no coupon'), ('VOID', 'void')], max_length=10, verbose_name='outcome'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='amount',
            field=models.BigIntegerField(help_text='In cents. Below zero only a correction: the client was paid too much.', verbose_name='amount'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='kind',
            field=models.CharField(choices=[('coupon', 'coupon'), ('redemption', 'redemption'), ('residual', 'residual'), ('premium', 'premium'), ('correction', 'correction')], max_length=12, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='state',
            field=models.CharField(choices=[('planned', 'planned'), ('paid', 'paid'), ('cancelled', 'cancelled'), ('held', 'waits for a decision'), ('waived', 'left to the client')], default='planned', max_length=10, verbose_name='state'),
        ),
        migrations.AlterField(
            model_name='policycoupon',
            name='outcome',
            field=models.CharField(choices=[('ACCRUED', 'accrued'), ('SAVED', 'saved'), ('LOST', 'lost'), ('PARTIAL', 'paid in part'), ('GUARANTEED', 'guaranteed'), ('NONE', 'no coupon'), ('VOID', 'void')], max_length=10, verbose_name='outcome'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(models.Q(('state', 'paid'), _negated=True), ('paid_on__isnull', True)), models.Q(('paid_on__isnull', False), ('state', 'paid')), _connector='OR'), name='payment_paid_has_day', violation_error_message='A paid payment has a day, a planned one has none.'),
        ),
        AddConstraintNotValid(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'correction'), models.Q(('amount', 0), _negated=True), models.Q(('corrects', ''), _negated=True)), models.Q(models.Q(('kind', 'correction'), _negated=True), ('amount__gte', 0), ('corrects', '')), _connector='OR'), name='payment_signed_correction', violation_error_message='Only a correction may be below zero.'),
        ),
        migrations.AddField(
            model_name='restatedstrategy',
            name='strategy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restatements', to='products.strategy', verbose_name='strategy'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='made_by',
            field=models.ForeignKey(blank=True, help_text='Who found it; nobody for a feed.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='quotes',
            field=models.ManyToManyField(blank=True, help_text='The new closes.', related_name='restatements', to='products.quote', verbose_name='quotes'),
        ),
        migrations.AddField(
            model_name='restatedstrategy',
            name='restatement',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='strategies', to='products.restatement', verbose_name='restatement'),
        ),
        migrations.AddField(
            model_name='observationresult',
            name='restatement',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='results', to='products.restatement', verbose_name='restatement'),
        ),
        migrations.AddIndex(
            model_name='restatement',
            index=models.Index(condition=models.Q(('state__in', ['proposed', 'queued'])), fields=['state'], name='restatement_open'),
        ),
        migrations.AddConstraint(
            model_name='restatement',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='restatement_has_reason', violation_error_message='Say what was wrong.'),
        ),
        migrations.AddIndex(
            model_name='restatedstrategy',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['id'], name='restated_strategy_queued'),
        ),
        migrations.AddConstraint(
            model_name='restatedstrategy',
            constraint=models.UniqueConstraint(fields=('restatement', 'strategy'), name='restated_strategy_once'),
        ),
        # Two steps: nobody knows when those of before came in.
        migrations.AddField(
            model_name='policy',
            name='entered_on',
            field=models.DateField(editable=False, help_text='When we learnt of it; empty: before we noted that.', null=True, verbose_name='entered on'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='entered_on',
            field=models.DateField(default=apps.products.models.holdings.today, editable=False, help_text='When we learnt of it; empty: before we noted that.', null=True, verbose_name='entered on'),
        ),
        migrations.AddIndex(
            model_name='policy',
            index=models.Index(condition=models.Q(('entered_on__gt', models.F('starts_on'))), fields=['entered_on'], name='policy_late'),
        ),
    ]
