"""Hits with their signs and gestures, openings, and how far files of hits were read."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0019_invitations'),
    ]

    operations = [
        migrations.CreateModel(
            name='SpoolFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True)),
                ('read', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'file of hits',
                'verbose_name_plural': 'files of hits',
            },
        ),
        migrations.AddField(
            model_name='hit',
            name='campaign',
            field=models.JSONField(blank=True, db_default={}, default=dict, help_text='What the address said of it: utm_source, utm_medium, utm_campaign …', verbose_name='campaign'),
        ),
        migrations.AddField(
            model_name='hit',
            name='gesture',
            field=models.CharField(blank=True, choices=[('pointer', 'moved or pressed a pointer'), ('touch', 'touched the screen'), ('key', 'pressed a key'), ('scroll', 'scrolled'), ('press', 'pressed to see figures')], db_default='', default='', max_length=10, verbose_name='gesture'),
        ),
        migrations.AddField(
            model_name='hit',
            name='signs',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=10), blank=True, db_default=[], default=list, size=None, verbose_name='signs of a machine'),
        ),
        migrations.AlterField(
            model_name='hit',
            name='verdict',
            field=models.CharField(choices=[('human', 'a person'), ('machine', 'a machine')], help_text='A machine, until somebody makes a gesture on the page.', max_length=10, verbose_name='verdict'),
        ),
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('agent', models.CharField(blank=True, max_length=200, verbose_name='program')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='openings', to='messaging.message', verbose_name='message')),
            ],
            options={
                'verbose_name': 'opening',
                'verbose_name_plural': 'openings',
            },
        ),
    ]
