"""Events from outside: where a request leaves them, and where those stay that nobody can tell."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_timelines_follow_merges'),
    ]

    operations = [
        migrations.CreateModel(
            name='Arrival',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('events', models.JSONField(help_text='As they were sent, numbers exactly so.', verbose_name='events')),
                ('count', models.PositiveSmallIntegerField(verbose_name='events')),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('sender', models.CharField(max_length=80, verbose_name='sender')),
                ('received_at', models.DateTimeField(verbose_name='received')),
            ],
            options={
                'verbose_name': 'arrival',
                'verbose_name_plural': 'arrivals',
            },
        ),
        migrations.CreateModel(
            name='Stray',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('no_client', 'the client is not known yet'), ('id_used', 'its id was used for another moment')], max_length=12, verbose_name='reason')),
                ('scheme', models.CharField(max_length=16, verbose_name='known by')),
                ('reference', models.CharField(max_length=200, verbose_name='client')),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('subject', models.CharField(blank=True, max_length=60, verbose_name='subject')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('properties', models.JSONField(default=dict, verbose_name='properties')),
                ('source_key', models.CharField(max_length=120, verbose_name='source key')),
                ('sender', models.CharField(max_length=80, verbose_name='sender')),
                ('received_at', models.DateTimeField(verbose_name='received')),
            ],
            options={
                'verbose_name': 'event kept aside',
                'verbose_name_plural': 'events kept aside',
                'indexes': [models.Index(fields=['reason', 'received_at'], name='stray_by_age')],
                'constraints': [models.UniqueConstraint(fields=('source_key', 'occurred_at'), name='stray_kept_once')],
            },
        ),
        # Thousands of bytes that live for a second: compressing them would be the dearest part.
        migrations.RunSQL(
            "ALTER TABLE events_arrival ALTER COLUMN events SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
    ]
