"""What the gate knows and remembers; messages born by sets, kept by triggers as clients are."""

import apps.core.clock
import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

# The unique index stays as it is, under its new name; the one for prefixes was never asked.
ONE_INDEX_FOR_KEYS = """
DO $$
DECLARE
    prefixes text;
BEGIN
    FOR prefixes IN SELECT indexname FROM pg_indexes
        WHERE tablename = 'messaging_notice' AND schemaname = current_schema()
            AND indexname LIKE 'messaging\\_notice\\_dedupe\\_key\\_%\\_like'
    LOOP
        EXECUTE format('DROP INDEX %I', prefixes);
    END LOOP;
END
$$;
ALTER TABLE messaging_notice RENAME CONSTRAINT messaging_notice_dedupe_key_key TO notice_once;
"""
TWO_INDEXES_FOR_KEYS = """
ALTER TABLE messaging_notice RENAME CONSTRAINT notice_once TO messaging_notice_dedupe_key_key;
CREATE INDEX messaging_notice_dedupe_key_as_was_like
    ON messaging_notice (dedupe_key varchar_pattern_ops);
"""
KEEP = """
-- What the foreign keys did: what was told keeps what it was told with.
CREATE FUNCTION messaging_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept boolean := CASE TG_TABLE_NAME
        WHEN 'messaging_notice' THEN
            EXISTS (SELECT FROM messaging_message WHERE notice_id = OLD.id)
            OR EXISTS (SELECT FROM messaging_verdict WHERE notice_id = OLD.id)
            OR EXISTS (SELECT FROM messaging_reservation WHERE notice_id = OLD.id)
        WHEN 'profiles_contactpoint' THEN
            EXISTS (SELECT FROM messaging_message WHERE contact_point_id = OLD.id)
        WHEN 'messaging_templateversion' THEN
            EXISTS (SELECT FROM messaging_message WHERE wording_id = OLD.id)
        WHEN 'profiles_client' THEN
            EXISTS (SELECT FROM messaging_reservation WHERE client_id = OLD.id)
    END;
BEGIN
    IF kept THEN
        RAISE foreign_key_violation
            USING MESSAGE = format('messaging refers to %s %s', TG_TABLE_NAME, OLD.id);
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER keep_with_messages BEFORE DELETE ON messaging_notice
    FOR EACH ROW EXECUTE FUNCTION messaging_keep();
CREATE TRIGGER keep_with_messages BEFORE DELETE ON messaging_templateversion
    FOR EACH ROW EXECUTE FUNCTION messaging_keep();
CREATE TRIGGER keep_with_messages BEFORE DELETE ON profiles_contactpoint
    FOR EACH ROW EXECUTE FUNCTION messaging_keep();
CREATE TRIGGER keep_with_messages BEFORE DELETE ON profiles_client
    FOR EACH ROW EXECUTE FUNCTION messaging_keep();
"""
UNDO = """
DROP TRIGGER keep_with_messages ON profiles_client;
DROP TRIGGER keep_with_messages ON profiles_contactpoint;
DROP TRIGGER keep_with_messages ON messaging_templateversion;
DROP TRIGGER keep_with_messages ON messaging_notice;
DROP FUNCTION messaging_keep();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0010_first_providers'),
        ('products', '0026_audit'),
        ('profiles', '0013_files_undone'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FrequencyPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(blank=True, choices=[('hnwi', 'HNWI'), ('affluent', 'affluent'), ('mass_affluent', 'mass affluent'), ('small', 'small')], help_text='Empty: everybody.', max_length=16, verbose_name='tier')),
                ('offers', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='offers')),
                ('days', models.PositiveSmallIntegerField(help_text="In a row, by the client's own calendar. All limits that fit him hold.", validators=[django.core.validators.MinValueValidator(2), django.core.validators.MaxValueValidator(366)], verbose_name='days')),
            ],
            options={
                'verbose_name': 'limit of offers',
                'verbose_name_plural': 'limits of offers',
                'ordering': ['tier', 'days'],
            },
        ),
        migrations.CreateModel(
            name='HoldOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='name')),
                ('percent', models.DecimalField(decimal_places=2, help_text='Of all clients, chosen by lot once and for good.', max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.01')), django.core.validators.MaxValueValidator(Decimal('50'))], verbose_name='percent')),
                ('begins_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
            ],
            options={
                'verbose_name': 'hold-out group',
                'verbose_name_plural': 'hold-out groups',
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text='Where the client lives.', verbose_name='day')),
            ],
            options={
                'verbose_name': 'day taken by an offer',
                'verbose_name_plural': 'days taken by offers',
            },
        ),
        migrations.CreateModel(
            name='Stop',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('global', 'everything'), ('channel', 'one channel'), ('issuer', 'one issuer')], max_length=10, verbose_name='what is stopped')),
                ('value', models.CharField(blank=True, help_text="The channel, or the issuer's name.", max_length=100, verbose_name='which')),
                ('reason', models.CharField(max_length=300, verbose_name='because')),
                ('set_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='stopped at')),
                ('released_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='released at')),
            ],
            options={
                'verbose_name': 'stop',
                'verbose_name_plural': 'stops',
            },
        ),
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=apps.core.clock.now, verbose_name='at')),
                ('outcome', models.CharField(choices=[('granted', 'may be sent'), ('waits', 'waits'), ('refused', 'must not be sent')], max_length=10, verbose_name='verdict')),
                ('channel', models.CharField(blank=True, choices=[('sms', 'SMS'), ('email', 'e-mail'), ('push', 'push'), ('messenger', 'messenger')], max_length=16, verbose_name='channel')),
                ('reason', models.CharField(blank=True, help_text='A code; it is worded when shown.', max_length=20, verbose_name='reason')),
                ('inputs', models.JSONField(default=dict, help_text="Each channel's reason, hours, groups, rivals.", verbose_name='grounds')),
            ],
            options={
                'verbose_name': 'verdict of the gate',
                'verbose_name_plural': 'verdicts of the gate',
            },
        ),
        migrations.AddField(
            model_name='notice',
            name='ask_after',
            field=models.DateTimeField(blank=True, editable=False, help_text='It waits, for a stop to be released or a price to be confirmed.', null=True, verbose_name='asked again'),
        ),
        migrations.AddField(
            model_name='notice',
            name='hold_out',
            field=models.CharField(blank=True, db_default='', default='', help_text='The control group that the client is in: he is counted and not told.', max_length=60, verbose_name='held out'),
        ),
        migrations.AddField(
            model_name='notice',
            name='priority',
            field=models.PositiveSmallIntegerField(db_default=100, default=100, help_text='Of two offers for one day the one with the higher number goes.', verbose_name='priority'),
        ),
        migrations.AddField(
            model_name='template',
            name='kind',
            field=models.CharField(choices=[('offer', 'offer'), ('service', 'service'), ('security', 'security alert')], db_default='service', default='service', help_text='Offers come once a day at most; a security alert comes at any hour.', max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='message',
            name='contact_point',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='profiles.contactpoint', verbose_name='to'),
        ),
        migrations.AlterField(
            model_name='message',
            name='notice',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='messaging.notice', verbose_name='notice'),
        ),
        migrations.AlterField(
            model_name='message',
            name='wording',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='messaging.templateversion', verbose_name='wording'),
        ),
        migrations.AlterField(
            model_name='notice',
            name='client',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='profiles.client', verbose_name='client'),
        ),
        migrations.AlterField(
            model_name='notice',
            name='contact_point',
            field=models.ForeignKey(blank=True, db_index=False, help_text='Empty: the channel is chosen when planning.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.contactpoint', verbose_name='only to'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ONE_INDEX_FOR_KEYS, TWO_INDEXES_FOR_KEYS)],
            state_operations=[
                migrations.AlterField(
                    model_name='notice',
                    name='dedupe_key',
                    field=models.CharField(max_length=120, verbose_name='key'),
                ),
                migrations.AddConstraint(
                    model_name='notice',
                    constraint=models.UniqueConstraint(fields=('dedupe_key',), name='notice_once', violation_error_message='There already is a notice with this key.'),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('contact_point__isnull', False)), fields=['contact_point'], name='notice_only_to'),
        ),
        migrations.AddConstraint(
            model_name='frequencypolicy',
            constraint=models.UniqueConstraint(fields=('tier', 'days'), name='frequency_policy_once', violation_error_message='There already is a limit for this tier and time.'),
        ),
        migrations.AddConstraint(
            model_name='frequencypolicy',
            constraint=models.CheckConstraint(condition=models.Q(('days__gte', 2), ('offers__gte', 1), ('offers__lt', models.F('days'))), name='frequency_policy_limits', violation_error_message='Allow fewer offers than days: one a day is the limit anyway.'),
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gt', 0), ('percent__lte', 50)), name='hold_out_percent', violation_error_message='Hold out more than nobody and at most half.'),
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at', None), ('ends_at__gt', models.F('begins_at')), _connector='OR'), name='hold_out_ends_after_it_begins', violation_error_message='A hold-out group ends after it begins.'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='client',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.client', verbose_name='client'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='notice',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='reservation', to='messaging.notice', verbose_name='notice'),
        ),
        migrations.AddField(
            model_name='stop',
            name='set_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='stopped by'),
        ),
        migrations.AddField(
            model_name='verdict',
            name='message',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text='Empty: asked when planning.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='messaging.message', verbose_name='message'),
        ),
        migrations.AddField(
            model_name='verdict',
            name='notice',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='messaging.notice', verbose_name='notice'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.UniqueConstraint(fields=('client', 'day'), name='reservation_once_a_day', violation_error_message='The client gets another offer that day.'),
        ),
        migrations.AddConstraint(
            model_name='stop',
            constraint=models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('scope', 'value'), name='stop_once', violation_error_message='This is stopped already.'),
        ),
        migrations.AddConstraint(
            model_name='stop',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('scope', 'global'), ('value', '')), models.Q(models.Q(('scope', 'global'), _negated=True), models.Q(('value', ''), _negated=True)), _connector='OR'), name='stop_says_what', violation_error_message='Say which channel or issuer is stopped.'),
        ),
        migrations.RunSQL(KEEP, UNDO),
    ]
