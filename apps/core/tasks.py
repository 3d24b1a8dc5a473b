"""What the clock starts in core."""

from celery import shared_task

from apps.core import actions, clock


@shared_task
def forget_answers() -> int:
    """Delete answers to requests that nobody sends again; return how many went."""
    return actions.forget_answers(at=clock.now())


@shared_task
def forget_sign_ins() -> int:
    """Delete old attempts to sign in; return how many went."""
    return actions.forget_sign_ins(at=clock.now())
