"""The session of a provider: its options, and who has it."""

from uuid import uuid4

import pytest

from apps.messaging.channels import Account, Letter, Verdict, connect, smpp
from apps.messaging.channels.options import OptionsError
from tests.peers.smsc import centre

GOOD = {"host": "127.0.0.1", "name": "tidings"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "tidings"}, "“host” cannot be"),
        ({**GOOD, "port": "2775"}, "“port” is written like 2775"),
        ({**GOOD, "port": 0}, "“port” cannot be 0"),
        ({**GOOD, "tls": 1}, "“tls” is written like false"),
        ({**GOOD, "alphabet": "cp1251"}, "“alphabet” cannot be"),
        ({**GOOD, "valid_for_hours": 10_000}, "“valid_for_hours” cannot be 10000"),
        ({**GOOD, "never": ["0x400"]}, "“never” cannot be"),
        ({**GOOD, "password": "x"}, "Nobody knows the option “password”"),
    ],
)
def test_options_that_cannot_be_used_say_why(options, reason):
    with pytest.raises(OptionsError, match=reason):
        smpp.read_options(options, smpp.OPTIONS, smpp.ALLOWED)


def test_a_sender_that_no_phone_can_show_is_refused_before_any_letter(settings):
    account = Account("smsc", sender="Иволга", options=GOOD)
    with pytest.raises(OptionsError, match="Latin letters"), smpp.bound(account, print):
        pass


def test_only_the_process_that_holds_the_session_takes_letters():
    letter = Letter(key=uuid4(), to="+79161234567", text="News")
    with centre() as smsc:
        account = Account("smsc", options={**GOOD, "port": smsc.port}, secret="secret", window=5)
        with connect("smpp", account) as carrier:
            assert list(carrier.send(iter([letter]))) == []
        with smpp.bound(account, print), connect("smpp", account) as carrier:
            ((key, answer),) = carrier.send([letter])
        assert (key, answer.verdict) == (letter.key, Verdict.SENT)
        smsc.until(lambda: not smsc.sessions)
    assert smsc.messages[0].validity == "000002000000000R"
    assert smsc.messages[0].source.text == "Tidings"
