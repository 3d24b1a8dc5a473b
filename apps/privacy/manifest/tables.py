"""Every table that holds something of a person, field by field, and those that hold nothing.

A table of clients says by which paths its rows lead to them; the export of a person and his erasure
follow these paths, so that what is written here is what is done.
"""

from dataclasses import dataclass, field

from apps.privacy.manifest import rules as r
from apps.privacy.manifest.rules import Rule


@dataclass(frozen=True)
class Table:
    """The fields of one model by their rule; `paths` lead from a row to the id of its client."""

    label: str
    fields: dict[str, Rule] = field(hash=False)
    paths: tuple[str, ...] = ()


def table(label: str, *paths: str, **names_by_rule: str) -> Table:
    """Make a table from the names of its fields, written by the name of their rule."""
    fields = {
        name: getattr(r, rule) for rule, names in names_by_rule.items() for name in names.split()
    }
    return Table(label, fields, paths)


# In the order in which erasure goes through them: what refers to others before what it refers to.
TABLES = [
    table(
        "landing.EmailSubscription", "client",
        TECHNICAL="id client link contact_point was_known", LINK="token_hash", BROWSER="visitor",
        CONSENT="requested_at confirmed_at",
    ),
    table(
        "landing.Visit",
        "visitor__client",
        "link__client",
        TECHNICAL="id visitor link",
        BEHAVIOUR="deed occurred_at",
    ),
    table(
        "landing.Visitor",
        "client",
        TECHNICAL="id first_seen_at last_seen_at",
        BROWSER="cookie_hash client state joined_at",
    ),
    table(
        "messaging.Invitation", "client",
        TECHNICAL="id client provider made_at used_at proven_at proven_by", LINK="token_hash",
        DEVICE="account", WORDS="proof",
    ),
    table(
        "messaging.Device", "contact_point__client", TECHNICAL="id contact_point kind has_signed_out created_at",
        DEVICE="endpoint p256dh auth name",
    ),
    table(
        "messaging.Hit", "link__client", TECHNICAL="id link",
        BEHAVIOUR="occurred_at verdict gesture signs agent campaign",
    ),
    table(
        "messaging.Opening", "message__notice__client", TECHNICAL="id message",
        BEHAVIOUR="occurred_at agent",
    ),
    table(
        "messaging.Reply", "client",
        TECHNICAL="id client provider state settled_by times",
        WORDS="sender text note", LINK="provider_id",
        TOLD="channel occurred_at received_at again_at meaning outcome settled_at",
    ),
    table(
        "messaging.NumberCheck", "contact_point__client",
        TECHNICAL="id contact_point cost asked_at answered_at",
        CONTACT_STATE="state network ported_from owner_since",
    ),
    table(
        "messaging.Receipt", "message__notice__client",
        TECHNICAL="id message provider key applied_at", LINK="provider_id",
        TOLD="state reason occurred_at received_at",
    ),
    table(
        "messaging.Link", "client", TECHNICAL="id client message contact_point subject key",
        LINK="nonce token_hash", TOLD="created_at revoked_at",
    ),
    table(
        "messaging.CorrectedResult", "notice__client", TECHNICAL="id notice result",
    ),
    table("messaging.QueuedNotice", "notice__client", TECHNICAL="notice"),
    table("messaging.DraftedNotice", "notice__client", TECHNICAL="notice"),
    table(
        "messaging.Reservation", "client", TECHNICAL="id client notice", TOLD="day",
    ),
    table(
        "messaging.Verdict", "notice__client", TECHNICAL="id notice message inputs",
        TOLD="at outcome channel reason",
    ),
    table(
        "messaging.Sealed", "message__notice__client", TECHNICAL="id message",
        TOLD="handed_at address_hash words digest",
    ),
    table(
        "messaging.Reaction", "message__notice__client", TECHNICAL="id message provider",
        TOLD="deed language button words reacted_at",
    ),
    table(
        "messaging.Message", "notice__client",
        TECHNICAL=(
            "id notice number step is_beside contact_point carried_by language wording key attempts"
            " deferrals parts cost leased_until follow_at"
        ),
        WORDS="subject body", LINK="provider_id",
        TOLD=(
            "channel state reason queued_at send_after handed_at sent_at delivered_at seen_at"
            " ended_at"
        ),
    ),
    table(
        "messaging.Notice", "client",
        TECHNICAL=(
            "id client contact_point template variant subject result source sending dedupe_key"
            " deadline_at priority hold_out ask_after segment"
        ),
        WORDS="values", TOLD="state reason created_at",
    ),
    table(
        "advisers.CallTask", "client",
        TECHNICAL=(
            "id key client contact_point purpose source about priority standing language taken_by"
            " taken_at leased_until takes tries"
        ),
        WORDS="title script asked note",
        TOLD=(
            "state reason opened_at due_at expires_at call_after shown_at outcome outcome_at"
            " ended_at"
        ),
    ),
    table(
        "events.Inbox", "event__client", TECHNICAL="id listener event", BEHAVIOUR="kind occurred_at",
    ),
    table(
        "events.Event", "client", TECHNICAL="id client subject source_key",
        BEHAVIOUR="kind occurred_at", BEHAVIOUR_VALUES="properties",
    ),
    table(
        "products.HoldingMove", "account__client", TECHNICAL="id account underlying basis rung",
        MONEY="since falls rate day noticed_at",
    ),
    table(
        "products.MoveRule", "client", TECHNICAL="id client",
        OWN_RULE="tier holding_step share_band tells_rises",
    ),
    table(
        "products.Deadline", "client", TECHNICAL="id client policy account days_before told_at",
        CONTRACT_NUMBER="reference", MONEY="amount currency", CONTRACT="kind day year done_on",
    ),
    table(
        "products.Instalment", "account__client", TECHNICAL="id account number",
        MONEY="due_on amount paid paid_on",
    ),
    table(
        "products.CreditAccount", "client", TECHNICAL="id client source", CONTRACT_NUMBER="number",
        CONTRACT_NOTE="name", MONEY="currency limit used", CONTRACT="reported_on closed_on",
    ),
    table(
        "products.Transaction", "account__client", TECHNICAL="id account underlying",
        CONTRACT_NUMBER="reference", MONEY="kind day units amount",
    ),
    table(
        "products.Account", "client", TECHNICAL="id client portfolio", CONTRACT_NUMBER="number",
        CONTRACT_NOTE="name", CONTRACT="currency kind opened_on closed_on",
    ),
    table(
        "products.PolicyCoupon", "policy__client", TECHNICAL="id policy observation result",
        MONEY="outcome amount remembered redemption residual",
    ),
    table(
        "products.PolicyChange", "policy__client", TECHNICAL="id policy payment",
        MONEY="nominal_before nominal_after", CONTRACT="kind effective_on made_at reason",
    ),
    table(
        "products.Payment", "policy__client", TECHNICAL="id policy result plan",
        MONEY="kind corrects amount due_on state paid_on", CONTRACT_NOTE="reference because",
    ),
    table(
        "products.PaymentPlan", "policy__client", TECHNICAL="id policy",
        MONEY="kind amount frequency first_on last_on",
    ),
    table(
        "products.Correction", "policy__client",
        TECHNICAL="key restatement observation result policy",
        MONEY=(
            "outcome_before outcome amount_before amount remembered_before remembered "
            "capital_before capital difference"
        ),
    ),
    table(
        "products.Policy", "client", TECHNICAL="id client strategy is_untold",
        CONTRACT_NUMBER="number", MONEY="nominal premium",
        CONTRACT="issued_on waiting_until starts_on ends_on state closed_on entered_on",
    ),
    table(
        "profiles.Duplicate", "first", "second", TECHNICAL="id first second",
        IDENTITY_WORK="shares state found_at decided_at decided_by",
    ),
    table(
        "profiles.Conflict", "claimant", "holder", TECHNICAL="id claimant holder",
        IDENTITY_VALUES="value claimed",
        IDENTITY_WORK="kind source line state found_at proposed_by decided_at decided_by",
    ),
    table(
        "profiles.Merge", "kept", "dropped", TECHNICAL="id kept dropped is_untold",
        IDENTITY_VALUES="parked filled",
        IDENTITY_WORK=(
            "state reason proposed_at proposed_by decided_at decided_by undone_at undone_by "
            "moved counts"
        ),
    ),
    table(
        "profiles.Suppression", "client", TECHNICAL="id client",
        STOPPED="channel address_hash reason source made_at made_by lifted_at lifted_by",
        STOPPED_HINT="hint",
    ),
    table("profiles.KnownRecord", "client_id", TECHNICAL="client_id changes", FILE="digest"),
    table(
        "profiles.ConsentRecord", "client", TECHNICAL="id client",
        CONSENT="purpose channel granted text_version source given_on recorded_at",
    ),
    table(
        "profiles.ContactPoint", "client", TECHNICAL="id client",
        CONTACT_STATE="channel state verified_at checked_at created_at", CONTACT="address",
    ),
    table(
        "profiles.Identifier", "client", TECHNICAL="id client", REFERENCE="value",
        REFERENCE_KIND="kind created_at",
    ),
    table(
        "profiles.Client", "id", "merged_into", TECHNICAL="id merged_into created_at",
        NAME="first_name last_name", BIRTH="birth_on", ADDED="attributes",
        PREFERENCE=(
            "tier language time_zone time_zone_source quiet_from quiet_until preferred_channel"
        ),
    ),
    table(
        "privacy.PersonExport", "client", TECHNICAL="id client",
        REQUEST="state asked_at asked_by made_at fetched_at", REQUEST_WORDS="reason content",
    ),
    table(
        "privacy.Erasure", "client", TECHNICAL="id client",
        REQUEST=(
            "state asked_at asked_by decided_at decided_by erased_at waits_until completed_at "
            "evidence previous digest"
        ),
        REQUEST_WORDS="reason",
    ),
    table("profiles.ErasedIdentity", TECHNICAL="id", STOPPED="kind digest erased_at"),
]  # fmt: skip

# As people read them: clients and what they hold first, our work on their requests last.
READING = [
    each for ours in (False, True) for each in reversed(TABLES)
    if each.label.startswith("privacy.") == ours
]  # fmt: skip

# No path of keys leads from these to a person; erasure finds them by what they say.
SCATTERED = [
    table(
        "core.Change", TECHNICAL="id table_name row_id rows batch sealed_at", TRAIL="before after",
        TRAIL_FACT="kind by by_name reason channel at",
    ),
    table("core.KeptAnswer", TECHNICAL="id key name digest answered_at", FILE="body"),
    table(
        "events.Arrival", TECHNICAL="id count first_at last_at sender received_at", FILE="events",
    ),
    table(
        "events.Stray",
        TECHNICAL="id reason scheme kind subject occurred_at source_key sender received_at",
        FILE="reference properties",
    ),
    table(
        "webhooks.Delivery",
        TECHNICAL=(
            "id endpoint message_id event_id kind state attempts queued_at send_after leased_until "
            "delivered_at"
        ),
        FILE="body",
    ),
    table(
        "files.Record", TECHNICAL="id batch number line fate code", FILE="faults",
    ),
    table(  # for some minutes
        "messaging.ReplyPart", TECHNICAL="id provider reference count number",
        WORDS="sender text", TOLD="received_at joined_at",
    ),
    table(
        "admin.LogEntry", TECHNICAL="id user content_type object_id action_flag change_message",
        TRAIL_FACT="action_time", TRAIL="object_repr",
    ),
]  # fmt: skip

# Of staff, products, prices and the product itself. Staff are told by their employer.
WITHOUT_CLIENTS = {
    "auth": ("Permission Group_permissions Group User_groups User_user_permissions User"),
    "contenttypes": "ContentType",
    "sessions": "Session",
    "django_celery_beat": (
        "SolarSchedule IntervalSchedule ClockedSchedule CrontabSchedule PeriodicTasks PeriodicTask"
    ),
    "core": "ApiKey SignIn",
    "events": "Listening",
    "products": (
        "Exchange TradingDay Underlying Quote CorporateAction Fund ModelPortfolio PortfolioWeight "
        "Strategy BasketMember Observation ObservationResult CalendarOverride ObservationMove "
        "Restatement_quotes Restatement RestatedStrategy Foresight Disruption Feed Milestone MoveDay "
        "UnderlyingMove"
    ),
    "files": "Mapping Folder Batch",
    "webhooks": "Endpoint Secret Attempt",
    "messaging": (
        "SpoolFile Template TemplateVersion CascadeStep Sending Provider Digest CorrectionVerdict "
        "FrequencyPolicy HoldOut Stop Snippet SnippetText Disclaimer DisclaimerText LeadIn SeedAddress SeedLetter "
        "Approval ApprovalLimit"
    ),
    "demo": "World Letter",  # its people are invented
}
