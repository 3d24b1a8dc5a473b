"""Funds, accounts, instalments, deadlines, and the moves of what clients hold."""

import django.db.models.deletion
import django.db.models.expressions
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0006_whole_family'),
        ('profiles', '0004_consent_day'),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelPortfolio',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('aim', models.CharField(choices=[('shares', 'shares'), ('bonds', 'bonds'), ('balanced', 'balanced'), ('money_market', 'money market'), ('property', 'property'), ('other', 'other')], default='balanced', max_length=15, verbose_name='invests in')),
            ],
            options={
                'verbose_name': 'model portfolio',
                'verbose_name_plural': 'model portfolios',
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='MoveDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True, verbose_name='day')),
                ('begun_at', models.DateTimeField(verbose_name='begun')),
                ('cursor', models.BigIntegerField(default=0, verbose_name='clients done up to')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'day of moves',
                'verbose_name_plural': 'days of moves',
            },
        ),
        migrations.AlterField(
            model_name='underlying',
            name='kind',
            field=models.CharField(choices=[('share', 'share'), ('fund', 'fund'), ('index', 'index'), ('currency_pair', 'currency pair')], default='share', max_length=15, verbose_name='kind'),
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=40, unique=True, verbose_name='number')),
                ('name', models.CharField(help_text='What the client calls it.', max_length=100, verbose_name='name')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('kind', models.CharField(choices=[('general', 'general'), ('tax_saving', 'tax-saving'), ('pension', 'pension')], default='general', max_length=12, verbose_name='kind')),
                ('opened_on', models.DateField(verbose_name='opened on')),
                ('closed_on', models.DateField(blank=True, null=True, verbose_name='closed on')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='profiles.client', verbose_name='client')),
                ('portfolio', models.ForeignKey(blank=True, help_text='The portfolio that the account follows, where it follows one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='products.modelportfolio', verbose_name='model portfolio')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
            },
        ),
        migrations.CreateModel(
            name='CreditAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=40, unique=True, verbose_name='number')),
                ('name', models.CharField(help_text='What the client calls it.', max_length=100, verbose_name='name')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('limit', models.PositiveBigIntegerField(help_text='In cents.', verbose_name='limit')),
                ('used', models.PositiveBigIntegerField(help_text='Of the limit, in cents.', verbose_name='used')),
                ('reported_on', models.DateField(help_text='The day for which the core system said so.', verbose_name='reported on')),
                ('source', models.CharField(help_text='File or feed.', max_length=100, verbose_name='source')),
                ('closed_on', models.DateField(blank=True, null=True, verbose_name='closed on')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credit_accounts', to='profiles.client', verbose_name='client')),
            ],
            options={
                'verbose_name': 'instalment account',
                'verbose_name_plural': 'instalment accounts',
            },
        ),
        migrations.CreateModel(
            name='Fund',
            fields=[
                ('underlying', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='fund', serialize=False, to='products.underlying', verbose_name='underlying')),
                ('aim', models.CharField(choices=[('shares', 'shares'), ('bonds', 'bonds'), ('balanced', 'balanced'), ('money_market', 'money market'), ('property', 'property'), ('other', 'other')], max_length=15, verbose_name='invests in')),
                ('lag', models.PositiveSmallIntegerField(default=1, help_text='Sessions after which a unit value is known; one that comes later is late.', verbose_name='published after')),
                ('shares', models.DecimalField(blank=True, decimal_places=5, max_digits=6, null=True, verbose_name='shares')),
                ('bonds', models.DecimalField(blank=True, decimal_places=5, max_digits=6, null=True, verbose_name='bonds')),
                ('cash', models.DecimalField(blank=True, decimal_places=5, max_digits=6, null=True, verbose_name='cash')),
                ('other', models.DecimalField(blank=True, decimal_places=5, max_digits=6, null=True, verbose_name='other assets')),
                ('mix_on', models.DateField(blank=True, null=True, verbose_name='mix as of')),
            ],
            options={
                'verbose_name': 'fund',
                'verbose_name_plural': 'funds',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('bonds__isnull', True), ('cash__isnull', True), ('mix_on__isnull', True), ('other__isnull', True), ('shares__isnull', True)), models.Q(('bonds__gte', 0), ('bonds__isnull', False), ('cash__gte', 0), ('cash__isnull', False), ('mix_on__isnull', False), ('other__gte', 0), ('other__isnull', False), ('shares', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(Decimal('1')), '-', models.F('bonds')), '-', models.F('cash')), '-', models.F('other'))), ('shares__gte', 0), ('shares__isnull', False)), _connector='OR'), name='fund_mix_is_whole', violation_error_message='The parts of the mix must add up to 1 and have a day; or leave them all empty.')],
            },
        ),
        migrations.CreateModel(
            name='MoveRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(blank=True, choices=[('hnwi', 'HNWI'), ('affluent', 'affluent'), ('mass_affluent', 'mass affluent'), ('small', 'small')], max_length=16, verbose_name='tier')),
                ('holding_step', models.DecimalField(decimal_places=5, default=Decimal('0.1'), help_text='Told at each multiple, counted from the purchase: 0.1 is 10 %.', max_digits=6, verbose_name='step of a holding')),
                ('share_band', models.DecimalField(decimal_places=5, default=Decimal('0.1'), help_text='A fund or share that moves further in one day is told: 0.1 is 10 %.', max_digits=6, verbose_name='band of a day')),
                ('tells_rises', models.BooleanField(default=True, help_text='Unticked: only falls are told.', verbose_name='rises too')),
                ('client', models.OneToOneField(blank=True, help_text='Empty: for a whole tier, or for everybody.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='move_rule', to='profiles.client', verbose_name='client')),
            ],
            options={
                'verbose_name': 'rule for moves',
                'verbose_name_plural': 'rules for moves',
            },
        ),
        migrations.CreateModel(
            name='PortfolioWeight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weight', models.DecimalField(decimal_places=5, help_text='A part of the whole: 0.4', max_digits=6, verbose_name='weight')),
                ('portfolio', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='weights', to='products.modelportfolio', verbose_name='portfolio')),
                ('underlying', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='weights', to='products.underlying', verbose_name='underlying')),
            ],
            options={
                'verbose_name': 'weight',
                'verbose_name_plural': 'weights',
            },
        ),
        migrations.CreateModel(
            name='Transaction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The core system's own number of the booking.", max_length=60, unique=True, verbose_name='reference')),
                ('kind', models.CharField(choices=[('buy', 'buy'), ('sell', 'sell'), ('dividend', 'dividend'), ('fee', 'fee')], max_length=10, verbose_name='kind')),
                ('day', models.DateField(verbose_name='day')),
                ('units', models.DecimalField(blank=True, decimal_places=8, help_text='As dealt, before any later split.', max_digits=20, null=True, verbose_name='units')),
                ('amount', models.PositiveBigIntegerField(help_text='What was paid or received altogether, in cents.', verbose_name='amount')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='products.account', verbose_name='account')),
                ('underlying', models.ForeignKey(blank=True, help_text='Empty for a fee on the whole account.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='products.underlying', verbose_name='fund or share')),
            ],
            options={
                'verbose_name': 'transaction',
                'verbose_name_plural': 'transactions',
            },
        ),
        migrations.CreateModel(
            name='UnderlyingMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('before_on', models.DateField(verbose_name='day before')),
                ('rate', models.DecimalField(decimal_places=6, max_digits=12, verbose_name='change')),
                ('noticed_at', models.DateTimeField(verbose_name='noticed')),
                ('underlying', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='products.underlying', verbose_name='fund or share')),
            ],
            options={
                'verbose_name': 'move of a price',
                'verbose_name_plural': 'moves of prices',
            },
        ),
        migrations.CreateModel(
            name='Deadline',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=60, unique=True, verbose_name='reference')),
                ('kind', models.CharField(choices=[('tax_deduction', 'tax deduction'), ('contribution', 'yearly contribution'), ('document', 'document')], max_length=15, verbose_name='kind')),
                ('day', models.DateField(help_text='The last day on which it counts.', verbose_name='day')),
                ('year', models.PositiveSmallIntegerField(blank=True, help_text='Like 2025, where it is for one.', null=True, verbose_name='for the year')),
                ('amount', models.PositiveBigIntegerField(blank=True, help_text='What can still be had, in cents.', null=True, verbose_name='amount')),
                ('currency', models.CharField(blank=True, max_length=3, verbose_name='currency')),
                ('days_before', models.PositiveSmallIntegerField(default=30, help_text='So many days before it is an event.', verbose_name='tell days before')),
                ('done_on', models.DateField(blank=True, help_text='Once done, nobody is told any more.', null=True, verbose_name='done on')),
                ('told_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='told')),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='products.account', verbose_name='account')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='profiles.client', verbose_name='client')),
                ('policy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deadlines', to='products.policy', verbose_name='policy')),
            ],
            options={
                'verbose_name': 'deadline',
                'verbose_name_plural': 'deadlines',
                'indexes': [models.Index(condition=models.Q(('done_on__isnull', True), ('told_at__isnull', True)), fields=['day'], name='deadline_ahead')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount__isnull', True), ('currency', '')), models.Q(('amount__isnull', False), models.Q(('currency', ''), _negated=True)), _connector='OR'), name='deadline_amount_has_currency', violation_error_message='An amount needs its currency, and no amount none.')],
            },
        ),
        migrations.CreateModel(
            name='HoldingMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('basis', models.CharField(choices=[('purchase', 'since the purchase'), ('period', 'since the period began')], max_length=10, verbose_name='counted')),
                ('since', models.DateField(help_text='The day from which the change is counted.', verbose_name='since')),
                ('falls', models.BooleanField(verbose_name='fell')),
                ('rung', models.PositiveSmallIntegerField(help_text='How many steps of the threshold were gone through.', verbose_name='multiple')),
                ('rate', models.DecimalField(decimal_places=6, max_digits=12, verbose_name='change')),
                ('day', models.DateField(help_text='The day of the prices.', verbose_name='day')),
                ('noticed_at', models.DateTimeField(verbose_name='noticed')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='products.account', verbose_name='account')),
                ('underlying', models.ForeignKey(help_text='Empty: the account as a whole.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='products.underlying', verbose_name='fund or share')),
            ],
            options={
                'verbose_name': 'move of a holding',
                'verbose_name_plural': 'moves of holdings',
                'constraints': [models.UniqueConstraint(fields=('account', 'underlying', 'basis', 'since', 'falls', 'rung'), name='holding_move_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Instalment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(verbose_name='number')),
                ('due_on', models.DateField(verbose_name='due on')),
                ('amount', models.PositiveBigIntegerField(help_text='In cents.', verbose_name='amount')),
                ('paid', models.PositiveBigIntegerField(default=0, help_text='So far, in cents.', verbose_name='paid')),
                ('paid_on', models.DateField(blank=True, help_text='The day on which all of it was paid.', null=True, verbose_name='paid on')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instalments', to='products.creditaccount', verbose_name='account')),
            ],
            options={
                'verbose_name': 'instalment',
                'verbose_name_plural': 'instalments',
                'indexes': [models.Index(condition=models.Q(('paid_on__isnull', True)), fields=['due_on'], name='instalment_open')],
                'constraints': [models.UniqueConstraint(fields=('account', 'number'), name='instalment_once', violation_error_message='The plan already has this number.'), models.CheckConstraint(condition=models.Q(models.Q(('paid__lt', models.F('amount')), ('paid_on__isnull', True)), models.Q(('paid', models.F('amount')), ('paid_on__isnull', False)), _connector='OR'), name='instalment_paid_has_day', violation_error_message='An instalment paid in full has its day; any other has none, and no more than its amount can be paid.'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='instalment_amount_positive', violation_error_message='The amount must be above zero.')],
            },
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(condition=models.Q(('closed_on__isnull', True)), fields=['client'], name='account_open'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('closed_on__isnull', True), ('closed_on__gte', models.F('opened_on')), _connector='OR'), name='account_closes_after_opening', violation_error_message='An account cannot close before it opens.'),
        ),
        migrations.AddConstraint(
            model_name='moverule',
            constraint=models.UniqueConstraint(condition=models.Q(('client__isnull', True)), fields=('tier',), name='move_rule_once', violation_error_message='There already is a rule for this tier, or everybody.'),
        ),
        migrations.AddConstraint(
            model_name='moverule',
            constraint=models.CheckConstraint(condition=models.Q(('client__isnull', True), ('tier', ''), _connector='OR'), name='move_rule_for_one', violation_error_message='A rule is for a client or for a tier, not for both.'),
        ),
        migrations.AddConstraint(
            model_name='moverule',
            constraint=models.CheckConstraint(condition=models.Q(('holding_step__gte', Decimal('0.01')), ('share_band__gte', Decimal('0.01'))), name='move_rule_steps_positive', violation_error_message='A step or band is at least 0.01, which is 1 %.'),
        ),
        migrations.AddConstraint(
            model_name='portfolioweight',
            constraint=models.UniqueConstraint(fields=('portfolio', 'underlying'), name='portfolio_weight_once', violation_error_message='The portfolio already has this fund or share.'),
        ),
        migrations.AddConstraint(
            model_name='portfolioweight',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gt', 0), ('weight__lte', 1)), name='portfolio_weight_is_a_part', violation_error_message='A weight lies above 0 and is at most 1.'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['buy', 'sell']), ('units__gt', 0), ('units__isnull', False)), models.Q(('kind__in', ['dividend', 'fee']), ('units__isnull', True)), _connector='OR'), name='transaction_trade_has_units', violation_error_message='A trade has units above zero, anything else has none.'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'fee'), ('underlying__isnull', False), _connector='OR'), name='transaction_names_what_was_dealt', violation_error_message='Say which fund or share was dealt or paid.'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['buy', 'sell']), ('amount__gt', 0), _connector='OR'), name='transaction_money_moves', violation_error_message='The amount must be above zero.'),
        ),
        migrations.AddConstraint(
            model_name='underlyingmove',
            constraint=models.UniqueConstraint(fields=('underlying', 'day'), name='underlying_move_once'),
        ),
    ]
