import pytest

from apps.landing.visitors import is_person

CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0"


@pytest.mark.parametrize(
    ("method", "agent", "purpose", "person"),
    [
        ("GET", CHROME, "", True),
        ("GET", SAFARI, "", True),
        ("GET", "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "", True),
        ("HEAD", CHROME, "", False),
        ("GET", CHROME, "prefetch", False),
        ("GET", CHROME, "prefetch;prerender", False),
        ("GET", "", "", False),
        ("GET", "Mozilla/5.0", "", False),
        (
            "GET",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "",
            False,
        ),
        ("GET", "Mozilla/5.0 (compatible; YandexBot/3.0)", "", False),
        ("GET", "Mozilla/5.0 (Windows NT 10.0) BingPreview/1.0b", "", False),
        ("GET", "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0", "", False),
        ("GET", "WhatsApp/2.24.1 A", "", False),
        ("GET", "TelegramBot (like TwitterBot)", "", False),
        ("GET", "facebookexternalhit/1.1", "", False),
        ("GET", "Mozilla/5.0 (Windows) Barracuda Sentinel (EE)", "", False),
        ("GET", "curl/8.5.0", "", False),
        ("GET", "python-requests/2.32", "", False),
        ("GET", "Go-http-client/2.0", "", False),
    ],
)
def test_only_a_browser_that_a_person_holds_is_a_person(method, agent, purpose, person):
    assert is_person(method, agent, purpose) is person
