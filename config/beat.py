"""Beat's scheduler: django-celery-beat's, but it can be ended at any moment."""

import signal

from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    def setup_schedule(self) -> None:
        """Load the schedule, from here on ended by an interrupt.

        Celery's own handler writes the schedule there and then. Where the signal comes amid
        another statement, that waits for the connection it interrupted, for ever. An interrupt
        ends the statement first, and beat writes its schedule on its way out anyway.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        super().setup_schedule()
