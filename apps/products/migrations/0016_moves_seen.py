"""Which prices a day of moves has looked at."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0015_milestones'),
    ]

    operations = [
        migrations.AddField(
            model_name='moveday',
            name='prices',
            field=models.JSONField(default=dict, help_text='By fund or share: the day of its last price looked at so far.'),
        ),
        migrations.AlterField(
            model_name='holdingmove',
            name='since',
            field=models.DateField(help_text='The end of this day begins the period: once in it is told.', verbose_name='period from'),
        ),
    ]
