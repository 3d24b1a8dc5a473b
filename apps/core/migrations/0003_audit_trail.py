"""The audit trail: one table over all others, written by statement triggers, never changed."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.models

# Added rows are told by their ids alone: what they held is in the row, or in the first change of it.
# Ids come from a sequence, mostly in one run; where writers took turns, range_agg finds the gaps.
# Changed and removed rows are told with their values; columns that the trigger names are left out.
RECORD = """
CREATE FUNCTION core_record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text := TG_ARGV[0];  -- the primary key; further arguments are columns to leave out
    skipped text[] := TG_ARGV[1:];
    said jsonb := coalesce(nullif(current_setting('tidings.audit', true), ''), '{}');
    head text := 'INSERT INTO core_change (table_name, by_id, by_name, reason, batch, channel, at, '
        'kind, row_id, rows, before, after) SELECT $1, ($2->>''by'')::int, '
        'left(coalesce($2->>''name'', ''''), 150), left(coalesce($2->>''reason'', ''''), 300), '
        '($2->>''batch'')::bigint, coalesce($2->>''channel'', ''''), '
        'coalesce(($2->>''at'')::timestamptz, now()), ';
    lowest bigint;
    highest bigint;
    many bigint;
    added int8multirange;
    olds text;
    news text;
    old_values text;
    new_values text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('SELECT min(%1$I), max(%1$I), count(*) FROM new_rows', key)
            INTO lowest, highest, many;
        IF many = 0 THEN
            RETURN NULL;
        ELSIF highest - lowest + 1 = many THEN
            added := int8multirange(int8range(lowest, highest, '[]'));
        ELSE
            EXECUTE format('SELECT range_agg(int8range(%1$I, %1$I, ''[]'')) FROM new_rows', key)
                INTO added;
        END IF;
        EXECUTE head || '''added'', NULL, $3, NULL, NULL' USING TG_TABLE_NAME, said, added;
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM old_rows) THEN
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE head || format(
            '''removed'', %I, NULL, to_jsonb(old_rows) - $3, NULL FROM old_rows', key
        ) USING TG_TABLE_NAME, said, skipped;
        RETURN NULL;
    END IF;
    SELECT
        string_agg(format('o.%I', attname), ', '),
        string_agg(format('n.%I', attname), ', '),
        string_agg(format('CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I '
            'THEN jsonb_build_object(%1$L, o.%1$I) ELSE ''{}'' END', attname), ' || '),
        string_agg(format('CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I '
            'THEN jsonb_build_object(%1$L, n.%1$I) ELSE ''{}'' END', attname), ' || ')
    INTO olds, news, old_values, new_values
    FROM pg_attribute
    WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname <> ALL (skipped);
    EXECUTE head || format(
        '''changed'', o.%1$I, NULL, %2$s, %3$s FROM old_rows AS o '
        'JOIN new_rows AS n ON n.%1$I = o.%1$I WHERE (%4$s) IS DISTINCT FROM (%5$s)',
        key, old_values, new_values, olds, news
    ) USING TG_TABLE_NAME, said;
    RETURN NULL;
END
$$;

CREATE INDEX change_added ON core_change USING gist (rows) WHERE rows IS NOT NULL;

-- The one sanctioned change: erasure, which says so in its transaction, takes values out.
CREATE FUNCTION core_keep_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('tidings.sealing', true) = 'on'
        AND NEW.sealed_at IS NOT NULL
        AND to_jsonb(NEW) - '{before,after,sealed_at}'::text[]
            = to_jsonb(OLD) - '{before,after,sealed_at}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'core_change is append-only: the audit trail is never changed or deleted'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_change
    FOR EACH ROW EXECUTE FUNCTION core_keep_trail();
"""
UNDO = """
DROP TRIGGER append_only ON core_change;
DROP FUNCTION core_keep_trail();
DROP INDEX change_added;
DROP FUNCTION core_record_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("core", "0002_kept_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table_name', models.CharField(max_length=63, verbose_name='table')),
                ('kind', models.CharField(choices=[('added', 'added'), ('changed', 'changed'), ('removed', 'removed')], max_length=7, verbose_name='kind')),
                ('row_id', models.BigIntegerField(help_text='Empty for added rows.', null=True, verbose_name='row')),
                ('rows', apps.core.models.MultirangeField(null=True, verbose_name='added rows')),
                ('before', models.JSONField(help_text='Of the changed columns.', null=True, verbose_name='before')),
                ('after', models.JSONField(null=True, verbose_name='after')),
                ('by_name', models.CharField(max_length=150, verbose_name='by')),
                ('reason', models.CharField(max_length=300, verbose_name='why')),
                ('batch', models.BigIntegerField(null=True, verbose_name='batch')),
                ('channel', models.CharField(choices=[('admin', 'back office'), ('file', 'file'), ('api', 'API'), ('client', "client's page"), ('tick', 'the clock'), ('command', 'command line')], max_length=10, verbose_name='channel')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('sealed_at', models.DateTimeField(help_text='When erasure took the values out.', null=True, verbose_name='sealed')),
                ('by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'audit trail',
                'indexes': [models.Index(condition=models.Q(('row_id__isnull', False)), fields=['table_name', 'row_id'], name='change_of_row'), models.Index(condition=models.Q(('batch__isnull', False)), fields=['batch'], name='change_of_batch'), django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='change_by_day')],
            },
        ),
        migrations.RunSQL(RECORD, UNDO),
    ]
