"""Where messages may go: public addresses by https alone, unless the settings say otherwise."""

import socket
import threading
from ipaddress import ip_address

import httpx2
import pytest

from apps.webhooks import channels
from apps.webhooks.channels import UnreachableError, connect, is_public, resolve

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::", "::7f00:1",
    "::5db8:d822",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_others_are_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/",
        "https://0x7f.1/", "https://169.254.169.254/latest", "http://93.184.216.34/",
        "https://no-such-host.invalid/",
    ],
)  # fmt: skip
def test_what_leads_home_is_not_called(url):
    with pytest.raises(UnreachableError):
        resolve(httpx2.URL(url))


def test_the_settings_may_allow_a_network(at_home):
    assert str(resolve(httpx2.URL("http://127.0.0.1/"))) == "127.0.0.1"
    with pytest.raises(UnreachableError):
        resolve(httpx2.URL("https://10.0.0.1/"))


def test_nothing_is_asked_of_a_private_address(httpserver):
    httpserver.expect_request("/").respond_with_data("secret")
    with connect(httpserver.url_for("/")) as caller:
        answer = caller.post(b"{}", {})
    assert (answer.status, httpserver.log) == (None, [])
    assert "secret" not in answer.text


def test_a_redirect_is_an_answer_and_is_not_followed(at_home, httpserver):
    httpserver.expect_request("/").respond_with_data(
        "", 302, {"Location": httpserver.url_for("/inside")}
    )
    with connect(httpserver.url_for("/")) as caller:
        assert caller.post(b"{}", {}).status == 302
    assert len(httpserver.log) == 1


def test_of_a_long_answer_only_the_begin_is_read(at_home, httpserver):
    httpserver.expect_request("/").respond_with_data(b"a" * 50_000_000)
    with connect(httpserver.url_for("/")) as caller:
        answer = caller.post(b"{}", {})
    assert (answer.status, answer.text) == (200, "a" * 500)


def test_nobody_there_is_no_answer(at_home):
    with socket.socket() as held:  # so that nobody begins to listen there
        held.bind(("127.0.0.1", 0))
        with connect(f"http://127.0.0.1:{held.getsockname()[1]}/") as caller:
            answer = caller.post(b"{}", {})
    assert (answer.status, answer.is_down, answer.text) == (None, True, "No answer: ConnectError.")


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 20",
        b"",
    ],
)
def test_an_answer_that_trickles_is_cut_off(at_home, monkeypatch, begin):
    monkeypatch.setattr(channels, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle():
            visitor, _address = server.accept()
            with visitor:
                try:
                    visitor.recv(65536)
                    visitor.sendall(begin)
                    while not done.wait(0.05):
                        visitor.sendall(b"0")
                except OSError:
                    pass

        done = threading.Event()
        thread = threading.Thread(target=trickle)
        thread.start()
        with connect(f"http://127.0.0.1:{server.getsockname()[1]}/") as caller:
            answer = caller.post(b"{}", {})
        done.set()
        thread.join()
    assert answer.status is None
