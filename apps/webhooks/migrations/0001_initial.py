import apps.core.clock
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.CharField(max_length=60, unique=True, verbose_name='message id')),
                ('event_id', models.BigIntegerField(null=True, verbose_name='event')),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('body', models.TextField(verbose_name='body')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('claimed', 'being sent'), ('delivered', 'delivered'), ('failed', 'given up')], default='queued', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('queued_at', models.DateTimeField(verbose_name='queued')),
                ('send_after', models.DateTimeField(verbose_name='next attempt')),
                ('leased_until', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True, verbose_name='delivered')),
            ],
            options={
                'verbose_name': 'webhook message',
                'verbose_name_plural': 'webhook messages',
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('took_ms', models.PositiveIntegerField(verbose_name='milliseconds')),
                ('status', models.PositiveSmallIntegerField(null=True, verbose_name='status')),
                ('answer', models.CharField(blank=True, max_length=500, verbose_name='answer')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='webhooks.delivery', verbose_name='webhook message')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
            },
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='name')),
                ('url', models.URLField(help_text='Like https://crm.example.com/tidings', max_length=500, verbose_name='address')),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), help_text='One a line, like coupon.accrued.', size=None, verbose_name='kinds of events')),
                ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused by a person'), ('gone', 'switched off: it answered that it is gone'), ('failing', 'switched off: it failed for days')], default='active', editable=False, max_length=8, verbose_name='state')),
                ('failing_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='failing since')),
                ('quiet_until', models.DateTimeField(editable=False, null=True, verbose_name='left alone until')),
                ('heard_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last success')),
                ('made_at', models.DateTimeField(default=apps.core.clock.now, editable=False, verbose_name='made')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
                'constraints': [models.CheckConstraint(condition=models.Q(('kinds', []), _negated=True), name='endpoint_listens_to_something', violation_error_message='Name at least one kind of event.')],
            },
        ),
        migrations.AddField(
            model_name='delivery',
            name='endpoint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.endpoint', verbose_name='webhook'),
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.BinaryField(max_length=16)),
                ('made_at', models.DateTimeField(default=apps.core.clock.now)),
                ('ends_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='webhooks.endpoint')),
            ],
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['endpoint', 'send_after'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'claimed')), fields=['leased_until'], name='delivery_claimed'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['queued_at'], name='delivery_by_age'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'event_id'), name='delivery_once'),
        ),
    ]
