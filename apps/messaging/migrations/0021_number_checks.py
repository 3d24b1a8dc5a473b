"""Phone numbers looked up with the networks."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0020_seen_by_gesture'),
        ('profiles', '0014_known_records'),
    ]

    operations = [
        migrations.CreateModel(
            name='NumberCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('asked', 'asked just now'), ('valid', 'in use'), ('off', 'switched off'), ('roaming', 'abroad'), ('invalid', 'no such number'), ('changed', 'somebody else has it now'), ('unknown', 'no answer')], default='asked', max_length=10, verbose_name='state')),
                ('network', models.CharField(blank=True, max_length=60, verbose_name='network')),
                ('ported_from', models.CharField(blank=True, help_text='The network that once gave the number out. Empty: the same.', max_length=60, verbose_name='ported from')),
                ('owner_since', models.DateField(blank=True, help_text='As the network says it.', null=True, verbose_name='owner since')),
                ('cost', models.PositiveIntegerField(default=0, help_text='In minor units of the currency of number checks.', verbose_name='cost')),
                ('asked_at', models.DateTimeField(verbose_name='asked at')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered at')),
                ('contact_point', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='profiles.contactpoint', verbose_name='number')),
            ],
            options={
                'verbose_name': 'number check',
                'verbose_name_plural': 'number checks',
                'indexes': [models.Index(fields=['asked_at'], name='number_check_by_day')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'asked')), fields=('contact_point',), name='number_check_one_under_way', violation_error_message='This number is being looked up already.')],
            },
        ),
    ]
