"""The clock's schedules, kept by django-celery-beat, in the back office's own style."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
)
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.core.admin.display import column

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The names of the registered tasks in the theme's own select."""


class TaskForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = TaskSelect()
        self.fields["task"].widget = UnfoldAdminTextInputWidget()


@admin.register(PeriodicTask)
class PeriodicTaskPage(BasePeriodicTaskAdmin, ModelAdmin):
    form = TaskForm
    list_display = ["name", "enabled", "schedule", "last_run_at"]
    # The package's own template carries an inline script, which our pages refuse.
    change_form_template = None

    @column(_("schedule"))
    def schedule(self, task: PeriodicTask) -> str:
        return str(task.scheduler)


@admin.register(IntervalSchedule)
class IntervalPage(ModelAdmin):
    pass


@admin.register(CrontabSchedule)
class CrontabPage(CrontabScheduleAdmin, ModelAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedPage(ClockedScheduleAdmin, ModelAdmin):
    pass
