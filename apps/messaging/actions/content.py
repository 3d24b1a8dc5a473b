"""Publishing what messages say."""

from django.db import transaction

from apps.messaging.models.content import TemplateVersion

State = TemplateVersion.State


@transaction.atomic
def publish_version(version_id: int) -> bool:
    """Publish a draft in place of the version published so far; False when it is no draft.

    Messages planned with the old wording keep it. Raises ValidationError where the wording could
    not be written.
    """
    draft = TemplateVersion.objects.select_related("template").select_for_update(of=("self",))
    version = draft.filter(pk=version_id, state=State.DRAFT).first()
    if version is None:
        return False
    version.clean()
    TemplateVersion.objects.filter(
        template=version.template_id,
        channel=version.channel,
        language=version.language,
        variant=version.variant,
        state=State.PUBLISHED,
    ).update(state=State.RETIRED)
    version.state = State.PUBLISHED
    version.save(update_fields=["state"])
    return True
