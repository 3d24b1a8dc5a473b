"""Receipts, replies, and links that are the same in every message to an address."""

import apps.core.clock
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0011_gate'),
        ('profiles', '0013_files_undone'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=40, verbose_name='provider')),
                ('provider_id', models.CharField(blank=True, help_text='What the provider called the message when he took it.', max_length=120, verbose_name="provider's id")),
                ('key', models.UUIDField(blank=True, editable=False, help_text='Our own key, where the provider gives it back.', null=True, verbose_name='key')),
                ('state', models.CharField(choices=[('accepted', 'taken by the provider'), ('delivered', 'delivered'), ('seen', 'seen'), ('failed', 'not delivered')], max_length=10, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('occurred_at', models.DateTimeField(blank=True, null=True, verbose_name='occurred')),
                ('received_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='received')),
                ('applied_at', models.DateTimeField(blank=True, null=True, verbose_name='counted since')),
            ],
            options={
                'verbose_name': 'receipt',
                'verbose_name_plural': 'receipts',
            },
        ),
        migrations.CreateModel(
            name='Reply',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('sms', 'SMS'), ('email', 'e-mail'), ('push', 'push'), ('messenger', 'messenger')], max_length=16, verbose_name='channel')),
                ('sender', models.CharField(max_length=254, verbose_name='from')),
                ('text', models.TextField(verbose_name='text')),
                ('provider', models.CharField(max_length=40, verbose_name='provider')),
                ('provider_id', models.CharField(blank=True, max_length=120, verbose_name="provider's id")),
                ('occurred_at', models.DateTimeField(blank=True, null=True, verbose_name='written')),
                ('received_at', models.DateTimeField(default=apps.core.clock.now, verbose_name='received')),
                ('meaning', models.CharField(choices=[('stop', 'no more messages'), ('start', 'wants messages again'), ('call', 'asks for a call'), ('complaint', 'complains'), ('text', 'something else')], max_length=10, verbose_name='meaning')),
                ('state', models.CharField(choices=[('open', 'waits for a person'), ('settled', 'settled')], default='open', max_length=10, verbose_name='state')),
                ('outcome', models.CharField(blank=True, choices=[('stopped', 'the address is stopped'), ('answered', 'answered'), ('called', 'called back'), ('passed_on', 'passed on to the adviser'), ('nothing', 'nothing to do')], max_length=10, verbose_name='outcome')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
            ],
            options={
                'verbose_name': 'reply',
                'verbose_name_plural': 'replies',
            },
        ),
        migrations.AddField(
            model_name='link',
            name='contact_point',
            field=models.ForeignKey(blank=True, db_index=False, help_text="Once it is another client's, it leads nowhere.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.contactpoint', verbose_name='sent to'),
        ),
        migrations.AddField(
            model_name='link',
            name='key',
            field=models.CharField(blank=True, editable=False, max_length=120),
        ),
        migrations.AddConstraint(
            model_name='link',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('key', ''), _negated=True), ('revoked_at', None)), fields=('key',), name='link_once_a_purpose'),
        ),
        migrations.AddField(
            model_name='receipt',
            name='message',
            field=models.ForeignKey(blank=True, help_text='Empty: nobody knows this message yet.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='receipts', to='messaging.message', verbose_name='message'),
        ),
        migrations.AddField(
            model_name='reply',
            name='client',
            field=models.ForeignKey(blank=True, help_text='Empty where nobody, or more than one client, has this address.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replies', to='profiles.client', verbose_name='client'),
        ),
        migrations.AddField(
            model_name='reply',
            name='settled_by',
            field=models.ForeignKey(blank=True, help_text='Empty: by the product itself.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='settled by'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('applied_at', None)), fields=['received_at'], name='receipt_open'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.UniqueConstraint(fields=('provider_id', 'key', 'state', 'occurred_at', 'provider'), name='receipt_once', nulls_distinct=False, violation_error_message='This receipt is here already.'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('provider_id', ''), _negated=True), ('key__isnull', False), _connector='OR'), name='receipt_names_a_message', violation_error_message='A receipt names the message it speaks of.'),
        ),
        migrations.AddIndex(
            model_name='reply',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['received_at'], name='reply_open'),
        ),
        migrations.AddConstraint(
            model_name='reply',
            constraint=models.UniqueConstraint(condition=models.Q(('provider_id', ''), _negated=True), fields=('provider', 'provider_id'), name='reply_once', violation_error_message='This reply is here already.'),
        ),
        migrations.AddConstraint(
            model_name='reply',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', ''), ('settled_at', None), ('state', 'open')), models.Q(('settled_at__isnull', False), ('state', 'settled'), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='reply_settled_has_outcome', violation_error_message='Say what became of the reply.'),
        ),
    ]
