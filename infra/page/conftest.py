"""The stack, a gateway in front of it that can fail, a browser, and people who invite."""

import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parent.parent.parent
STACK, MAILBOX = "http://127.0.0.1:3200", "http://127.0.0.1:8225"
APP = "https://app.brand.example/welcome?from=invitation&x=1"
PASSWORD = "correct horse battery staple"
JSON = "application/json"
OURS = "wrong on our side. Nothing is lost: try again"
# what answers instead of a function, and what the page makes of it
FAULTS = {
    "too many at once": ((429, JSON, '{"message":"Too Many Requests"}'), "too often. Try again a little later"),
    "a function that broke": ((500, JSON, '{"message":"Internal Server Error"}'), OURS),
    "none that answers": ((503, JSON, '{"message":"Service Unavailable"}'), OURS),
    "null": ((504, JSON, '{"message":null}'), OURS),
    "another proxy's page": ((502, "text/html", "<html><h1>502 Bad Gateway</h1></html>"), OURS),
    "nothing": ((500, JSON, ""), OURS),
    "a hotel's page": ((200, "text/html", "<html><h1>Welcome to our network</h1></html>"), OURS),
    "an empty 200": ((200, JSON, "{}"), OURS),
    "a connection that breaks": ("reset", "can’t be reached. Check your connection"),
    "nobody": ("hang", "did not answer. Nothing is lost: try again"),
}


def ask(method, url, body=None, session=None):
    """An answer of the API, as status and JSON."""
    headers = {"content-type": "application/json"}
    if session:
        headers["authorization"] = f"Bearer {session}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def ask_well(method, path, body=None, session=None):
    status, answer = ask(method, STACK + path, body, session)
    assert status < 300, (method, path, status, answer)
    return answer


def invoke(order):
    return ask_well("POST", "/2015-03-31/functions/operate/invocations", order)


def pass_time(seconds):
    ask_well("POST", "/_local/clock", {"advance_seconds": seconds})


def mails(address):
    return ask("GET", f"{MAILBOX}/messages?to={address}")[1]


def token(address, after=0):
    """The token in the newest mail to an address, once there are more than so many."""
    for _ in range(100):
        if len(found := mails(address)) > after:
            return found[-1]["link"].split("#")[1]
        time.sleep(0.05)
    raise AssertionError(f"no mail to {address}")


@pytest.fixture(scope="session", autouse=True)
def stack():
    command = [ROOT / "target/debug/local", "--empty", "--port", "3200", "--table-port", "8200", "--mail-port", "8225"]
    process = subprocess.Popen([*command, "--app-url", APP], stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{STACK}/accept")
            break
        except OSError:
            time.sleep(0.05)
    yield
    process.kill()


class Team:
    """An organization of its own for each story."""

    number = 0

    def __init__(self, name="Acme Botanicals"):
        Team.number += 1
        self.domain = f"acme{Team.number}.example"
        self.name = name
        self.owner = f"olive@{self.domain}"
        names = {"name": name, "email": self.owner, "first_name": "Olive", "last_name": "Ortega"}
        # the operator's are bounded by no limit
        self.tenant = invoke({"operation": "create-tenant", **names, "seats": 99, "reason": "story"})["tenant"]
        self.session = None

    def confirmed(self):
        accepted = ask_well("POST", "/v1/invitations/accept", {"token": token(self.owner), "password": PASSWORD})
        self.session = accepted["session"]["token"]
        return self

    def ask(self, method, path, body=None):
        return ask_well(method, f"/v1/tenants/{self.tenant}/{path}", body, self.session)

    def invite(self, who="ana", **more):
        """Invites somebody; answers the token in their mail."""
        body = {"email": f"{who}@{self.domain}", "first_name": "Ana", "last_name": "Alvarez"} | more
        before = len(mails(body["email"]))
        self.ask("POST", "invitations", body)
        return token(body["email"], before)

    def suspend(self, suspended=True):
        invoke({"operation": "suspend-tenant", "tenant": self.tenant, "suspended": suspended, "reason": "story"})


@pytest.fixture
def team():
    return Team().confirmed()


class Gateway:
    """Stands in front of the stack, and fails where a story says so."""

    def __init__(self):
        self.faults, self.asked, self.released = {}, [], threading.Event()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def forward(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fault = gateway.faults.get(self.path)
                if fault == "hang":
                    gateway.released.wait(60)
                if fault in ("hang", "reset"):
                    self.close_connection = True
                    return
                if fault:
                    status, kind, text = fault
                    gateway.asked.append((self.path, status))
                    self.reply(status, {"content-type": kind}, text.encode())
                    return
                headers = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "connection")}
                request = urllib.request.Request(STACK + self.path, body or None, headers, method=self.command)
                try:
                    answer = urllib.request.urlopen(request)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    gateway.asked.append((self.path, answer.status))
                    self.reply(answer.status, dict(answer.headers), answer.read())

            do_GET = do_POST = do_HEAD = forward

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()


@pytest.fixture
def gateway():
    one = Gateway()
    yield one
    one.close()


def browser(**preferences):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-US"):
        options.add_argument(argument)
    if preferences:
        options.add_experimental_option("prefs", preferences)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


@pytest.fixture(scope="session")
def chromium():
    driver = browser()
    yield driver
    driver.quit()


class Page:
    """A page in a browser."""

    def __init__(self, driver, gateway):
        self.driver, self.gateway = driver, gateway

    def open(self, fragment, path="accept"):
        # another page first: a new fragment alone would not load this one
        self.driver.get("about:blank")
        self.driver.get(f"{self.gateway.origin}/{path}#{fragment}")
        return self

    def hurried(self):
        """With a twentieth of the patience, from the next page on."""
        script = "const wait = setTimeout; window.setTimeout = (f, ms, ...rest) => wait(f, ms / 20, ...rest);"
        return self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})["identifier"]

    def calm(self, identifier):
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": identifier})

    def one(self, identifier):
        return self.driver.find_element(By.ID, identifier)

    def text(self, identifier):
        return self.one(identifier).text

    def sees(self, identifier, words="", within=15):
        """Waits until an element is seen, and says this."""
        def there(_):
            found = self.one(identifier)
            return found.is_displayed() and re.search(words, found.text) is not None
        try:
            WebDriverWait(self.driver, within, poll_frequency=0.05).until(there)
        except Exception:
            raise AssertionError(f"#{identifier} doesn't say {words!r}: {self.driver.find_element(By.TAG_NAME, 'main').text!r}")
        return self

    def fill(self, **fields):
        for name, value in fields.items():
            self.one(name).clear()
            self.one(name).send_keys(value)
        return self

    def click(self, identifier):
        self.one(identifier).click()
        return self

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def losing_an_answer(self):
        """The gateway hands the next call on, and its answer never arrives."""
        self.script("""const send = window.fetch; let lost = false;
            window.fetch = async (...call) => {
                const answer = await send(...call);
                if (lost) return answer;
                lost = true; throw new TypeError('lost');
            };""")

    def focused(self):
        return self.script("return document.activeElement.id")

    def followed(self, heading):
        """Whoever reads or listens is at this heading."""
        assert self.focused() == heading
        assert self.one("status").get_attribute("role") == "status"
        assert self.script("return document.getElementById('status').textContent") == self.text(heading)
        assert self.driver.title == self.text(heading)


@pytest.fixture
def page(chromium, gateway):
    chromium.set_window_size(1000, 900)
    return Page(chromium, gateway)
