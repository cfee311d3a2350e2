"""The deployment, driven: called by infra/deployment-test, which builds first.

What the emulator can't show is printed at the end.
"""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3

STACK, BUCKET, ORIGIN = "muster", "muster-artifacts", "https://team.example.com"
PASSWORD = "correct horse battery staple"


def say(words):
    print(f"   {words}", flush=True)


class Broken(Exception):
    pass


class Emulator:
    """ministack on loopback, IAM enforced."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)
        home = tempfile.mkdtemp()
        env = os.environ | {
            "AUTH": "true", "GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "S3_DATA_DIR": home, "STATE_DIR": home, "HOME": home,
        }
        self.process = subprocess.Popen([os.path.join(os.path.dirname(sys.executable), "ministack")], env=env, stdout=self.log, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise Broken("the emulator didn't start")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name="eu-central-1",
                            aws_access_key_id="test", aws_secret_access_key="test")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)


def role_policy(iam, role, policy):
    """A policy of a role."""
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    return json.loads(document) if isinstance(document, str) else document


class Stack:
    """The deployed stack."""

    def __init__(self, aws):
        self.aws = aws
        self.cloudformation = aws.client("cloudformation")

    def deploy(self):
        self.aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        ses = self.aws.client("sesv2")
        ses.create_email_identity(EmailIdentity="muster.example")
        ses.put_account_details(MailType="TRANSACTIONAL", WebsiteURL=ORIGIN, UseCaseDescription="invitations",
                                ProductionAccessEnabled=True)
        env = os.environ | {"AWS_ENDPOINT_URL": self.aws.url, "AWS_ACCESS_KEY_ID": "test",
                            "AWS_SECRET_ACCESS_KEY": "test"}
        # an environment that samconfig.toml doesn't have: everything that counts is said here
        command = ["sam", "deploy", "--config-env", "emulator", "--stack-name", STACK, "--s3-bucket", BUCKET,
                   "--capabilities", "CAPABILITY_IAM",
                   "--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", "Architecture=x86_64",
                   "MailFrom=no-reply@muster.example", f"ConsoleOrigin={ORIGIN}", "OpenSignUp=true",
                   "DeletionProtection=false"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise Broken(f"sam deploy failed\n{self.why() or done.stderr[-2000:]}")
        found = self.cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}
        self.types = {r["LogicalResourceId"]: r["ResourceType"] for r in found}
        self.functions = {name: self.ids[name] for name, kind in self.types.items() if kind == "AWS::Lambda::Function"}
        self.tell_where()
        iam = self.aws.client("iam")
        for role in (self.ids[name] for name, kind in self.types.items() if kind == "AWS::IAM::Role"):
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                # the emulator knows no leading keys: to it no call names an item, and what asks for one is refused
                document = role_policy(iam, role, policy)
                for statement in document["Statement"]:
                    statement.get("Condition", {}).pop("Null", None)
                iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
        # the emulator asks for ses:SendEmail on "*", where SES asks for it on the identity and the configuration set, and
        # doesn't say from whom
        everywhere = {"Version": "2012-10-17",
                      "Statement": [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}]}
        iam.put_role_policy(
            RoleName=self.ids["DeliverRole"], PolicyName="emulator", PolicyDocument=json.dumps(everywhere))
        say(f"{len(found)} resources, {len(self.functions)} functions")

    def tell_where(self):
        """Where AWS is: the one thing that the template can't know of."""
        functions = self.aws.client("lambda")
        for name in self.functions.values():
            variables = functions.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables | {"AWS_ENDPOINT_URL": self.aws.url}})

    def operate(self, order):
        """Gives the operator's order by direct invocation."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.functions["Operate"], Payload=json.dumps(order | {"reason": "deployment test"}))
        text = answer["Payload"].read()
        if "FunctionError" in answer:
            raise Broken(f"{order['operation']}: {text}\n{self.logs('Operate')}")
        return json.loads(text)

    def why(self):
        """The resources that couldn't be made."""
        try:
            events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        except self.cloudformation.exceptions.ClientError:
            return ""
        failed = [e for e in events if e["ResourceStatus"].endswith("FAILED")]
        return "\n".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in failed)

    def route(self):
        """The routes of the OpenAPI body that SAM gives the API, which the emulator leaves out."""
        gateway = self.aws.client("apigatewayv2")
        functions = self.aws.client("lambda")
        self.api = self.ids["HttpApi"]
        template = self.cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
        if isinstance(template, str):
            template = json.loads(template)
        body = template["Resources"]["HttpApi"]["Properties"]["Body"]
        there = {r["RouteKey"] for r in gateway.get_routes(ApiId=self.api)["Items"]}
        self.served = {}
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
                name = re.search(r"\$\{(\w+)\.Arn\}", uri).group(1)
                key = "$default" if path.strip("/") == "$default" else f"{method.upper()} {path}"
                self.served[key] = name
                if key in there:
                    continue
                arn = functions.get_function(FunctionName=self.functions[name])["Configuration"]["FunctionArn"]
                integration = gateway.create_integration(
                    ApiId=self.api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")
                gateway.create_route(ApiId=self.api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
        if not any(s["StageName"] == "$default" for s in gateway.get_stages(ApiId=self.api)["Items"]):
            gateway.create_stage(ApiId=self.api, StageName="$default", AutoDeploy=True)
        say(f"{len(self.served)} routes")

    def function_of(self, method, path):
        for key, name in self.served.items():
            if key.startswith(f"{method} ") and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", key.split(" ")[1]), path):
                return name
        return self.served.get("$default")

    def logs(self, name):
        """What a function logged last."""
        client = self.aws.client("logs")
        lines = []
        for group in client.describe_log_groups()["logGroups"]:
            if (name or "").lower() in group["logGroupName"].replace("-", "").lower():
                lines += [e["message"] for e in client.filter_log_events(logGroupName=group["logGroupName"])["events"]]
        return "\n".join(lines[-8:])

    def delete(self):
        self.cloudformation.delete_stack(StackName=STACK)
        for _ in range(100):
            left = self.aws.client("lambda").list_functions()["Functions"]
            if not left:
                return
            time.sleep(0.2)
        raise Broken(f"{len(left)} functions are left after the stack was deleted")


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

    def links(self, to):
        """The links in the mails to an address, oldest first: outbox, stream, deliver, SES."""
        with urllib.request.urlopen(f"{self.stack.aws.url}/_ministack/ses/messages") as answer:
            sent = [mail for mails in json.load(answer)["messages"].values() for mail in mails]
        return [re.search(r"\S+/accept#[A-Za-z0-9_-]{86}", m["BodyText"]).group() for m in sent if to in m["To"]]

    def tokens(self, to, count=1):
        """The tokens in them."""
        for _ in range(300):
            found = [link.split("#")[1] for link in self.links(to)]
            if len(found) >= count:
                return found
            time.sleep(0.2)
        raise Broken(f"no mail to {to} by the function Deliver\n{self.stack.logs('Deliver')}")

    def token(self, to):
        return self.tokens(to)[-1]

    def accept(self, to, status=201):
        body = {"token": self.token(to), "password": PASSWORD}
        return self.ask("POST", "/v1/invitations/accept", body, status=status)


def walk(stack):
    """The main job."""
    api = Team(stack)
    person = {"first_name": "New", "last_name": "Colleague"}
    api.ask("GET", "/accept")
    api.ask("GET", "/v1/me", status=401)
    api.ask("PUT", "/v1/me", status=405)
    tenant = api.ask("POST", "/v1/tenants", {"name": "Acme", "email": "olive@acme.example", "first_name": "Olive",
                                             "last_name": "Owner"}, status=202)["tenant"]["id"]
    owner = api.accept("olive@acme.example")
    session, team = owner["session"]["token"], f"/v1/tenants/{tenant}"
    say("an organization signed up, and its owner opened the emailed link")

    def olive(method, path, body=None, status=200):
        return api.ask(method, team + path, body, session, status)

    brand = olive("POST", "/brands", {"name": "Sage"}, 201)["id"]
    olive("PATCH", f"/brands/{brand}", {"name": "Sage & Rue"})
    spare = olive("POST", "/brands", {"name": "Spare"}, 201)["id"]
    olive("DELETE", f"/brands/{spare}", status=204)
    olive("GET", "/brands")
    ben = olive("POST", "/invitations", person | {"email": "ben@acme.example", "brands": [brand]}, 201)
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

    cleo = olive("POST", "/invitations", person | {"email": "cleo@acme.example"}, 201)["id"]
    api.token("cleo@acme.example")
    olive("POST", f"/invitations/{cleo}/resend")
    old, new = api.tokens("cleo@acme.example", 2)
    api.ask("POST", "/v1/invitations/preview", {"token": old}, status=410)
    api.ask("POST", "/v1/invitations/decline", {"token": new}, status=204)
    dan = olive("POST", "/invitations", person | {"email": "dan@acme.example"}, 201)["id"]
    olive("DELETE", f"/invitations/{dan}", status=204)
    say("resent, declined, taken back")

    eve = olive("POST", "/invitations", person | {"email": "eve@acme.example"}, 201)["id"]
    api.token("eve@acme.example")
    bounce(stack, tenant, eve)
    assert olive("GET", f"/invitations/{eve}")["delivery"]["state"] == "bounced"
    olive("POST", f"/invitations/{eve}/resend", status=422)
    say("a bounce is shown, and stops the next mail")

    operate = stack.functions["Operate"]
    order = {"operation": "set-plan", "tenant": tenant, "plan": "large", "seats": 40, "reason": "deployment test"}
    answer = stack.aws.client("lambda").invoke(FunctionName=operate, Payload=json.dumps(order))
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert olive("GET", "")["seats"]["limit"] == 40
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
    expire(stack, tenant, olive, person)
    return api, team, session


def bounce(stack, tenant, invitation):
    """SES's event: fits the rule of feedback, and is handed to it. Only AWS itself may put it on the bus."""
    event = {
        "version": "0", "id": "1", "detail-type": "Email Bounced", "source": "aws.ses", "account": "000000000000",
        "time": "2026-11-22T09:00:00Z", "region": "eu-central-1", "resources": [],
        "detail": {
            "eventType": "Bounce",
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                       "bouncedRecipients": [{"emailAddress": "eve@acme.example"}]},
            "mail": {"messageId": "1", "destination": ["eve@acme.example"],
                     "tags": {"tenant": [tenant], "invitation": [invitation], "generation": ["1"],
                              "ses:configuration-set": [stack.ids["ConfigurationSet"]]}},
        },
    }
    events = stack.aws.client("events")
    rule = events.describe_rule(Name=stack.ids["FeedbackMail"].split("|")[-1])
    if not events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]:
        raise Broken(f"SES's event doesn't fit the rule of the function Feedback: {rule['EventPattern']}")
    answer = stack.aws.client("lambda").invoke(FunctionName=stack.functions["Feedback"], Payload=json.dumps(event))
    if "FunctionError" in answer:
        raise Broken(f"the function Feedback: {answer['Payload'].read()}\n{stack.logs('Feedback')}")


def expire(stack, tenant, olive, person):
    """A token is removed as DynamoDB's TTL would, and the stream tells expire."""
    late = olive("POST", "/invitations", person | {"email": "late@acme.example", "expires_in_days": 1}, 201)["id"]
    function = stack.functions["Expire"]
    record = {
        "eventName": "REMOVE", "eventSource": "aws:dynamodb",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"SequenceNumber": "1", "OldImage": {
            "entity": {"S": "Token"}, "tenant_id": {"S": tenant}, "invitation_id": {"S": late},
            "generation": {"N": "1"}, "expires_at": {"S": "2020-01-01T00:00:00.000Z"}}},
    }
    answer = stack.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"Records": [record]}))
    report = json.loads(answer["Payload"].read())
    assert report == {"batchItemFailures": []}, report
    # its time isn't over by the clock, so nothing was expired
    assert olive("GET", f"/invitations/{late}")["status"] == "pending"
    say("expire read what it was told of, and left alone what isn't over")


def replay(stack, api):
    """A mail that had all its tries, its pointer in the dead-letter queue, and infra/replay."""
    streams, dynamodb = stack.aws.client("dynamodbstreams"), stack.aws.client("dynamodb")
    arn = dynamodb.describe_table(TableName=stack.ids["Table"])["Table"]["LatestStreamArn"]
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                image = record["dynamodb"].get("NewImage", {})
                to = image.get("to", {}).get("M", {}).get("canonical", {}).get("S")
                if record["eventName"] == "INSERT" and to == "late@acme.example":
                    break
            else:
                iterator = page.get("NextShardIterator") if page["Records"] else None
                continue
            break
    number = record["dynamodb"]["SequenceNumber"]
    api.tokens("late@acme.example")
    dynamodb.update_item(
        TableName=stack.ids["Table"], Key=record["dynamodb"]["Keys"],
        UpdateExpression="SET #status = :queued, attempts = :all REMOVE claimed_until",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":queued": {"S": "queued"}, ":all": {"N": "10"}})
    pointer = {"DDBStreamBatchInfo": {"shardId": shard["ShardId"], "startSequenceNumber": number,
                                      "endSequenceNumber": number, "batchSize": 1, "streamArn": arn}}
    stack.aws.client("sqs").send_message(QueueUrl=stack.ids["DeliverDeadLetters"], MessageBody=json.dumps(pointer))
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "replay"), "--stack", STACK, "--function", "Deliver"]
    env = os.environ | {"AWS_ENDPOINT_URL": stack.aws.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode or "1 message(s) replayed, 0 left" not in done.stdout:
        raise Broken(f"infra/replay: {done.stdout}{done.stderr}")
    api.tokens("late@acme.example", 2)
    say("a dead letter was replayed, and its mail sent")


def least_privilege(stack, api, team, session):
    """A function is refused what its role doesn't allow."""
    iam = stack.aws.client("iam")
    functions = stack.aws.client("lambda")
    for name, action, probe in [
        ("Check", "BatchGetItem", lambda status: api.ask("POST", f"{team}/check", {"permission": "tenant.read"}, session, status)),
        ("Tenants", "PutItem", lambda status: api.ask("POST", f"{team}/brands", {"name": "Ivy"}, session, status)),
    ]:
        role = functions.get_function(FunctionName=stack.functions[name])["Configuration"]["Role"].rsplit("/", 1)[-1]
        policy = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
        document = role_policy(iam, role, policy)
        less = json.loads(json.dumps(document))
        for statement in less["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [a for a in actions if a != f"dynamodb:{action}"] or ["dynamodb:DescribeTable"]
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(less))
        probe(500)
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
        probe(201 if name == "Tenants" else 200)
        say(f"{name} without dynamodb:{action} is refused by IAM, and works again with it")


def moved(stack, api, team, session):
    """A tenant is exported, and imported as if it came from elsewhere: under another id of the same moment."""
    tenant = team.rsplit("/", 1)[-1]
    other = tenant[:-12] + ("0" * 12 if tenant[-12:] != "0" * 12 else "1" * 12)
    pages, after = [], None
    while not pages or after:
        order = {"operation": "export-tenant", "tenant": tenant, "after": after, "with_credentials": True}
        pages.append(stack.operate(order))
        after = pages[-1]["next"]
    for page in pages:
        page = json.loads(json.dumps(page).replace(tenant, other))
        done = stack.operate({"operation": "import-tenant", "page": page, "with_credentials": True})["done"]
    assert done, "the last page was imported, and the tenant isn't there"
    before, after = (api.ask("GET", f"/v1/tenants/{one}", session=session) for one in (tenant, other))
    assert after == before | {"id": other}, after
    say(f"the tenant came again from its own export, in {len(pages)} pages, and its owner is in")


def restored(stack, api, team, session):
    """The table is restored beside itself, and the stack uses the other one."""
    env = os.environ | {"AWS_ENDPOINT_URL": stack.aws.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "restore"), "--stack", STACK, "--table",
               "muster-restored", "--use"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode or "the stack uses it" not in done.stdout:
        raise Broken(f"infra/restore: {done.stdout}{done.stderr}\n{stack.why()}")
    dynamodb = stack.aws.client("dynamodb")
    old = dynamodb.scan(TableName=stack.ids["Table"], Select="COUNT")["Count"]
    stack.tell_where()
    # the sessions of then are over
    api.ask("GET", "/v1/me", session=session, status=401)
    password = {"email": "olive@acme.example", "password": PASSWORD}
    session = api.ask("POST", "/v1/sessions", password, status=201)["session"]["token"]
    api.ask("POST", f"{team}/brands", {"name": "Yarrow"}, session, 201)
    new = {"email": "zoe@acme.example", "first_name": "New", "last_name": "Colleague"}
    api.ask("POST", f"{team}/invitations", new, session, 201)
    api.token("zoe@acme.example")
    assert dynamodb.scan(TableName=stack.ids["Table"], Select="COUNT")["Count"] == old, "the old table was written"
    say("the table was restored, the stack uses it, and its stream sends mail; the old one is left alone")


def anywhere(stack, api):
    """The suite for any URL. It reads mail as the local stack's mailbox answers it."""
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

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mailbox) as mailbox:
        threading.Thread(target=mailbox.serve_forever, daemon=True).start()
        url = f"{stack.aws.url}/_aws/execute-api/{stack.api}/$default"
        mails = f"http://127.0.0.1:{mailbox.server_address[1]}/messages"
        suite = subprocess.run(["cargo", "run", "--locked", "--quiet", "-p", "anywhere", "--", url, "--mailbox", mails,
                                "--seed", "1", "--rounds", "2"], capture_output=True, text=True, check=False)
        mailbox.shutdown()
    print(suite.stdout, end="", flush=True)
    if suite.returncode:
        raise Broken(f"the suite for any URL ended with {suite.returncode}\n{suite.stderr}")
    say("the suite for any URL holds")


def main():
    aws = Emulator()
    try:
        stack = Stack(aws)
        stack.deploy()
        stack.route()
        api, team, session = walk(stack)
        replay(stack, api)
        anywhere(stack, api)
        least_privilege(stack, api, team, session)
        moved(stack, api, team, session)
        restored(stack, api, team, session)
        stack.delete()
        say("the stack is deleted")
    except (Broken, AssertionError) as error:
        aws.log.flush()
        print(f"\nthe deployment test failed: {error}", file=sys.stderr)
        print(f"the emulator's log: {aws.log.name}", file=sys.stderr)
        return 1
    finally:
        aws.stop()
    print("""
What an emulator can't show, and this test didn't: that API Gateway takes the routes from the template (the test made
them, from the template); leading keys in policies (the emulator knows none, and the test took out the condition that there are some;
tests/stories/parity/permissions.rs holds them to what is used); from which sender and on which identity SES is allowed (the
emulator asks for all); the pipe to the bus (the emulator
makes it, and delivers to other targets only); TTL and its lag; throttling; alarms; SES's own events (the test handed
the bounce over, once it fit the rule); arm64.""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
