"""The deployment, driven: called by infra/deployment-test, which builds first.

What the emulator can't show is printed at the end.
"""

import datetime
import http.server
import json
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import jsonschema

from emulated import MAILS_PER_SECOND, REGION, STACK, Broken, Emulator, Pipe, Stack, say, until
from runbook import Stopped

PASSWORD = "correct horse battery staple"
PERSON = {"first_name": "New", "last_name": "Colleague"}
QUEUES, DEAD_LETTERS = ["Mail", "Expiry", "Feedback"], ["Mail", "Expiry", "Feedback", "Events"]
# seconds until what failed is tried again, in the scenes that wait for it
SOON = "2"
# what every order of the operator's is given for
REASON = "deployment test"


class Team:
    """The API, as its clients use it."""

    def __init__(self, stack):
        self.stack = stack

    def ask(self, method, path, body=None, session=None, status=200):
        url = f"{self.stack.aws.url}/_aws/execute-api/{self.stack.api}/$default{path}"
        request = urllib.request.Request(url, method=method)
        request.add_header("content-type", "application/json")
        if session:
            request.add_header("authorization", f"Bearer {session}")
        data = json.dumps(body).encode() if body is not None else None
        try:
            with urllib.request.urlopen(request, data=data, timeout=60) as answer:
                got, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            got, text = error.code, error.read().decode()
        if got != status:
            name = self.stack.function_of(method, path.split("?")[0])
            raise Broken(f"{method} {path} was answered {got}, not {status}, by the function {name}: {text}\n"
                         f"{self.stack.logs(name)}")
        return json.loads(text) if text.startswith(("{", "[")) else text

    def mails(self, to):
        """The mails to an address, oldest first: outbox, stream, pipe, publish, bus, queue, deliver, SES."""
        return [mail for mail in self.stack.aws.mails() if to in mail["To"]]

    def links(self, to):
        """The links in them."""
        found = [re.search(r"\S+/accept#[A-Za-z0-9_-]{86}", mail["BodyText"]) for mail in self.mails(to)]
        return [link.group() for link in found if link]

    def tokens(self, to, count=1):
        """The tokens in them."""
        def look():
            found = [link.split("#")[1] for link in self.links(to)]
            return found if len(found) >= count else None

        return until(look, lambda: f"no mail to {to} by the functions Publish and Deliver\n"
                                   f"{self.stack.logs('Publish')}\n{self.stack.logs('Deliver')}")

    def mailed_once(self, to):
        """That a mail comes, and no second one from whatever still lies in the queue."""
        self.tokens(to)
        self.stack.drained("MailQueue")
        assert len(self.mails(to)) == 1, f"{to} was mailed {len(self.mails(to))} times"
        return self.mails(to)[0]

    def token(self, to):
        return self.tokens(to)[-1]

    def accept(self, to, status=201):
        body = {"token": self.token(to), "password": PASSWORD}
        return self.ask("POST", "/v1/invitations/accept", body, status=status)


class Owner:
    """The owner of the team that the scenes are about."""

    def __init__(self, api, tenant, session):
        self.api, self.tenant, self.session = api, tenant, session
        self.team = f"/v1/tenants/{tenant}"

    def __call__(self, method, path, body=None, status=200):
        return self.api.ask(method, self.team + path, body, self.session, status)

    def invites(self, email, **more):
        """The invitation's id."""
        return self("POST", "/invitations", PERSON | {"email": email} | more, 201)["id"]

    def delivery(self, invitation):
        return self("GET", f"/invitations/{invitation}")["delivery"]["state"]

    def sees(self, invitation, state):
        """That what became of a mail is shown in the end."""
        until(lambda: self.delivery(invitation) == state,
              lambda: f"its delivery is {self.delivery(invitation)}, not {state}\n{self.api.stack.logs('Feedback')}")


def walk(stack, pipe, terminal):
    """The main job."""
    api = Team(stack)
    assert terminal.run("Deploying") == "200\n"
    api.ask("GET", "/v1/me", status=401)
    api.ask("PUT", "/v1/me", status=405)
    tenant = api.ask("POST", "/v1/tenants", {"name": "Acme", "email": "olive@acme.example", "first_name": "Olive",
                                             "last_name": "Owner"}, status=202)["tenant"]["id"]
    olive = Owner(api, tenant, api.accept("olive@acme.example")["session"]["token"])
    team = olive.team
    say("an organization signed up, and its owner opened the emailed link")

    brand = olive("POST", "/brands", {"name": "Sage"}, 201)["id"]
    olive("PATCH", f"/brands/{brand}", {"name": "Sage & Rue"})
    spare = olive("POST", "/brands", {"name": "Spare"}, 201)["id"]
    olive("DELETE", f"/brands/{spare}", status=204)
    olive("GET", "/brands")
    olive.invites("ben@acme.example", brands=[brand])
    api.ask("POST", "/v1/invitations/preview", {"token": api.token("ben@acme.example")})
    joined = api.accept("ben@acme.example")
    user, bens = joined["member"]["user_id"], joined["session"]["token"]
    api.ask("POST", "/v1/invitations/accept", {"token": api.token("ben@acme.example"), "password": PASSWORD}, status=410)
    say("a colleague was invited, mailed, and accepted; the used link is refused")

    question = {"permission": "coa.upload", "brand": brand}
    assert api.ask("POST", f"{team}/check", question, bens)["allowed"]
    olive("PUT", f"/members/{user}/role", {"role": "sales_rep"})
    assert not api.ask("POST", f"{team}/check", question, bens)["allowed"]
    olive("PUT", f"/members/{user}/brands", {"brands": "all"})
    olive("PUT", f"/members/{user}/brands", {"brands": []})
    olive("PUT", f"/members/{user}/brands/{brand}")
    olive("POST", f"/members/{user}/suspend")
    api.ask("GET", f"{team}/brands", session=bens, status=403)
    olive("POST", f"/members/{user}/reinstate")
    api.ask("GET", f"{team}/brands", session=bens)
    say("role, brands, suspended, reinstated: each held from the next request")

    cleo = olive.invites("cleo@acme.example")
    api.token("cleo@acme.example")
    olive("POST", f"/invitations/{cleo}/resend")
    old, new = api.tokens("cleo@acme.example", 2)
    api.ask("POST", "/v1/invitations/preview", {"token": old}, status=410)
    api.ask("POST", "/v1/invitations/decline", {"token": new}, status=204)
    dan = olive.invites("dan@acme.example")
    olive("DELETE", f"/invitations/{dan}", status=204)
    say("resent, declined, taken back")

    eve = olive.invites("eve@acme.example")
    api.token("eve@acme.example")
    bounce(stack, tenant, eve, "eve@acme.example")
    olive.sees(eve, "bounced")
    olive("POST", f"/invitations/{eve}/resend", status=422)
    say("a bounce is shown, and stops the next mail")

    terminal.run("Another plan", TENANT=tenant, PLAN="large", SEATS="200", REASON=REASON)
    assert olive("GET", "")["seats"]["limit"] == 200
    say("the operator changed the plan by direct invocation")

    olive("DELETE", f"/members/{user}", status=204)
    api.ask("GET", f"{team}/brands", session=bens, status=403)
    api.ask("POST", "/v1/sessions", {"email": "ben@acme.example", "password": PASSWORD}, status=403)
    again = api.ask("POST", "/v1/sessions", {"email": "olive@acme.example", "password": PASSWORD}, status=201)
    api.ask("GET", "/v1/me", session=again["session"]["token"])
    api.ask("DELETE", "/v1/sessions/current", session=again["session"]["token"], status=204)
    for path in ("/members", f"/members/{user}", "/invitations"):
        olive("GET", path)
    kinds = {e["type"] for e in olive("GET", "/events?limit=100")["items"]}
    assert {"tenant.created", "tenant.plan_changed", "invitation.undelivered", "member.revoked"} <= kinds, kinds
    say(f"removed, signed in and out; {len(kinds)} kinds of events in the audit trail")
    expire(stack, pipe, olive)
    return olive


def text_of(at):
    return at.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bounce(stack, tenant, invitation, address):
    """SES's event, which AWS alone may put on the default bus: it fits the rule, and goes to that rule's queue."""
    event = {
        "version": "0", "id": "1", "detail-type": "Email Bounced", "source": "aws.ses", "account": "000000000000",
        "time": "2026-11-22T09:00:00Z", "region": "eu-central-1", "resources": [],
        "detail": {
            "eventType": "Bounce",
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                       "bouncedRecipients": [{"emailAddress": address}]},
            "mail": {"messageId": "1", "destination": [address],
                     "tags": {"tenant": [tenant], "invitation": [invitation], "generation": ["1"],
                              "ses:configuration-set": [stack.ids["ConfigurationSet"]]}},
        },
    }
    rule = stack.ids["FeedbackRule"].split("|")[-1]
    pattern = stack.events.describe_rule(Name=rule)["EventPattern"]
    if not stack.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
        raise Broken(f"SES's event doesn't fit the rule: {pattern}")
    target, = stack.events.list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"] == stack.queue("FeedbackQueue")["QueueArn"], target
    stack.sqs.send_message(QueueUrl=stack.ids["FeedbackQueue"], MessageBody=json.dumps(event))


def expire(stack, pipe, olive):
    """A link whose time is over, and that DynamoDB removes: the stream, the bus and a queue tell expire."""
    late = olive.invites("late@acme.example", expires_in_days=1)
    olive.api.token("late@acme.example")
    # a day later
    over = datetime.datetime.now() - datetime.timedelta(minutes=1)
    stack.set_item(f"TENANT#{olive.tenant}", f"INVITATION#{late}", expires_at={"S": text_of(over)})
    link, = stack.items("Token", invitation_id=late)
    pipe.sweep(link)

    def expired():
        events = olive("GET", "/events?limit=100")["items"]
        return [e for e in events if (e["type"], e["subject"]["id"]) == ("invitation.expired", late)]

    until(expired, lambda: f"nobody tidied up after a link that is over\n{stack.logs('Expire')}")
    say("a link that DynamoDB removed came to expire over the bus, and its invitation expired in the audit trail")


def hundred(stack, pipe, olive):
    """A team of a hundred is invited at once, through a mailer that takes a few a second."""
    people = {f"person{number}@hundred.example" for number in range(100)}
    with pipe.held():
        for address in sorted(people):
            olive.invites(address)

    def arrived():
        return [mail for mail in stack.aws.mails() if mail["To"][0] in people]

    until(lambda: not stack.waiting("MailQueue") and len(arrived()) >= len(people),
          lambda: f"{len(arrived())} of {len(people)} mails came\n{stack.logs('Deliver')}", 90)
    mails = arrived()
    assert len(mails) == len(people) == len({mail["To"][0] for mail in mails}), "somebody was mailed twice, or never"
    times = sorted(mail["Timestamp"] for mail in mails)
    took = times[-1] - times[0]
    # each worker begins a mail so long after its last one, and SES gets it a moment later
    workers = int(stack.function("Deliver")["Environment"]["Variables"]["MAIL_WORKERS"])
    window, most = 5, 5 * MAILS_PER_SECOND + 2 * workers
    fastest = max(sum(at <= other < at + window for other in times) for at in times)
    assert fastest <= most, f"{fastest} mails within {window} seconds, {MAILS_PER_SECOND} a second are allowed"
    assert took >= 0.9 * (len(people) / MAILS_PER_SECOND - 1), f"{len(people)} mails in {took:.1f} seconds"
    say(f"a hundred were invited at once: each mailed once, in {took:.0f} s, at most {fastest} within {window} s")


def mailer_down(stack, olive):
    """SES refuses for a while."""
    with stack.queue_with("MailQueue", VisibilityTimeout=SOON):
        with stack.without("Deliver", "ses:SendEmail"):
            gil = olive.invites("gil@acme.example")
            # each time it was let go again: nobody takes it for a mail that may have been sent
            until(lambda: int(stack.mail_to("gil@acme.example").get("released", {"N": "0"})["N"]) >= 2,
                  lambda: f"a mail that SES didn't take isn't tried again\n{stack.logs('Deliver')}")
            assert not olive.api.mails("gil@acme.example"), "a mail that SES refused was sent"
            assert olive.delivery(gil) == "queued"
            assert not stack.waiting("MailDeadLetters"), "a mail was given up because SES was down for a moment"
        olive.api.mailed_once("gil@acme.example")
    say("SES refused for a while: the mail waited, and went out by itself, once")


def table_down(stack, olive):
    """The table refuses while SES tells of a bounce."""
    hal = olive.invites("hal@acme.example")
    olive.api.token("hal@acme.example")
    olive.sees(hal, "sent")
    with stack.queue_with("FeedbackQueue", VisibilityTimeout=SOON):
        with stack.without("Feedback", "dynamodb:*"):
            bounce(stack, olive.tenant, hal, "hal@acme.example")
            until(lambda: max(stack.tries("FeedbackQueue"), default=0) >= 2, "a bounce isn't tried again")
            assert olive.delivery(hal) == "sent"
        olive.sees(hal, "bounced")
    assert not stack.waiting("FeedbackDeadLetters")
    say("the table refused while a mail bounced: the bounce was noted when it answered again")


def crash(stack, pipe, olive):
    """A function that ended while it was sending: the mail's item is as it leaves it."""
    address = "ida@acme.example"
    with stack.queue_with("MailQueue", VisibilityTimeout=SOON):
        with pipe.held():
            olive.invites(address)
            mail = stack.mail_to(address)
            claim = datetime.datetime.now() + datetime.timedelta(seconds=10)
            stack.set_item(mail["pk"]["S"], mail["sk"]["S"], attempts={"N": "1"}, claimed_until={"S": text_of(claim)})
        until(lambda: max(stack.tries("MailQueue"), default=0) >= 2, "a mail that is claimed isn't tried again")
        assert not olive.api.mails(address), "a mail was sent while another try had it"
        sent = olive.api.mailed_once(address)
    # to the thousandth in the item
    assert sent["Timestamp"] > claim.timestamp() - 0.001, "a mail was sent while another try had it"
    assert stack.mail_to(address)["attempts"]["N"] == "2"
    say("a function ended in the middle of a send: the next one waited until that was over, and sent once")


def dead_letters(stack, olive, terminal):
    """A mail that was tried as often as its queue allows, and is put back."""
    address = "jo@acme.example"
    policy = json.loads(stack.queue("MailQueue")["RedrivePolicy"]) | {"maxReceiveCount": 2}
    with stack.without("Deliver", "ses:SendEmail"):
        with stack.queue_with("MailQueue", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy)):
            jo = olive.invites(address)
            until(lambda: stack.waiting("MailDeadLetters"), "a mail that had all its tries is in no dead letters")
            assert not stack.waiting("MailQueue") and not olive.api.mails(address)
    assert olive.delivery(jo) == "queued"
    terminal.run("Dead letters", only=0, KIND="Mail")
    stack.move(terminal["MOVED"])
    olive.api.mailed_once(address)
    olive.sees(jo, "sent")
    say("a mail that had all its tries lay in the dead letters, was put back, and was sent")


def listening(stack, olive, terminal):
    """Somebody's own rule on the stack's bus. The queue needs a policy at AWS, of which the emulator asks nothing."""
    queue = stack.sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = stack.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    terminal.run("Listening", only=0, TENANT=olive.tenant, LISTENER=arn)

    # another tenant's, which nobody is told of here
    olive.api.ask("POST", "/v1/tenants", {"name": "Other", "email": "otto@other.example", "first_name": "Otto",
                                          "last_name": "Owner"}, status=202)
    olive.api.accept("otto@other.example")
    fay = olive.invites("fay@acme.example")
    joined = olive.api.accept("fay@acme.example")["member"]["user_id"]

    def told():
        return stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages")

    messages = until(told, "a rule on the bus was told of nothing")
    time.sleep(1)
    bodies = [json.loads(message["Body"]) for message in messages + (told() or [])]
    assert {(body["source"], body["detail-type"]) for body in bodies} == {("muster", "Muster Change")}, bodies
    details = {body["detail"]["id"]: body["detail"] for body in bodies}
    detail, = details.values()
    with open(os.path.join(os.path.dirname(__file__), "schemas", "events.json"), encoding="utf-8") as schema:
        jsonschema.Draft202012Validator(json.load(schema)).validate(detail)
    found = (detail["tenant_id"], detail["type"], detail["subject"], detail["actor"]["id"])
    assert found == (olive.tenant, "invitation.accepted", {"kind": "invitation", "id": fay}, joined), detail
    trail = [event for event in olive("GET", "/events?limit=20")["items"] if event["id"] == detail["id"]]
    assert trail == [{name: value for name, value in detail.items() if name not in ("schema_version", "tenant_id")}], trail
    terminal.run("Listening", only=1)
    left = stack.events.list_rules(EventBusName=stack.ids["Events"])["Rules"]
    assert "joined" not in {rule["Name"] for rule in left}, left
    stack.sqs.delete_queue(QueueUrl=queue)
    say("who listens on the bus was told who joined this team, in the words of the audit trail, and of no other team")


def operating(stack, olive, terminal):
    """Every order of the operator's that the main job doesn't need, as the runbook has them."""
    api = olive.api

    def order(section, **variables):
        return json.loads(terminal.run(section, REASON=REASON, **variables))

    found = json.loads(terminal.run("Who is who", EMAIL="olive@acme.example"))["Item"]
    assert olive.tenant in json.dumps(found["tenants"]) and found["user_id"]["S"], found
    began = order("An organization starts", COMPANY="Paper", EMAIL="paul@paper.example", FIRST_NAME="Paul", LAST_NAME="Owner",
                  SEATS="5")
    assert order("An organization starts") == began, "the same order made a second tenant"
    tenant = began["tenant"]
    joined = api.accept("paul@paper.example")
    paul, pauls = Owner(api, tenant, joined["session"]["token"]), joined["member"]["user_id"]
    answer = order("Whose addresses", TENANT=tenant, POLICY="exclusive")
    assert (answer["email_policy"], answer["left"]) == ("exclusive", 0), answer
    order("Off and on", SUSPENDED="true")
    paul("GET", "/brands", status=403)
    order("Off and on", SUSPENDED="false")
    paul("GET", "/brands")
    say("the operator made an organization, kept its addresses to it, and switched it off and on")

    paul.invites("pia@paper.example")
    joined = api.accept("pia@paper.example")
    pia = Owner(api, tenant, joined["session"]["token"])
    answer = order("An owner who is gone", PERSON=joined["member"]["user_id"])
    assert (answer["owner"], answer["admin"]) == (joined["member"]["user_id"], pauls), answer
    order("Somebody who can't get in", EMAIL="paul@paper.example", MAILBOX="paul@elsewhere.example")
    until(lambda: any("/reset#" in mail["BodyText"] for mail in api.mails("paul@elsewhere.example")),
          lambda: f"no link for another password came\n{stack.logs('Deliver')}")
    terminal.run("Secrets", PERSON=pauls)
    paul("GET", "", status=401)
    say("the operator made somebody else its owner, mailed a link for another password, and ended somebody's sessions")

    assert "address" not in order("No mail comes", only=0), "it was asked about the sender alone"
    status = order("No mail comes", only=1, EMAIL="eve@acme.example")
    assert status["sender"]["verified"] and not status["account"]["sandbox"], status
    assert status["address"]["held_back_here"], status
    order("An address that bounced")
    assert not order("No mail comes", only=1)["address"]["held_back_here"], "no mail goes out though the operator lifted that"
    pia.invites("rob@paper.example")
    rob = api.accept("rob@paper.example")["member"]["user_id"]
    pia("DELETE", f"/members/{rob}", status=204)
    assert order("An address that is in use", EMAIL="rob@paper.example")["user"] == rob
    say("the operator saw how SES stands to the sender, let mail go to an address again, and freed another")

    def close():
        pia("POST", "/close", {"password": PASSWORD})
        pia("GET", "", status=403)

    close()
    order("Open again")
    pia("GET", "")
    close()
    # a month later
    over = datetime.datetime.now() - datetime.timedelta(days=31)
    stack.set_item(f"TENANT#{tenant}", "TENANT", closed_at={"S": text_of(over)})
    answers = terminal.run("Removing a closed tenant").splitlines()
    assert json.loads(answers[-1])["done"], answers
    pia("GET", "", status=401)
    say("the operator opened it again after its owner had closed it, and removed it a month after that")


def looking(olive, terminal):
    """What one looks at when something is wrong: which alarms ring, and what a request came to."""
    terminal.run("Alarms")
    request = olive.api.ask("GET", "/v1/me", status=401)["request_id"]

    def found():
        # the emulator reads what a function said late with its next answer
        olive.api.ask("GET", "/v1/me", status=401)
        return request in terminal.run("Logs", REQUEST=request)

    until(found, f"no log has a line of the request {request}")
    say("the lines of a request were found by the id that its answer names")


def given_up(stack, terminal):
    """What the pipe gave up can't be put back, and is emptied."""
    stack.sqs.send_message(QueueUrl=stack.ids["EventsDeadLetters"], MessageBody="a pointer into the stream")
    terminal.run("Dead letters", only=1)
    assert not stack.waiting("EventsDeadLetters"), "the dead letters of the pipe aren't emptied"
    say("the dead letters of the pipe were emptied")


def with_account(terminal):
    return ", ".join(f"*{section}*" for section in terminal.with_account())


def nothing_left(stack):
    """Nothing waits, and nothing was given up."""
    for name in QUEUES:
        stack.drained(f"{name}Queue")
    for name in DEAD_LETTERS:
        letters = stack.sqs.receive_message(QueueUrl=stack.ids[f"{name}DeadLetters"], MaxNumberOfMessages=10)
        assert "Messages" not in letters, f"{name}DeadLetters: {[one['Body'] for one in letters['Messages']]}"
    say("no queue has anything left, and no dead letters were written but those that were put back")


def least_privilege(stack, olive):
    """A function is refused what its role doesn't allow."""
    iam = stack.iam
    for name, action, probe in [
        ("Check", "BatchGetItem", lambda status: olive("POST", "/check", {"permission": "tenant.read"}, status)),
        ("Tenants", "PutItem", lambda status: olive("POST", "/brands", {"name": "Ivy"}, status)),
    ]:
        role = stack.ids[f"{name}Role"]
        policy = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
        document = stack.policy(role, policy)
        less = json.loads(json.dumps(document))
        for statement in less["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [a for a in actions if a != f"dynamodb:{action}"] or ["dynamodb:DescribeTable"]
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(less))
        probe(500)
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
        probe(201 if name == "Tenants" else 200)
        say(f"{name} without dynamodb:{action} is refused by IAM, and works again with it")
    table = stack.dynamodb.describe_table(TableName=stack.ids["Table"])["Table"]["TableArn"]
    mails, bus = stack.queue("MailQueue")["QueueArn"], stack.events.describe_event_bus(Name=stack.ids["Events"])["Arn"]
    for action, resource, names in [
        # the pipe's function has nothing but what it is handed, the pages nothing at all, and feedback only writes
        ("dynamodb:BatchGetItem", table, set(stack.functions) - {"Console", "Feedback", "Publish"}),
        ("dynamodb:Scan", table, set()),
        ("ses:SendEmail", f"arn:aws:ses:{REGION}:{table.split(':')[4]}:identity/muster.example", {"Deliver"}),
        # only the pipe publishes, and only rules put into queues
        ("events:PutEvents", bus, set()),
        ("sqs:SendMessage", mails, set()),
        # what the mappings read with, which the emulator doesn't ask for
        ("sqs:ReceiveMessage", mails, {"Deliver"}),
    ]:
        found = {name for name in stack.functions if stack.may(name, action, resource)}
        assert found == names, f"{action} is allowed to {sorted(found)}, not to {sorted(names)}"
    say("roles: who may read the table, send mail, read queues; nobody publishes or queues but by the pipe and the rules")


def deliveries(stack):
    """What the emulator doesn't ask when a rule puts into a queue: whether the queue's policy lets that rule do so."""
    for name in [name for name, kind in stack.types.items() if kind == "AWS::Events::Rule"]:
        rule = {"Name": stack.ids[name].split("|")[-1]}
        bus = {"EventBusName": stack.ids["Events"]} if "EventBusName" in stack.properties(name) else {}
        arn = stack.events.describe_rule(**rule, **bus)["Arn"]
        for target in stack.events.list_targets_by_rule(Rule=rule["Name"], **bus)["Targets"]:
            # one that leads to dead letters has none of its own
            dead = [target["DeadLetterConfig"]["Arn"]] if "DeadLetterConfig" in target else []
            for queue in (target["Arn"], *dead):
                url = stack.sqs.get_queue_url(QueueName=queue.rsplit(":", 1)[-1])["QueueUrl"]
                asked = {"QueueUrl": url, "AttributeNames": ["Policy"]}
                statement, = json.loads(stack.sqs.get_queue_attributes(**asked)["Attributes"]["Policy"])["Statement"]
                lets = (statement["Effect"], statement["Principal"], statement["Action"])
                assert lets == ("Allow", {"Service": "events.amazonaws.com"}, "sqs:SendMessage"), statement
                assert arn in statement["Condition"]["ArnEquals"]["aws:SourceArn"], f"{queue} takes nothing of {arn}"
    say("each queue's policy lets its rule put messages into it, dead ones too")


def moved(stack, olive, terminal):
    """A tenant is exported, and imported as if it came from elsewhere: under another id of the same moment."""
    tenant = olive.tenant
    other = tenant[:-12] + ("0" * 12 if tenant[-12:] != "0" * 12 else "1" * 12)
    both = {"FROM": terminal["OperateFunction"], "TO": terminal["OperateFunction"], "WITH_CREDENTIALS": "true"}
    terminal.run("Moving a tenant", only=0, TENANT=tenant, REASON=REASON, **both)
    pages = int(terminal["N"])
    for number in range(pages):
        name = os.path.join(terminal["PAGES"], f"{number}.json")
        with open(name, encoding="utf-8") as page:
            text = page.read()
        with open(name, "w", encoding="utf-8") as page:
            page.write(text.replace(tenant, other))
    answers = terminal.run("Moving a tenant", only=1).splitlines()
    assert len(answers) == pages and json.loads(answers[-1])["done"], f"the tenant isn't there: {answers}"
    ask = lambda one: olive.api.ask("GET", f"/v1/tenants/{one}", session=olive.session)
    assert ask(other) == ask(tenant) | {"id": other}, ask(other)
    terminal.run("Moving a tenant", only=2)
    assert not os.path.exists(terminal["PAGES"])
    say(f"the tenant came again from its own export, in {pages} pages, and its owner is in")


def restored(stack, pipe, olive, terminal):
    """The table is restored beside itself, and the stack uses the other one. Answers the pipe that reads it."""
    pipe.end()
    said = terminal.run("Restoring the table", RESTORED="muster-restored", MOMENT="")
    if "the stack uses it" not in said:
        raise Broken(f"infra/restore: {said}\n{stack.why()}")
    former = stack.ids["Table"]
    old = stack.dynamodb.scan(TableName=former, Select="COUNT")["Count"]
    stack.look()
    # no resource of the stack's any more
    stack.ids["Table"] = "muster-restored"
    pipe = Pipe(stack)
    # the sessions of then are over
    olive.api.ask("GET", "/v1/me", session=olive.session, status=401)
    password = {"email": "olive@acme.example", "password": PASSWORD}
    olive.session = olive.api.ask("POST", "/v1/sessions", password, status=201)["session"]["token"]
    olive("POST", "/brands", {"name": "Yarrow"}, 201)
    olive.invites("zoe@acme.example")
    olive.api.token("zoe@acme.example")
    assert stack.dynamodb.scan(TableName=former, Select="COUNT")["Count"] == old, "the old table was written"
    say("the table was restored, the stack uses it, and its stream sends mail; the old one is left alone")
    return pipe


def settled(stack, terminal):
    """The stack is settled, once all is well after the restore."""
    terminal.run("Settling")
    described = stack.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    protected = {one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]}["DeletionProtection"]
    assert protected == "true", f"DeletionProtection is {protected} after infra/settle"
    say("the stack was settled, and protects its table from being deleted")


def anywhere(stack, api, terminal):
    """The suite for any URL. It reads mail as the local stack's mailbox answers it, and sends too many for the pace."""
    class Mailbox(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            to = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["to"][0]
            body = json.dumps([{"to": to, "link": link} for link in api.links(to)]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    stack.pace(1000)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mailbox) as mailbox:
        threading.Thread(target=mailbox.serve_forever, daemon=True).start()
        mails = f"http://127.0.0.1:{mailbox.server_address[1]}/messages"
        try:
            said = terminal.run("After a deployment", MAIL_URL=mails, MAIL_DOMAIN="anywhere.example", MORE="--seed 1 --rounds 2")
        finally:
            mailbox.shutdown()
    print(said, end="", flush=True)
    stack.pace(MAILS_PER_SECOND)
    say("the suite for any URL holds")


def main():
    aws, pipe = Emulator(), None
    try:
        stack = Stack(aws)
        stack.deploy()
        stack.route()
        terminal = stack.terminal()
        pipe = Pipe(stack)
        olive = walk(stack, pipe, terminal)
        operating(stack, olive, terminal)
        looking(olive, terminal)
        listening(stack, olive, terminal)
        anywhere(stack, olive.api, terminal)
        hundred(stack, pipe, olive)
        mailer_down(stack, olive)
        table_down(stack, olive)
        crash(stack, pipe, olive)
        dead_letters(stack, olive, terminal)
        least_privilege(stack, olive)
        deliveries(stack)
        nothing_left(stack)
        given_up(stack, terminal)
        moved(stack, olive, terminal)
        pipe = restored(stack, pipe, olive, terminal)
        pipe.end()
        settled(stack, terminal)
        stack.delete()
        say("the stack is deleted")
        assert not terminal.left(), f"commands of the runbook that nobody ran, under {terminal.left()}"
        say(f"the runbook's {len(terminal.copied)} blocks of commands that take no account were run")
    except (Broken, Stopped, AssertionError) as error:
        aws.log.flush()
        print(f"\nthe deployment test failed: {error}", file=sys.stderr)
        print(f"the emulator's log: {aws.log.name}", file=sys.stderr)
        return 1
    finally:
        if pipe:
            pipe.end()
        aws.stop()
    print(f"""
What an emulator can't show, and this test didn't: that API Gateway takes the routes from the template (the test made
them, from the template); leading keys in policies (the emulator ignores that condition, tests/stories/parity/permissions.rs holds
them to what is used); on which identity SES is allowed (the emulator asks for all); the pipe (the emulator makes it, and
delivers to other targets only: the test read the stream, filtered, asked Publish and put events with the template's own
values, the latter two under the policies of the pipe's role); the retries and dead letters of rules, and that queues take
what rules put (the emulator asks no queue's policy: the test read them); that mappings may read their queues (the test asked
their roles), and take numbers from parameters (the emulator keeps those as text: the test wrote them as numbers); SQS moving
dead letters back (the test did, one by one, as the command asked for it); what the runbook has under
{with_account(terminal)}, which takes an account; TTL and its lag (the test removed the link, and said that DynamoDB did); SES's
own events (the test put them into the queue, once they fitted the rule); one mail a second ({MAILS_PER_SECOND} here, 1000 for
the suite for any URL), six minutes between two tries (seconds here, where a scene waits for them); throttling; alarms, of
which those over several metrics were made over one; arm64.""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
