"""The deployed stack in an emulator of AWS, for infra/deployment_test.py; and what that emulator leaves undone, done here
from the deployed template's own values."""

import contextlib
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
import urllib.parse
import urllib.request

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from runbook import Terminal, read

STACK, BUCKET, ORIGIN, REGION = "muster", "muster-artifacts", "https://team.example.com", "eu-central-1"
# the sandbox's one a second would take the test minutes
MAILS_PER_SECOND = 5
# `aws` at a terminal: the one command that the emulator doesn't know is looked at by the command line, which sends it nowhere,
# and noted, to be done by `Stack.move`
MOVING = """() {
  case "$1 $2" in
    "sqs start-message-move-task") command aws "$@" --generate-cli-skeleton output && MOVED="${*:3}" ;;
    # its first version asks AWS's own queues, whatever AWS_ENDPOINT_URL says
    *) command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@" ;;
  esac
}"""


# ministack, which says of a restored table no more than of any other one: what AWS says of it is added
EMULATOR = """
import sys, time
from ministack.services import dynamodb as tables
from ministack.app import main

restored, create, describe = {}, tables._restore_create_request, tables._table_description

def created(target, *rest):
    restored[target] = (rest[4]["SourceTableName"], time.time())
    return create(target, *rest)

def described(name):
    said = describe(name)
    if name in restored:
        source, at = restored[name]
        said["RestoreSummary"] = {"SourceTableArn": describe(source)["TableArn"], "RestoreDateTime": at, "RestoreInProgress": False}
    return said

tables._restore_create_request, tables._table_description = created, described
sys.exit(main())
"""


def say(words):
    print(f"   {words}", flush=True)


class Broken(Exception):
    pass


def until(look, otherwise, seconds=60):
    """What `look` finds, once it finds something; `otherwise` says what never came."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise Broken(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.1)
    return found


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
            "MINISTACK_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "S3_DATA_DIR": home, "STATE_DIR": home, "HOME": home,
        }
        self.process = subprocess.Popen([sys.executable, "-c", EMULATOR], env=env, stdout=self.log, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise Broken("the emulator didn't start")

    def client(self, service, key=("test", "test", None)):
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **dict(zip(names, key)))

    def seen(self, what):
        """What the emulator shows of itself, of all its accounts."""
        with urllib.request.urlopen(f"{self.url}/_ministack/{what}", timeout=10) as answer:
            return json.load(answer)["messages"]

    def mails(self):
        """Each mail that SES took, oldest first."""
        return [mail for mails in self.seen("ses/messages").values() for mail in mails]

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)


class Stack:
    """The deployed stack."""

    def __init__(self, aws):
        self.aws = aws
        self.cloudformation, self.iam = aws.client("cloudformation"), aws.client("iam")
        self.lambdas, self.sqs, self.events = aws.client("lambda"), aws.client("sqs"), aws.client("events")
        self.dynamodb, self.keys = aws.client("dynamodb"), 0

    def deploy(self):
        self.aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        ses = self.aws.client("sesv2")
        ses.create_email_identity(EmailIdentity="muster.example")
        ses.put_account_details(MailType="TRANSACTIONAL", WebsiteURL=ORIGIN, UseCaseDescription="invitations",
                                ProductionAccessEnabled=True)
        env = os.environ | {"AWS_ENDPOINT_URL": self.aws.url, "AWS_ACCESS_KEY_ID": "test",
                            "AWS_SECRET_ACCESS_KEY": "test"}
        # an environment that samconfig.toml doesn't have: everything that counts is said here
        command = ["sam", "deploy", "--config-env", "emulator", "--template-file", self.emulated(), "--stack-name", STACK, "--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM",
                   "--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", "Architecture=x86_64",
                   "MailFrom=no-reply@muster.example", f"MailsPerSecond={MAILS_PER_SECOND}",
                   f"ConsoleOrigin={ORIGIN}", "OpenSignUp=true", "DeletionProtection=false"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise Broken(f"sam deploy failed\n{self.why() or done.stderr[-2000:]}")
        self.look()

    @staticmethod
    def emulated():
        """The built template, its alarms over several metrics as alarms over the first of them: the emulator knows no others."""
        built = os.path.join(os.path.dirname(__file__), "..", ".aws-sam", "build")
        with open(os.path.join(built, "template.yaml"), encoding="utf-8") as source:
            template = yaml.safe_load(source)
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
                stat = next(one["MetricStat"] for one in properties.pop("Metrics") if "MetricStat" in one)
                properties.update(stat["Metric"], Period=stat["Period"], Statistic=stat["Stat"])
        name = os.path.join(built, "emulated.yaml")
        with open(name, "w", encoding="utf-8") as target:
            yaml.safe_dump(template, target, sort_keys=False)
        return name

    def look(self):
        """Reads what was deployed, and mends what the emulator makes otherwise than AWS."""
        found = self.cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}
        self.types = {r["LogicalResourceId"]: r["ResourceType"] for r in found}
        self.functions = {name: self.ids[name] for name, kind in self.types.items() if kind == "AWS::Lambda::Function"}
        template = self.cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
        self.template = json.loads(template) if isinstance(template, str) else template
        for name in self.functions:
            # where AWS is: the one thing that the template can't know of
            self.set_variables(name, AWS_ENDPOINT_URL=self.aws.url)
        for role in (self.ids[name] for name, kind in self.types.items() if kind == "AWS::IAM::Role"):
            for policy in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
                # the emulator knows no leading keys: to it no call names an item, and what asks for one is refused
                document = self.policy(role, policy)
                for statement in document["Statement"]:
                    statement.get("Condition", {}).pop("Null", None)
                self.iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
        # the emulator asks for ses:SendEmail on "*", where SES asks for it on the identity and the configuration set, and
        # doesn't say from whom
        everywhere = {"Version": "2012-10-17",
                      "Statement": [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}]}
        self.iam.put_role_policy(
            RoleName=self.ids["DeliverRole"], PolicyName="emulator", PolicyDocument=json.dumps(everywhere))
        # it takes the number of a parameter for text, and reads no queue at all once a mapping has text where it counts
        for mapping in self.lambdas.list_event_source_mappings()["EventSourceMappings"]:
            most = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            self.lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": most})
        say(f"{len(found)} resources, {len(self.functions)} functions")

    def why(self):
        """The resources that couldn't be made."""
        try:
            events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        except self.cloudformation.exceptions.ClientError:
            return ""
        failed = [e for e in events if e["ResourceStatus"].endswith("FAILED")]
        return "\n".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in failed)

    def properties(self, name):
        return self.template["Resources"][name]["Properties"]

    def route(self):
        """The routes of the OpenAPI body that SAM gives the API, which the emulator leaves out."""
        gateway = self.aws.client("apigatewayv2")
        self.api = self.ids["HttpApi"]
        there = {r["RouteKey"] for r in gateway.get_routes(ApiId=self.api)["Items"]}
        self.served = {}
        for path, methods in self.properties("HttpApi")["Body"]["paths"].items():
            for method, operation in methods.items():
                uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
                name = re.search(r"\$\{(\w+)\.Arn\}", uri).group(1)
                key = "$default" if path.strip("/") == "$default" else f"{method.upper()} {path}"
                self.served[key] = name
                if key in there:
                    continue
                integration = gateway.create_integration(
                    ApiId=self.api, IntegrationType="AWS_PROXY", IntegrationUri=self.function(name)["FunctionArn"],
                    PayloadFormatVersion="2.0")
                gateway.create_route(ApiId=self.api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
        if not any(s["StageName"] == "$default" for s in gateway.get_stages(ApiId=self.api)["Items"]):
            gateway.create_stage(ApiId=self.api, StageName="$default", AutoDeploy=True)
        say(f"{len(self.served)} routes")

    def function_of(self, method, path):
        for key, name in self.served.items():
            if key.startswith(f"{method} ") and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", key.split(" ")[1]), path):
                return name
        return self.served.get("$default")

    def function(self, name):
        return self.lambdas.get_function_configuration(FunctionName=self.functions[name])

    def set_variables(self, name, **changes):
        variables = self.function(name).get("Environment", {}).get("Variables", {})
        self.lambdas.update_function_configuration(
            FunctionName=self.functions[name], Environment={"Variables": variables | changes})

    def terminal(self):
        """A terminal of the operator's, into which the runbook's commands are copied."""
        places = [os.path.dirname(sys.executable), os.environ["PATH"]]
        terminal = Terminal(read(), os.environ | {
            "PATH": os.pathsep.join(places), "AWS_ENDPOINT_URL": self.aws.url, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "STACK": STACK, "BASH_FUNC_aws%%": MOVING})
        terminal.run("At the terminal")
        # the name that it has at AWS leads nowhere here
        terminal.environment["Api"] = f"{self.aws.url}/_aws/execute-api/{self.api}/$default"
        return terminal

    def logs(self, name):
        """What a function logged last."""
        client = self.aws.client("logs")
        lines = []
        for group in client.describe_log_groups()["logGroups"]:
            if (name or "").lower() in group["logGroupName"].replace("-", "").lower():
                lines += [e["message"] for e in client.filter_log_events(logGroupName=group["logGroupName"])["events"]]
        return "\n".join(lines[-8:])

    # roles

    def policy(self, role, policy):
        """A policy of a role."""
        document = self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        return json.loads(document) if isinstance(document, str) else document

    def may(self, name, action, resource="*"):
        """Whether a function's role lets it do this."""
        answer = self.iam.simulate_principal_policy(
            PolicySourceArn=self.function(name)["Role"], ActionNames=[action], ResourceArns=[resource])
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    @contextlib.contextmanager
    def without(self, name, action):
        """A while in which a function is refused this."""
        refused = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
        policy = {"RoleName": self.ids[f"{name}Role"], "PolicyName": "outage"}
        self.iam.put_role_policy(**policy, PolicyDocument=json.dumps(refused))
        try:
            yield
        finally:
            self.iam.delete_role_policy(**policy)

    def key_of(self, role):
        """A key with the very policies of a role that a service of AWS takes on, of which the emulator has none."""
        account = self.aws.client("sts").get_caller_identity()["Account"]
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
        self.keys += 1
        made = self.iam.create_role(RoleName=f"{role}-tested-{self.keys}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        for policy in self.iam.list_role_policies(RoleName=self.ids[role])["PolicyNames"]:
            text = json.dumps(self.policy(self.ids[role], policy))
            self.iam.put_role_policy(RoleName=made["RoleName"], PolicyName=policy, PolicyDocument=text)
        key = self.aws.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="test")["Credentials"]
        return key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]

    # queues

    def queue(self, name, *attributes):
        asked = {"QueueUrl": self.ids[name], "AttributeNames": list(attributes) or ["All"]}
        return self.sqs.get_queue_attributes(**asked)["Attributes"]

    def waiting(self, name):
        """The messages that lie in a queue, whoever has them just now."""
        states = ["", "NotVisible", "Delayed"]
        return sum(int(self.queue(name)[f"ApproximateNumberOfMessages{state}"]) for state in states)

    def drained(self, name):
        until(lambda: not self.waiting(name), lambda: f"messages still wait in {name}\n{self.logs(None)}")

    def pace(self, mails_per_second):
        """Another pace of mails. A function that is given other variables ends what it is at, so that nothing waits then."""
        self.drained("MailQueue")
        self.set_variables("Deliver", MAILS_PER_SECOND=str(mails_per_second))

    def tries(self, name):
        """How often what lies in a queue was handed over."""
        url = urllib.parse.quote(self.ids[name])
        queues = [q for regions in self.aws.seen(f"sqs/messages?QueueUrl={url}").values() for q in regions.values()]
        return [message["ReceiveCount"] for queue in queues for messages in queue.values() for message in messages]

    @contextlib.contextmanager
    def queue_with(self, name, **attributes):
        """A while in which a queue has other attributes: nobody waits six minutes here for the next try."""
        before = self.queue(name, *attributes)
        self.sqs.set_queue_attributes(QueueUrl=self.ids[name], Attributes=attributes)
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(QueueUrl=self.ids[name], Attributes=before)

    def move(self, asked):
        """What `aws sqs start-message-move-task`, with these arguments, does with dead letters, which the emulator can't."""
        arguments = dict(zip(asked.split()[::2], asked.split()[1::2]))
        dead, queue = (self.sqs.get_queue_url(QueueName=arguments[name].rsplit(":", 1)[-1])["QueueUrl"]
                       for name in ("--source-arn", "--destination-arn"))
        while letters := self.sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
            for letter in letters:
                self.sqs.send_message(QueueUrl=queue, MessageBody=letter["Body"])
                self.sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])

    # the table

    def items(self, entity, **values):
        """The items of a kind that have these values."""
        names = {f"#{n}": name for n, name in enumerate(["entity", *values])}
        wanted = {f":{n}": {"S": value} for n, value in enumerate([entity, *values.values()])}
        found = self.aws.client("dynamodb").get_paginator("scan").paginate(
            TableName=self.ids["Table"], ConsistentRead=True, ExpressionAttributeNames=names,
            ExpressionAttributeValues=wanted, FilterExpression=" AND ".join(f"#{n} = :{n}" for n in range(len(names))))
        return [item for page in found for item in page["Items"]]

    def mail_to(self, address):
        """The item of the mail to an address that nobody was mailed at before."""
        return next((m for m in self.items("Mail") if m["to"]["M"]["canonical"]["S"] == address), None)

    def set_item(self, pk, sk, **values):
        """What the test makes of an item: what time, or a crash, would."""
        names = {f"#{n}": name for n, name in enumerate(values)}
        self.dynamodb.update_item(
            TableName=self.ids["Table"], Key={"pk": {"S": pk}, "sk": {"S": sk}}, ExpressionAttributeNames=names,
            UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in range(len(names))),
            ExpressionAttributeValues={f":{n}": value for n, value in enumerate(values.values())})

    def delete(self):
        self.cloudformation.delete_stack(StackName=STACK)
        for _ in range(100):
            left = self.lambdas.list_functions()["Functions"]
            if not left:
                return
            time.sleep(0.2)
        raise Broken(f"{len(left)} functions are left after the stack was deleted")


def fits(pattern, record):
    """EventBridge's patterns, as far as the template's pipe has them: names, and lists of values."""
    if isinstance(pattern, dict):
        return isinstance(record, dict) and all(name in record and fits(of, record[name]) for name, of in pattern.items())
    if any(isinstance(value, (dict, list)) for value in pattern):
        raise Broken(f"a pattern of the pipe that this test can't read: {pattern}")
    return record in pattern


# so often, a fifth of a second apart, a pipe tries what it tries for a day
PATIENCE = 50


class Pipe:
    """What the deployed pipe does, which the emulator makes, and leaves idle: its targets are topics and state machines.

    It reads the table's stream from its beginning, as many records at once as the template says, and leaves out what the
    template's filters leave out; under the policies of the pipe's own role it asks the deployed function `Publish`, and puts
    what that answers on the deployed bus. What fails is tried again, then halved, then put into the pipe's dead letters.
    """

    def __init__(self, stack):
        made = stack.aws.client("pipes").describe_pipe(Name=stack.ids["EventsPipe"])
        wanted = stack.properties("EventsPipe")
        stream = wanted["SourceParameters"]["DynamoDBStreamParameters"]
        filters = wanted["SourceParameters"]["FilterCriteria"]["Filters"]
        self.stack, self.source, self.bus = stack, made["Source"], made["Target"]
        self.enrichment = stack.function(self.named(wanted["Enrichment"]))["FunctionArn"]
        self.dead_letters = stack.ids[self.named(stream["DeadLetterConfig"]["Arn"])]
        self.start, self.batch = stream["StartingPosition"], stream["BatchSize"]
        # however often, until the stream forgets it: no test waits for a day
        retries = stream["MaximumRetryAttempts"]
        self.tries = PATIENCE if retries == -1 else 1 + retries
        self.patterns = [json.loads(one["Pattern"]) for one in filters]
        self.words = wanted["TargetParameters"]["EventBridgeEventBusParameters"]
        # the emulator asks for a stream's actions on "*", which AWS asks for on the stream
        self.streams = stack.aws.client("dynamodbstreams")
        key = stack.key_of("EventsPipeRole")
        self.lambdas, self.events, self.sqs = (stack.aws.client(service, key) for service in ("lambda", "events", "sqs"))
        self.turn, self.ended = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def named(value):
        """The logical id in `!GetAtt Name.Arn`."""
        return re.search(r'"Fn::GetAtt": \[?"(\w+)', json.dumps(value)).group(1)

    def run(self):
        iterator, said = None, None
        while not self.ended.is_set():
            try:
                with self.turn:
                    iterator, was_idle = self.step(iterator or self.beginning())
            except (BotoCoreError, ClientError, Broken) as error:
                was_idle = True
                if str(error) != said and not self.ended.is_set():
                    said = str(error)
                    say(f"the pipe goes on after: {said}")
            self.ended.wait(0.1 if was_idle else 0.005)

    def beginning(self):
        shards = self.streams.describe_stream(StreamArn=self.source)["StreamDescription"]["Shards"]
        if len(shards) != 1:
            raise Broken(f"the emulator's streams have one shard, this one has {len(shards)}")
        asked = {"StreamArn": self.source, "ShardId": shards[0]["ShardId"], "ShardIteratorType": self.start}
        return self.streams.get_shard_iterator(**asked)["ShardIterator"]

    def step(self, iterator):
        page = self.streams.get_records(ShardIterator=iterator, Limit=self.batch)
        wanted = [record for record in page["Records"] if self.wants(record)]
        if wanted:
            self.carry(wanted)
        return page["NextShardIterator"], not page["Records"]

    def wants(self, record):
        return any(fits(pattern, record) for pattern in self.patterns)

    def carry(self, records):
        for _ in range(self.tries):
            try:
                return self.publish(records)
            except (BotoCoreError, ClientError, Broken) as error:
                cause = str(error)
                time.sleep(0.2)
        if len(records) > 1:
            middle = len(records) // 2
            self.carry(records[:middle])
            return self.carry(records[middle:])
        letter = {"sequence_number": records[0]["dynamodb"]["SequenceNumber"], "cause": cause}
        self.sqs.send_message(QueueUrl=self.dead_letters, MessageBody=json.dumps(letter))

    def publish(self, records):
        # times are numbers in what a function is handed
        batch = json.dumps(records, default=lambda at: at.timestamp())
        answer = self.lambdas.invoke(FunctionName=self.enrichment, Payload=batch)
        details = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Broken(f"the function Publish: {details}")
        entries = [self.words | {"EventBusName": self.bus, "Detail": json.dumps(detail)} for detail in details]
        for at in range(0, len(entries), 10):
            done = self.events.put_events(Entries=entries[at:at + 10])
            if done["FailedEntryCount"]:
                raise Broken(f"the bus: {done['Entries']}")

    @contextlib.contextmanager
    def held(self):
        """A while in which nothing leaves the table."""
        with self.turn:
            yield

    def sweep(self, item):
        """DynamoDB removes an item whose time is over. The emulator removes it as anybody would, and the record that says
        that it was DynamoDB is made here."""
        key = {name: item[name] for name in ("pk", "sk")}
        self.stack.dynamodb.delete_item(TableName=self.stack.ids["Table"], Key=key)
        removed = {"eventID": "1", "eventName": "REMOVE", "eventSource": "aws:dynamodb",
                   "dynamodb": {"SequenceNumber": "1", "Keys": key, "OldImage": item}}
        swept = removed | {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
        if (self.wants(removed), self.wants(swept)) != (False, True):
            raise Broken(f"the pipe's filters don't tell who removed an item: {self.patterns}")
        self.carry([swept])

    def end(self):
        self.ended.set()
        self.thread.join(timeout=20)
