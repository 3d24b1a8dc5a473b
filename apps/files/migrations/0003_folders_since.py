from django.db import migrations, models

import apps.core.clock


class Migration(migrations.Migration):

    dependencies = [
        ('files', '0002_small_fates'),
    ]

    operations = [
        # No folder was watched before: the pages that add one come after this.
        migrations.RunSQL(
            "UPDATE files_folder SET made_at = now() WHERE made_at IS NULL", migrations.RunSQL.noop
        ),
        migrations.AlterField(
            model_name='folder',
            name='made_at',
            field=models.DateTimeField(default=apps.core.clock.now, editable=False, verbose_name='since'),
        ),
    ]
