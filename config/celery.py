"""The Celery application and the beat table, which django-celery-beat copies to its own at start."""

import gc
import os
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from celery.signals import task_prerun, worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class AuditedTask(DjangoTask):  # type: ignore[type-arg] # no generic at run time
    """A task whose changes the audit trail knows as the clock's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from apps.core import audit, clock  # noqa: PLC0415 (both need the settings)

        name = self.name.rpartition(".")[2]
        with audit.context(name=name, channel="tick", at=clock.now()):
            return super().__call__(*args, **kwargs)


app = Celery("tidings", task_cls=AuditedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Only the demo's world brings its own prices.
DEMO_TICKS = (
    [("receive the demo's closes", "apps.demo.tasks.receive_quotes", 60)]
    if os.environ.get("TIDINGS_DEMO")
    else []
)
# Seconds between ticks. A tick that nobody took before the next one is not worth running: it asks
# "what is due?", and the next one asks the same.
app.conf.beat_schedule = {
    name: {"task": task, "schedule": seconds, "options": {"expire_seconds": seconds}}
    for name, task, seconds in [
        ("evaluate what is due", "apps.products.tasks.evaluate_due", 60),
        ("put right what was restated", "apps.products.tasks.restate_due", 60),
        ("work out what restatements change", "apps.products.tasks.foresee_due", 60),
        ("tell what dates have brought", "apps.products.tasks.record_milestones", 60),
        ("tell moves of the market", "apps.products.tasks.record_moves", 300),
        ("tell deadlines that come near", "apps.products.tasks.record_deadlines", 3600),
        ("turn events into notices", "apps.messaging.tasks.route_inbox", 10),
        ("turn news of contracts into notices", "apps.messaging.tasks.queue_contract_news", 10),
        ("turn news of belongings into notices", "apps.messaging.tasks.queue_belongings_news", 10),
        ("correct what was told", "apps.messaging.tasks.correct_news", 10),
        ("turn notices into messages", "apps.messaging.tasks.plan_messages", 10),
        ("deliver what is due", "apps.messaging.tasks.deliver_due", 10),
        ("try another channel", "apps.messaging.tasks.follow_up", 10),
        ("look at edits of what was approved", "apps.messaging.tasks.look_at_edits", 10),
        ("let sendings go on", "apps.messaging.tasks.let_sendings_go_on", 10),
        ("count what providers tell", "apps.messaging.tasks.settle_receipts", 10),
        ("count what providers told early", "apps.messaging.tasks.settle_late_receipts", 3600),
        ("take in who followed links", "apps.messaging.tasks.drain_hits", 1),
        ("forget files of hits that are gone", "apps.messaging.tasks.forget_hit_files", 3600),
        ("end links with their contracts", "apps.messaging.tasks.end_links", 6 * 3600),
        ("look phone numbers up", "apps.messaging.tasks.check_numbers", 3600),
        ("read replies that lack a part", "apps.messaging.tasks.take_torn", 30),
        ("finish what a STOP began", "apps.messaging.tasks.finish_stops", 30),
        ("put what has arrived on timelines", "apps.events.tasks.drain", 1),
        ("let events join who has come", "apps.events.tasks.join_strays", 10),
        ("let events join who came unseen", "apps.events.tasks.join_all_strays", 3600),
        ("forget events that wait in vain", "apps.events.tasks.forget_strays", 3600),
        ("forget visitors who stay away", "apps.landing.tasks.forget_visitors", 3600),
        ("follow merges of clients", "apps.profiles.tasks.follow_merges", 300),
        ("tell merges of clients", "apps.events.tasks.record_merges", 60),
        ("queue what webhooks listen to", "apps.webhooks.tasks.queue_deliveries", 5),
        ("deliver to webhooks", "apps.webhooks.tasks.deliver_due", 5),
        ("forget old webhook messages", "apps.webhooks.tasks.forget_deliveries", 3600),
        ("take files from watched folders", "apps.files.tasks.take_files", 30),
        ("go on with files of killed workers", "apps.files.tasks.resume", 60),
        ("let go of what files staged", "apps.files.tasks.purge", 3600),
        ("open the timeline's months", "apps.events.tasks.open_months", 3600),
        ("queue the monthly digest", "apps.messaging.tasks.queue_digests", 3600),
        ("forget old answers of the API", "apps.core.tasks.forget_answers", 3600),
        ("forget old attempts to sign in", "apps.core.tasks.forget_sign_ins", 3600),
        ("look for letters that came back", "apps.messaging.tasks.read_mailbox", 60),
        ("hear what came of calls", "apps.messaging.tasks.heed_calls", 10),
        ("let nobody call whom the gate refuses", "apps.messaging.tasks.withdraw_refused", 60),
        ("end calls that nobody made in time", "apps.advisers.tasks.expire", 60),
        ("end what nobody took in time", "apps.messaging.tasks.end_late", 60),
        ("end what hangs on a lost provider", "apps.messaging.tasks.give_up_stranded", 60),
        ("seal what was sent", "apps.messaging.tasks.seal_messages", 60),
        ("seal what was overlooked", "apps.messaging.tasks.seal_overlooked", 24 * 3600),
        ("end the staff's links", "apps.messaging.tasks.revoke_staff_links", 60),
        ("gather what persons asked for", "apps.privacy.tasks.gather_exports", 60),
        ("drop old exports of persons", "apps.privacy.tasks.drop_exports", 3600),
        ("erase what had to wait", "apps.privacy.tasks.complete_erasures", 3600),
        *DEMO_TICKS,
    ]
}


@task_prerun.connect
def drop_dead_connections(**_: object) -> None:
    # CELERY_DB_REUSE_MAX keeps connections over tasks; without this one dropped connection
    # fails every later task.
    from django.db import close_old_connections  # noqa: PLC0415 (needs the settings)

    close_old_connections()


@worker_init.connect
def leave_programs_alone(**_: object) -> None:
    # The programs stay as long as the worker does. Searched for garbage again and again, they took
    # a tenth of what sending a letter takes.
    gc.collect()
    gc.freeze()


@worker_init.connect
def refuse_without_secret(**_: object) -> None:
    # Celery logs what a receiver raises and goes on; a worker that went on would sign clients'
    # links with nothing.
    try:
        _secret = settings.SECRET_KEY
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
