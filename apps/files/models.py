"""What came in as a file, how it was read, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.imports.kinds import KINDS, Kind


def _person(name: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False,
        related_name="+", verbose_name=name,
    )  # fmt: skip


def _moment(name: Any) -> Any:
    return models.DateTimeField(name, null=True, blank=True, editable=False)


def kept_at(digest: str) -> Path:
    """Return where a file lies in private, by the SHA-256 of its content."""
    return Path(settings.FILES_DIR) / digest[:2] / digest


class Mapping(models.Model):
    """How the files of one source are read: which column means what, and how its cells are written."""

    name = models.CharField(
        _("name"), max_length=60, unique=True, help_text=_("The source, like “Core system, daily”.")
    )
    kind = models.CharField(_("kind"), max_length=40)
    layout = models.JSONField(_("layout"), default=dict, blank=True)
    is_complete = models.BooleanField(
        _("complete"),
        default=False,
        help_text=_(
            "A file names everything there is: what it leaves out is shown as disappeared."
        ),
    )
    # Sorted names of the columns for which it was saved; it is offered for the next file with these.
    header = models.JSONField(_("columns of the file"), default=list, blank=True, editable=False)
    used_at = _moment(_("last used"))

    class Meta:
        verbose_name = _("mapping")
        verbose_name_plural = _("mappings")

    def __str__(self) -> str:
        return self.name


class Folder(models.Model):
    """A folder on the server that is looked into for files, as an SFTP drop is."""

    path = models.CharField(
        _("folder"),
        max_length=200,
        unique=True,
        help_text=_("Below the folder of the settings, like core/clients."),
    )
    kind = models.CharField(_("kind"), max_length=40)
    mapping = models.ForeignKey(
        Mapping, models.PROTECT, null=True, blank=True, verbose_name=_("mapping")
    )
    expected_by = models.TimeField(
        _("expected by"),
        null=True,
        blank=True,
        help_text=_("The issuer's hour by which the day's file must be here, else it is an alarm."),
    )
    on_weekends = models.BooleanField(_("on weekends too"), default=False)
    lands_alone = models.BooleanField(
        _("lands by itself"),
        default=False,
        help_text=_("A file of which nothing is rejected or held needs nobody to confirm it."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    made_at = models.DateTimeField(_("since"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("watched folder")
        verbose_name_plural = _("watched folders")

    def __str__(self) -> str:
        return self.path

    def clean(self) -> None:
        parts = Path(self.path).parts
        if not parts or Path(self.path).is_absolute() or ".." in parts:
            raise ValidationError({"path": _("Name a folder below that of the settings.")})
        if self.mapping and self.mapping.kind != self.kind:
            raise ValidationError({"mapping": _("This mapping is for files of another kind.")})


class Batch(models.Model):
    """One file on its way in: what it would change, who let it land, and whether it was taken back."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        CHECKING = "checking", _("being checked")
        REFUSED = "refused", _("refused")
        CHECKED = "checked", _("checked")
        UNCHANGED = "unchanged", _("unchanged")
        WAITING = "waiting", _("waits for a second person")
        LANDING = "landing", _("landing")
        LANDED = "landed", _("landed")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")
        DROPPED = "dropped", _("thrown away")

    class Origin(models.TextChoices):
        UPLOAD = "upload", _("upload")
        FOLDER = "folder", _("watched folder")
        API = "api", _("API")
        COMMAND = "command", _("command line")

    WORKING = (State.CHECKING, State.LANDING, State.UNDOING)
    OPEN = (State.RECEIVED, State.CHECKING, State.CHECKED, State.WAITING, State.LANDING)

    kind = models.CharField(_("kind"), max_length=40)
    filename = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.BigIntegerField(_("bytes"))
    origin = models.CharField(_("came by"), max_length=10, choices=Origin.choices)
    folder = models.ForeignKey(
        Folder, models.SET_NULL, null=True, blank=True, verbose_name=_("folder")
    )
    mapping = models.ForeignKey(
        Mapping, models.SET_NULL, null=True, blank=True, verbose_name=_("mapping")
    )
    # As the mapping was then: what was previewed is what lands.
    layout = models.JSONField(default=dict, blank=True, editable=False)
    is_complete = models.BooleanField(_("complete"), default=False)
    controls = models.JSONField(_("control totals"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RECEIVED
    )
    note = models.TextField(_("note"), blank=True)
    faults = models.JSONField(_("faults of the file"), default=list, blank=True)
    # [[code, sentence, line, column], …] of the file as a whole

    records = models.PositiveIntegerField(_("records"), default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    passed = models.PositiveIntegerField(_("passed over"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    held = models.PositiveIntegerField(_("held"), default=0)
    gone = models.PositiveIntegerField(_("disappeared"), default=0)
    diff = models.JSONField(default=dict, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    held_digest = models.CharField(max_length=64, blank=True, editable=False)
    lands_alone = models.BooleanField(default=False, editable=False)
    # Of a small file, which needs no staging: line and first letter of the fate, for each record.
    fates = models.TextField(blank=True, editable=False)

    received_at = models.DateTimeField(_("received"))
    received_by = _person(_("received by"))
    checked_at = _moment(_("checked"))
    confirmed_at = _moment(_("confirmed"))
    confirmed_by = _person(_("confirmed by"))
    released_at = _moment(_("released"))
    released_by = _person(_("released by"))
    landed_at = _moment(_("landed"))
    undone_at = _moment(_("undone"))
    undone_by = _person(_("undone by"))
    reported_at = _moment(_("reported"))
    purged_at = _moment(_("purged"))
    # How often its work was begun and not ended since somebody decided something about it.
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        permissions = [("release_batch", "Can release held records of another person's file")]
        indexes = [
            models.Index("kind", "sha256", name="batch_by_content"),
            models.Index("kind", F("received_at").desc(), name="batch_by_kind"),
            # What the tick asks: what is nobody working on?
            models.Index(
                "state",
                name="batch_at_work",
                condition=Q(state__in=["received", "checking", "landing", "undoing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.pk})"

    @property
    def of(self) -> Kind:
        return KINDS[self.kind]

    @property
    def reference(self) -> str:
        """Name the file in rows that outlive it: its own name may say whom it is about."""
        return f"{self.kind}-{self.pk}" if self.of.is_of_people else self.filename

    @property
    def path(self) -> Path:
        return kept_at(self.sha256)

    @property
    def ok(self) -> int:
        return self.new + self.changed

    @property
    def skipped(self) -> int:
        return self.unchanged + self.passed


# What a batch is called once an erasure has taken its name, for that may say whom it is about: by
# its reference.
NAMELESS = Concat("kind", Value("-"), Cast("pk", models.CharField()))


class Record(models.Model):
    """A record of a file that did not simply land: rejected, held, or passed over with a reason."""

    class Fate(models.TextChoices):
        REJECTED = "rejected", _("rejected")
        HELD = "held", _("held")
        SKIPPED = "skipped", _("skipped")

    batch = models.ForeignKey(
        Batch, models.CASCADE, related_name="+", verbose_name=_("file"), db_index=False
    )
    number = models.PositiveIntegerField(_("record"))
    line = models.PositiveIntegerField(_("line"))
    fate = models.CharField(_("fate"), max_length=8, choices=Fate.choices)
    code = models.CharField(_("code"), max_length=40)  # of the first fault
    faults = models.JSONField(_("faults"), default=list)  # [[code, column, sentence, value], …]

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="record_has_one_fate")
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.code}"
