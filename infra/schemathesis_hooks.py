"""The team that infra/check-contract fuzzes.

What the fuzzer makes up names nothing, so most of it is exchanged for what is there: ids, links, addresses, passwords. What
an operation uses up is made anew, so that it finds something however often it is asked. A limit that was met is waited out
by moving the clock.
"""

import os
import random
import re
import time
import uuid
from collections import namedtuple

import requests
import schemathesis

API, MAILBOX = os.environ["API"], os.environ["MAILBOX"]
OWNER, PASSWORD = "olive@greenleaf.example", "a demo password for everyone"
COLLEAGUES = ["adam@greenleaf.example", "mira@greenleaf.example", "sam@greenleaf.example"]
ROLES = ["admin", "member", "sales_rep", "partner"]
HOUR, DAY = 3600, 86400

ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CURSOR = re.compile('"next_cursor":"([^"]+)"')

RANDOM = random.Random(os.environ["PROOF_SEED"])

# a team of two: its id, the sessions of its owner and its member, and that member's id
Two = namedtuple("Two", "tenant owner member user")


def mostly():
    return RANDOM.random() < 0.9


class Pool(list):
    """Some of a kind, those that are over, and how more of it are made."""

    def __init__(self, make):
        super().__init__()
        self.make, self.over = make, []

    def one(self):
        if len(self) < 4:
            self.extend(self.make())
        return RANDOM.choice(self if mostly() or not self.over else self.over)

    def end(self, names):
        self.over += [one for one in self if one in names]
        self[:] = [one for one in self if one not in names]

    def some(self):
        self.one()
        return RANDOM.sample(self, 3)


class Team:
    """The demo team, in its owner's session."""

    def __init__(self):
        self.session, self.addresses = None, 0
        # the ids, cursors, versions and tokens that answers and mails have named
        self.named = set()
        self.sign_in()
        plan = {"operation": "set-plan", "tenant": self.tenant, "plan": "fuzzed", "seats": 100_000, "reason": "room"}
        self.operate(plan)
        # whoever opens a review finds none that goes on
        self.ask(f"{self.path}/access-reviews/{self.review()}/close", None)
        self.brands = Pool(lambda: [self.ask(f"{self.path}/brands", {"name": f"Brand {n}"})["id"] for n in range(8)])
        self.members = Pool(self.join)
        self.invitations = Pool(lambda: [self.invite()["id"] for _ in range(8)])
        self.links = Pool(lambda: self.mail([{}] * 8))
        self.late_links = Pool(self.expire)
        self.resets = Pool(lambda: [self.forget() for _ in range(4)])
        self.confirmations = Pool(lambda: [self.move()[1] for _ in range(4)])
        self.undoings = Pool(lambda: [self.be_moved() for _ in range(4)])
        self.sessions = Pool(self.open_sessions)
        self.others = Pool(lambda: [self.found() for _ in range(4)])
        # the sessions of the partners' owners
        self.owners = {}
        self.partners = Pool(lambda: [self.set_up() for _ in range(4)])

    def ask(self, path, body, session=None):
        while True:
            headers = {"Authorization": f"Bearer {session or self.session}"}
            answer = requests.post(API + path, json=body, headers=headers, timeout=10)
            if answer.status_code != 429:
                answer.raise_for_status()
                self.named.update(ID.findall(answer.text))
                return answer.json()
            self.wait(int(answer.headers["Retry-After"]))

    def operate(self, order):
        return self.ask("/2015-03-31/functions/operate/invocations", order)

    def sign_in(self):
        answer = self.ask("/v1/sessions", {"email": OWNER, "password": PASSWORD})
        self.session = answer["session"]["token"]
        self.tenant = answer["memberships"][0]["tenant"]["id"]
        self.path = f"/v1/tenants/{self.tenant}"

    def wait(self, seconds):
        # links for a new password or address live an hour
        for pool in (self.resets, self.confirmations):
            pool.end(list(pool))
        requests.post(f"{API}/_local/clock", json={"advance_seconds": seconds}, timeout=10).raise_for_status()
        # a session doesn't live for ever
        self.others.end(list(self.others))
        self.partners.end(list(self.partners))
        self.sign_in()

    def new_address(self):
        self.addresses += 1
        return f"colleague{self.addresses}@contract.example"

    def any_address(self):
        """A new one, or now and then one that was invited before."""
        if RANDOM.random() < 0.8:
            return self.new_address()
        return f"colleague{RANDOM.randint(1, self.addresses)}@contract.example"

    def invite(self, session=None, path=None, **more):
        body = {"email": self.new_address(), "first_name": "A", "last_name": "Colleague", "expires_in_days": 30, **more}
        return self.ask(f"{path or self.path}/invitations", body, session)

    def accept(self, address):
        return self.ask("/v1/invitations/accept", {"token": self.token(address), "password": PASSWORD})

    def mail(self, invitations):
        return [self.token(address) for address in [self.invite(**one)["email"] for one in invitations]]

    def token(self, address):
        for _ in range(500):
            if mails := requests.get(f"{MAILBOX}/messages", {"to": address}, timeout=10).json():
                token = mails[-1]["link"].split("#")[1]
                self.named.add(token)
                return token
            time.sleep(0.02)
        raise TimeoutError(f"no mail to {address}")

    def expire(self):
        tokens = self.mail([{"expires_in_days": 1}] * 16)
        self.wait(DAY + 1)
        return tokens

    def forget(self):
        """A link for a new password, of a colleague of its own: the next one would be dead once this one was used."""
        address = self.invite()["email"]
        self.accept(address)
        self.ask("/v1/password-resets", {"email": address})
        return self.linked(address, "/reset#")

    def move(self):
        """The address of a colleague of its own, and the link under which it is another one."""
        old, new = self.invite()["email"], self.new_address()
        session = self.accept(old)["session"]["token"]
        self.ask("/v1/me/email", {"email": new, "password": PASSWORD}, session)
        return old, self.linked(new, "/email#confirm.")

    def be_moved(self):
        """A link that takes an old address back."""
        old, token = self.move()
        self.ask("/v1/email-changes/confirm", {"token": token})
        return self.linked(old, "/email#undo.")

    def linked(self, address, page):
        """The token in the newest mail to an address, once that is one whose link leads to this page."""
        for _ in range(500):
            mails = requests.get(f"{MAILBOX}/messages", {"to": address}, timeout=10).json()
            link = mails[-1]["link"] if mails else None
            if page in (link or ""):
                return link.split(page)[1]
            time.sleep(0.02)
        raise TimeoutError(f"no mail to {address} that leads to {page}")

    def open_sessions(self):
        before = self.session
        for _ in range(4):
            self.ask("/v1/sessions", {"email": OWNER, "password": PASSWORD})
        answer = requests.get(f"{API}/v1/me/sessions", headers={"Authorization": f"Bearer {before}"}, timeout=10)
        return [one["id"] for one in answer.json()["items"] if not one["current"]]

    def review(self):
        """The one that goes on: a team has one at a time, and it is closed now and then."""
        path = f"{API}{self.path}/access-reviews"
        answer = requests.post(path, headers={"Authorization": f"Bearer {self.session}"}, timeout=10)
        review = answer.json()["id"] if answer.status_code == 201 else answer.json()["existing"]["id"]
        self.named.add(review)
        return review

    def join(self):
        tokens = self.mail([{"role": role, "brands": self.brands.some()} for role in ROLES])
        joined = [self.ask("/v1/invitations/accept", {"token": token, "password": PASSWORD}) for token in tokens]
        # an admin whose access ends leaves this one behind, for somebody to take over
        self.invite(joined[0]["session"]["token"])
        return [one["member"]["user_id"] for one in joined]

    def found(self):
        """Another team, by the operator: twenty an hour sign up by themselves."""
        who = {"email": self.new_address(), "first_name": "Another", "last_name": "Owner"}
        order = {"operation": "create-tenant", "name": "Another", **who, "seats": 10, "reason": "to be handed over"}
        tenant = self.operate(order)["tenant"]
        owner = self.accept(who["email"])["session"]["token"]
        member = self.accept(self.invite(owner, f"/v1/tenants/{tenant}")["email"])
        return Two(tenant, owner, member["session"]["token"], member["member"]["user_id"])

    def set_up(self):
        """A partner of the demo team, whose owner has accepted."""
        who = {"email": self.new_address(), "first_name": "A", "last_name": "Partner"}
        partner = self.ask(f"{self.path}/partners", {"name": "A Partner", **who})["tenant"]["id"]
        self.owners[partner] = self.accept(who["email"])["session"]["token"]
        return partner


TEAM = Team()

POOLS = {
    "user": TEAM.members,
    "brand": TEAM.brands,
    "invitation": TEAM.invitations,
    "token": TEAM.links,
    "session": TEAM.sessions,
    "partner": TEAM.partners,
}

# by the name of a field, or the operation's and the field's
REAL = {name: pool.one for name, pool in POOLS.items()} | {
    "tenant": lambda: TEAM.tenant,
    "review": TEAM.review,
    "brands": TEAM.brands.some,
    "password": lambda: PASSWORD,
    "current_password": lambda: PASSWORD,
    ("renewInvitation", "token"): TEAM.late_links.one,
    ("confirmReset", "token"): TEAM.resets.one,
    ("confirmNewEmail", "token"): TEAM.confirmations.one,
    ("undoNewEmail", "token"): TEAM.undoings.one,
    ("askForNewEmail", "email"): TEAM.new_address,
    ("invite", "email"): TEAM.any_address,
    ("signIn", "email"): lambda: RANDOM.choice(COLLEAGUES),
}


def operation(case):
    return case.operation.definition.raw["operationId"]


def made_up(case, name, value):
    """Whether nothing is called so. In a chain of calls a name that an answer gave stays, whatever became of it since."""
    if isinstance(value, list):
        return value and all(made_up(case, "brand", one) for one in value)
    is_id = name in ("tenant", "user", "to", "brand", "invitation", "session", "partner", "review")
    if not isinstance(value, str) or (is_id and not ID.fullmatch(value)):
        return False
    return value not in (TEAM.named if case.meta.phase.name.value == "stateful" else POOLS.get(name, ()))


@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        return TEAM.session

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook("before_call")
def exchange_what_is_made_up(context, case, kwargs):
    for fields in (case.path_parameters, case.query, case.body):
        for name, value in fields.items() if isinstance(fields, dict) else ():
            real = REAL.get((operation(case), name)) or REAL.get(name)
            if real and made_up(case, name, value) and mostly():
                fields[name] = real()


@schemathesis.hook("before_call")
def leave_out_what_was_never_read(context, case, kwargs):
    """A cursor or a version that is made up is refused, and nothing else of the request is looked at."""
    for fields, name in ((case.query, "cursor"), (case.headers, "If-Match")):
        if name in fields and fields[name] not in TEAM.named and mostly():
            del fields[name]


@schemathesis.hook("before_call")
def take_another_key(context, case, kwargs):
    """Keys are made up from few, and one that came with another request is refused, or answered as that one was."""
    if "Idempotency-Key" in case.headers and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())


@schemathesis.hook("before_call").apply_to(operation_id="signOut")
def leave_the_session_to_it(context, case, kwargs):
    """Everything else is asked in another one from now on."""
    if case.headers.get("Authorization") == f"Bearer {TEAM.session}":
        TEAM.sign_in()


@schemathesis.hook("before_call").apply_to(operation_id=["transferOwnership", "closeTenant", "leaveTeam"])
def ask_in_another_team(context, case, kwargs):
    """The demo team stays its owner's, and open: everything else is asked in their session."""
    if "Authorization" in case.headers and case.path_parameters.get("tenant") == TEAM.tenant:
        other = TEAM.others.one()
        case.path_parameters["tenant"] = other.tenant
        session = other.member if operation(case) == "leaveTeam" else other.owner
        case.headers["Authorization"] = f"Bearer {session}"
        if isinstance(case.body, dict) and made_up(case, "to", case.body.get("to")) and mostly():
            case.body["to"] = other.user


@schemathesis.hook("before_call").apply_to(operation_id="leavePortal")
def ask_in_a_partner(context, case, kwargs):
    """The demo team is nobody's partner: its partners' owners leave it."""
    if "Authorization" in case.headers and case.path_parameters.get("tenant") == TEAM.tenant:
        partner = TEAM.partners.one()
        case.path_parameters["tenant"] = partner
        case.headers["Authorization"] = f"Bearer {TEAM.owners[partner]}"


@schemathesis.hook("before_call").apply_to(operation_id=["changePassword", "confirmReset"])
def keep_the_password(context, case, kwargs):
    """A new password that would do is the one that everybody has anyway."""
    if isinstance(case.body, dict):
        for name in ("new_password", "password"):
            if isinstance(case.body.get(name), str) and 0 < len(case.body[name]) <= 1024:
                case.body[name] = PASSWORD


@schemathesis.hook("after_call").apply_to(operation_id=["endSession", "endSessions", "confirmReset", "changePassword"])
def sign_in_again(context, case, response):
    if response.status_code == 204:
        TEAM.sessions.end(list(TEAM.sessions) if operation(case) != "endSession" else case.path_parameters.values())
        TEAM.resets.end([case.body.get("token")] if isinstance(case.body, dict) else [])
        TEAM.sign_in()


@schemathesis.hook("after_call")
def remember_names(context, case, response):
    # the team of whoever signed up is nobody's here, nor is that of a partner whose owner never accepts
    if operation(case) not in ("signUp", "createPartner"):
        TEAM.named.update(ID.findall(response.text), CURSOR.findall(response.text), response.headers.get("etag", ()))


@schemathesis.hook("after_call").apply_to(operation_id=["revokeMember", "deleteBrand", "revokeInvitation", "endPartner", "leavePortal"])
def put_aside_what_ended(context, case, response):
    if response.status_code < 300:
        for pool in POOLS.values():
            pool.end(case.path_parameters.values())


@schemathesis.hook("after_call").apply_to(operation_id="decideReview")
def put_aside_whom_a_review_removed(context, case, response):
    if response.status_code < 300 and '"decision":"revoked"' in response.text:
        TEAM.members.end(case.path_parameters.values())


@schemathesis.hook("after_call").apply_to(operation_id=["transferOwnership", "closeTenant", "leaveTeam"])
def put_aside_a_team_that_is_used_up(context, case, response):
    """Who owned it is an admin, or nobody is in it, or who was is gone."""
    if response.status_code < 300:
        TEAM.others.end([one for one in TEAM.others if one.tenant == case.path_parameters["tenant"]])


@schemathesis.hook("after_call").apply_to(tag="The emailed link")
def put_aside_a_link_that_is_over(context, case, response):
    if response.status_code in (201, 202, 204, 404, 410) and isinstance(case.body, dict):
        for pool in (TEAM.links, TEAM.late_links):
            pool.end([case.body.get("token")])


@schemathesis.hook("after_call").apply_to(operation_id=["confirmNewEmail", "undoNewEmail"])
def put_aside_a_link_of_an_address(context, case, response):
    if response.status_code in (200, 404, 409) and isinstance(case.body, dict):
        for pool in (TEAM.confirmations, TEAM.undoings):
            pool.end([case.body.get("token")])


@schemathesis.hook("after_call")
def wait_for_a_limit(context, case, response):
    if response.status_code == 429:
        # five mails a day to one address are not waited out
        TEAM.invitations.end(case.path_parameters.values())
        if (seconds := int(response.headers["retry-after"][0])) <= HOUR:
            TEAM.wait(seconds)


@schemathesis.check
class every_operation_succeeds:
    """One that is always refused was only looked at from outside."""

    def __init__(self):
        self.asked, self.succeeded = set(), set()

    def after_response(self, ctx, response, case):
        self.asked.add(operation(case))
        if response.status_code < 300:
            self.succeeded.add(operation(case))

    def after_run(self, ctx):
        refused = self.asked - self.succeeded
        assert not refused, f"never answered with 2xx: {', '.join(sorted(refused))}"
