"""The clock's schedules, kept by django-celery-beat, in the back office's own style."""

from django.contrib import admin
from django_celery_beat.admin import ClockedScheduleAdmin, CrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskPage(BasePeriodicTaskAdmin, ModelAdmin):
    # The package's own template carries an inline script, which our pages refuse.
    change_form_template = None


@admin.register(IntervalSchedule)
class IntervalPage(ModelAdmin):
    pass


@admin.register(CrontabSchedule)
class CrontabPage(CrontabScheduleAdmin, ModelAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedPage(ClockedScheduleAdmin, ModelAdmin):
    pass
