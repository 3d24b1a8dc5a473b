"""The classes of personal data that Tidings keeps: what for, on what ground, how long, and then."""

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Erasure(Enum):
    """What erasing a person does to a field."""

    DELETE = _("deleted with its row")
    CLEAR = _("cleared")
    PSEUDONYM = _("replaced by a number of ours")
    SEAL = _("kept as sealed evidence")
    KEEP = _("kept: it tells nothing of a person by itself")


@dataclass(frozen=True)
class Rule:
    """A class of data in a data-protection officer's words.

    `is_masked`: read as dots by staff without the right to see people. `waits`: as long as a law
    wants contracts kept, so is this; erasure comes back for it afterwards.
    """

    category: Text
    purpose: Text
    basis: Text
    retention: Text
    erasure: Erasure
    is_masked: bool = False
    waits: bool = False


CONTRACT_BASIS = _("Performance of the contract (GDPR Art. 6 (1) b)")
DUTY = _("Legal obligation: commercial and tax law (GDPR Art. 6 (1) c)")
INTEREST = _("Legitimate interest (GDPR Art. 6 (1) f)")
PROOF = _("Legal obligation to prove consent (GDPR Art. 7 (1), 5 (2))")
WHILE_CLIENT = _("While he is a client")
CONTRACT_YEARS = _("To the end of the retention period after the last contract")

NAME = Rule(
    _("Name"), _("Address the client, tell him from others"), CONTRACT_BASIS, CONTRACT_YEARS,
    Erasure.CLEAR, is_masked=True, waits=True,
)  # fmt: skip
BIRTH = Rule(
    _("Date of birth"), _("Tell clients of one name apart"), CONTRACT_BASIS, CONTRACT_YEARS,
    Erasure.CLEAR, is_masked=True, waits=True,
)  # fmt: skip
REFERENCE = Rule(
    _("Identifier of another system"), _("Bring files and calls to the right client"),
    CONTRACT_BASIS, CONTRACT_YEARS, Erasure.DELETE, is_masked=True, waits=True,
)  # fmt: skip
CONTACT = Rule(
    _("Contact data"), _("Tell the client news of his contracts"), CONTRACT_BASIS, WHILE_CLIENT,
    Erasure.PSEUDONYM, is_masked=True,
)  # fmt: skip
CONTACT_STATE = Rule(
    _("State of an address"), _("Write to no address that is dead"), CONTRACT_BASIS, WHILE_CLIENT,
    Erasure.KEEP,
)  # fmt: skip
OWN_RULE = Rule(
    _("Preferences"), _("Tell of moves of the market as he wants it"), CONTRACT_BASIS, WHILE_CLIENT,
    Erasure.DELETE,
)  # fmt: skip
PREFERENCE = Rule(
    _("Preferences"), _("Tell him at the hour, by the channel and in the language that he wants"),
    CONTRACT_BASIS, WHILE_CLIENT, Erasure.CLEAR,
)  # fmt: skip
ADDED = Rule(
    _("What the issuer adds"), _("Serve the client better"), INTEREST, WHILE_CLIENT,
    Erasure.CLEAR, is_masked=True,
)  # fmt: skip
CONSENT = Rule(
    _("Consent"), _("Send only what the client agreed to, and prove it"), PROOF,
    _("Three years after it was withdrawn or the person erased"), Erasure.SEAL,
)  # fmt: skip
CONTRACT = Rule(
    _("Contract"), _("Compute and tell what a contract brings"), CONTRACT_BASIS, CONTRACT_YEARS,
    Erasure.SEAL,
)  # fmt: skip
CONTRACT_NUMBER = Rule(
    _("Number of a contract"), _("Name a contract to the client and to other systems"),
    CONTRACT_BASIS, CONTRACT_YEARS, Erasure.PSEUDONYM, waits=True,
)  # fmt: skip
CONTRACT_NOTE = Rule(
    _("Remark on a contract"), _("Understand later what was done"), CONTRACT_BASIS, CONTRACT_YEARS,
    Erasure.CLEAR, waits=True,
)  # fmt: skip
MONEY = Rule(
    _("Amounts"), _("Compute, pay and account"), DUTY, CONTRACT_YEARS, Erasure.SEAL,
)  # fmt: skip
BEHAVIOUR = Rule(
    _("Behaviour"), _("Show the client and staff what happened, start the right message"), INTEREST,
    WHILE_CLIENT, Erasure.DELETE,
)  # fmt: skip
BEHAVIOUR_VALUES = Rule(
    _("Behaviour"), _("Show the client and staff what happened, start the right message"), INTEREST,
    WHILE_CLIENT, Erasure.DELETE, is_masked=True,
)  # fmt: skip
WORDS = Rule(
    _("Text of messages"), _("Answer what the client was told"), CONTRACT_BASIS, WHILE_CLIENT,
    Erasure.CLEAR, is_masked=True,
)  # fmt: skip
TOLD = Rule(
    _("That a message was sent"), _("Prove that the client was told"), PROOF,
    CONTRACT_YEARS, Erasure.SEAL,
)  # fmt: skip
DEVICE = Rule(
    _("Device"), _("Push news to the browser or app that he chose"), CONTRACT_BASIS, WHILE_CLIENT,
    Erasure.DELETE, is_masked=True,
)  # fmt: skip
LINK = Rule(
    _("Personal link"), _("Open the client's own page without a login"), CONTRACT_BASIS,
    WHILE_CLIENT, Erasure.CLEAR,
)  # fmt: skip
STOPPED = Rule(
    _("Stopped address"), _("Never write to an address again"),
    _("Legal obligation: respect an objection (GDPR Art. 21 (3))"),
    _("As long as messages are sent at all; as a hash that cannot be read back"), Erasure.SEAL,
)  # fmt: skip
STOPPED_HINT = Rule(
    _("Stopped address"), _("Recognise a stopped address"), INTEREST, WHILE_CLIENT, Erasure.CLEAR,
    is_masked=True,
)  # fmt: skip
BROWSER = Rule(
    _("Browser"), _("Know a client again who comes back to his page"), INTEREST, WHILE_CLIENT,
    Erasure.CLEAR,
)  # fmt: skip
IDENTITY_WORK = Rule(
    _("Work on identities"), _("Keep two records of a person, or two persons, apart"), INTEREST,
    _("As long as the clients that it names"), Erasure.DELETE,
)  # fmt: skip
IDENTITY_VALUES = Rule(
    _("Work on identities"), _("Keep two records of a person, or two persons, apart"), INTEREST,
    _("As long as the clients that it names"), Erasure.DELETE, is_masked=True,
)  # fmt: skip
TRAIL = Rule(
    _("Audit trail"), _("Show who changed what and why"),
    _("Accountability and security (GDPR Art. 5 (2), 32)"), CONTRACT_YEARS, Erasure.CLEAR,
    is_masked=True,
)  # fmt: skip
TRAIL_FACT = Rule(
    _("Audit trail"), _("Show who changed what and why"),
    _("Accountability and security (GDPR Art. 5 (2), 32)"), CONTRACT_YEARS, Erasure.SEAL,
)  # fmt: skip
FILE = Rule(
    _("Files received"), _("Repeat, explain and undo what a file brought"), INTEREST,
    _("Until the file is purged"), Erasure.CLEAR, is_masked=True,
)  # fmt: skip
REQUEST = Rule(
    _("Request of a person"), _("Answer requests for access and erasure, and prove it"),
    _("Legal obligation (GDPR Art. 12, 15, 17)"), _("Three years"), Erasure.SEAL,
)  # fmt: skip
REQUEST_WORDS = Rule(
    _("Request of a person"), _("Answer requests for access and erasure, and prove it"),
    _("Legal obligation (GDPR Art. 12, 15, 17)"), _("Until erasure"), Erasure.CLEAR,
    is_masked=True,
)  # fmt: skip
TECHNICAL = Rule(
    _("Technical"), _("Hold rows together"), CONTRACT_BASIS, _("As long as its row"), Erasure.KEEP,
)  # fmt: skip
REFERENCE_KIND = Rule(
    _("Identifier of another system"), _("Bring files and calls to the right client"),
    CONTRACT_BASIS, CONTRACT_YEARS, Erasure.DELETE, waits=True,
)  # fmt: skip
