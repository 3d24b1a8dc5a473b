"""Duplicates, contradictions, merges and suppressed addresses; and what a merge may move."""

import apps.core.clock
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# Rows that are only ever added may still go from one client to another, where a merge of the two
# stands, and back while it is taken back. Nothing else of them may change.
FUNCTION = """
CREATE FUNCTION refuse_change_but_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'client_id' = to_jsonb(OLD) - 'client_id' AND EXISTS (
            SELECT FROM profiles_merge
            WHERE state = 'merged' AND dropped_id = OLD.client_id AND kept_id = NEW.client_id
                OR state = 'undoing' AND kept_id = OLD.client_id AND dropped_id = NEW.client_id
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
DROP TRIGGER append_only ON profiles_consentrecord;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON profiles_consentrecord
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_merge();
"""
UNDO = """
DROP TRIGGER append_only ON profiles_consentrecord;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON profiles_consentrecord
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_change_but_merge();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0005_addresses_live_once'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Conflict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('core_id', 'core system id'), ('contract', 'contract number'), ('cookie', 'cookie')], max_length=16, verbose_name='kind')),
                ('value', models.CharField(max_length=200, verbose_name='identifier')),
                ('source', models.CharField(help_text='Like file:clients.csv', max_length=200, verbose_name='source')),
                ('line', models.PositiveIntegerField(blank=True, null=True, verbose_name='line')),
                ('claimed', models.JSONField(default=dict, help_text='The row as it came, by column.', verbose_name='what the source says')),
                ('state', models.CharField(choices=[('open', 'nobody has looked yet'), ('proposed', 'waits for a second person'), ('kept', 'left as it was'), ('moved', 'given to the other'), ('merged', 'merged')], default='open', max_length=10, verbose_name='state')),
                ('found_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='found')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
            ],
            options={
                'verbose_name': 'contradiction',
                'verbose_name_plural': 'contradictions',
            },
        ),
        migrations.CreateModel(
            name='Duplicate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shares', models.JSONField(default=list, help_text='What both have: sms, email, name.', verbose_name='share')),
                ('state', models.CharField(choices=[('open', 'nobody has looked yet'), ('different', 'different people'), ('merged', 'merged')], default='open', max_length=10, verbose_name='state')),
                ('found_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='found')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
            ],
            options={
                'verbose_name': 'likely duplicate',
                'verbose_name_plural': 'likely duplicates',
            },
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('merged', 'merged'), ('rejected', 'rejected'), ('undoing', 'being taken back'), ('undone', 'taken back')], default='proposed', max_length=10, verbose_name='state')),
                ('reason', models.CharField(help_text='How you know that they are one person.', max_length=300, verbose_name='reason')),
                ('proposed_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='proposed')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('undone_at', models.DateTimeField(blank=True, null=True, verbose_name='taken back at')),
                ('moved', models.JSONField(default=list, editable=False)),
                ('parked', models.JSONField(default=list, editable=False)),
                ('filled', models.JSONField(default=dict, editable=False)),
                ('counts', models.JSONField(default=dict, editable=False)),
            ],
            options={
                'verbose_name': 'merge',
                'verbose_name_plural': 'merges',
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('sms', 'SMS'), ('email', 'e-mail'), ('push', 'push'), ('messenger', 'messenger')], max_length=16, verbose_name='channel')),
                ('address_hash', models.BinaryField(max_length=32)),
                ('hint', models.CharField(help_text='Enough to recognise it.', max_length=60, verbose_name='address')),
                ('reason', models.CharField(choices=[('stop', 'the addressee said STOP'), ('bounced', 'messages come back'), ('wrong_person', "it is somebody else's"), ('complaint', 'complained of us'), ('removed', 'removed by a person')], max_length=16, verbose_name='reason')),
                ('source', models.CharField(help_text='Who said it, and where.', max_length=100, verbose_name='source')),
                ('made_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='since')),
                ('lifted_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='lifted')),
            ],
            options={
                'verbose_name': 'suppressed address',
                'verbose_name_plural': 'suppressed addresses',
            },
        ),
        migrations.AddField(
            model_name='client',
            name='merged_into',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Empty, unless this turned out to be a client we knew already.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged_from', to='profiles.client', verbose_name='merged into'),
        ),
        migrations.AddField(
            model_name='conflict',
            name='claimant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.client', verbose_name='claimed for'),
        ),
        migrations.AddField(
            model_name='conflict',
            name='decided_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='conflict',
            name='holder',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.client', verbose_name='held by'),
        ),
        migrations.AddField(
            model_name='conflict',
            name='proposed_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by'),
        ),
        migrations.AddField(
            model_name='duplicate',
            name='decided_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='duplicate',
            name='first',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.client', verbose_name='client'),
        ),
        migrations.AddField(
            model_name='duplicate',
            name='second',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.client', verbose_name='and client'),
        ),
        migrations.AddField(
            model_name='merge',
            name='decided_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by'),
        ),
        migrations.AddField(
            model_name='merge',
            name='dropped',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.client', verbose_name='goes into it'),
        ),
        migrations.AddField(
            model_name='merge',
            name='kept',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.client', verbose_name='stays'),
        ),
        migrations.AddField(
            model_name='merge',
            name='proposed_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by'),
        ),
        migrations.AddField(
            model_name='merge',
            name='undone_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='taken back by'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='client',
            field=models.ForeignKey(blank=True, help_text='Empty: for everybody who has this address.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='suppressions', to='profiles.client', verbose_name='only for'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='lifted by'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='made_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='written down by'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('state__in', ['open', 'proposed'])), fields=['found_at'], name='conflict_open'),
        ),
        migrations.AddConstraint(
            model_name='conflict',
            constraint=models.UniqueConstraint(fields=('claimant', 'holder', 'kind', 'value'), name='conflict_asked_once'),
        ),
        migrations.AddConstraint(
            model_name='conflict',
            constraint=models.CheckConstraint(condition=models.Q(('claimant', models.F('holder')), _negated=True), name='conflict_is_about_two'),
        ),
        migrations.AddIndex(
            model_name='duplicate',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['found_at'], name='duplicate_open'),
        ),
        migrations.AddConstraint(
            model_name='duplicate',
            constraint=models.UniqueConstraint(fields=('first', 'second'), name='duplicate_asked_once'),
        ),
        migrations.AddConstraint(
            model_name='duplicate',
            constraint=models.CheckConstraint(condition=models.Q(('first__lt', models.F('second'))), name='duplicate_in_order'),
        ),
        migrations.AddIndex(
            model_name='merge',
            index=models.Index(condition=models.Q(('state', 'merged')), fields=['kept'], name='merge_standing'),
        ),
        migrations.AddIndex(
            model_name='merge',
            index=models.Index(condition=models.Q(('state', 'proposed')), fields=['proposed_at'], name='merge_proposed'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['proposed', 'merged'])), fields=('dropped',), name='merge_once', violation_error_message='This client is being merged already.'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.CheckConstraint(condition=models.Q(('kept', models.F('dropped')), _negated=True), name='merge_is_of_two', violation_error_message='A client cannot be merged with himself.'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='merge_has_reason', violation_error_message='Say how you know that they are one person.'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('address_hash', 'client'), name='suppression_once', nulls_distinct=False, violation_error_message='This address is suppressed already.'),
        ),
        migrations.RunSQL(FUNCTION, UNDO),
    ]
