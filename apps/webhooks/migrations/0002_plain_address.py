from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='endpoint',
            name='url',
            field=models.CharField(help_text='Like https://crm.example.com/tidings', max_length=500, verbose_name='address'),
        ),
    ]
