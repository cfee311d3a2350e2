//! `template.yaml`, as far as the local stack needs it: parameters and the usual intrinsic functions resolved, functions
//! with their routes and queues, the pipe, the rules, the queues, the table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::cors::Cors;
use crate::{BoxError, pattern};

/// A template with its parameters filled in.
#[derive(Debug)]
pub struct Template {
    resources: Map<String, Value>,
    globals: Value,
}

/// One function of the template.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// The binary, which is the crate and the folder too.
    pub(crate) name: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) routes: Vec<Route>,
    pub(crate) queues: Vec<QueueMapping>,
}

/// A route of the HTTP API; no path is the API's `$default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: Option<String>,
}

/// An event source mapping on a queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueMapping {
    /// The queue's name in the template.
    pub(crate) queue: String,
    pub(crate) batch_size: usize,
    pub(crate) reports_failures: bool,
}

/// The pipe from the table's stream to a bus.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub(crate) batch_size: usize,
    /// Retries of a record after its first try; `None` for ever, as pipes have it by default.
    pub(crate) retries: Option<u32>,
    pub(crate) filters: Vec<Value>,
    /// The dead-letter queue's name in the template.
    pub(crate) dead_letters: Option<String>,
    /// The function that makes the details of events out of a batch of records.
    pub(crate) enrichment: String,
    /// The bus's name in the template.
    pub(crate) bus: String,
    pub(crate) source: String,
    pub(crate) detail_type: String,
}

/// A rule of a bus.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The bus's name in the template; none for the account's default bus.
    pub(crate) bus: Option<String>,
    pub(crate) pattern: Value,
    /// The queues that it puts what fits into, as the template names them.
    pub(crate) queues: Vec<String>,
}

/// A queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// After so many tries a message goes to these dead letters; never where there are none.
    pub(crate) gives_up: Option<(u32, String)>,
}

impl Template {
    /// Parses a template, with these values for its parameters; the others take their defaults.
    ///
    /// # Errors
    /// What can't be read, or isn't understood here.
    pub fn parse(text: &str, parameters: &BTreeMap<&str, String>) -> Result<Self, BoxError> {
        let yaml: Yaml =
            serde_yaml_ng::from_str(text).map_err(|e| format!("the template is not YAML: {e}"))?;
        let raw = to_json(&yaml)?;
        let mut resolver = Resolver { values: BTreeMap::new(), conditions: Map::new() };
        let pseudo = [
            ("AWS::Region", "eu-central-1"),
            ("AWS::AccountId", "000000000000"),
            ("AWS::Partition", "aws"),
            ("AWS::URLSuffix", "amazonaws.com"),
            ("AWS::StackName", "muster"),
            ("AWS::StackId", "arn:aws:cloudformation:eu-central-1:000000000000:stack/muster/local"),
            ("AWS::NoValue", ""),
        ];
        resolver.values.extend(pseudo.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, parameter) in object(&raw, "Parameters") {
            let given = parameters.get(name.as_str()).cloned();
            let value = given.or_else(|| parameter.get("Default").map(plain));
            let value = value.ok_or_else(|| format!("template.yaml: the parameter {name} has no value"))?;
            resolver.values.insert(name.clone(), value);
        }
        if let Some(unknown) =
            parameters.keys().find(|name| raw.pointer(&format!("/Parameters/{name}")).is_none())
        {
            return Err(format!("template.yaml has no parameter {unknown}").into());
        }
        resolver.conditions = object(&raw, "Conditions").clone();
        let resources = object(&raw, "Resources");
        for name in resources.keys() {
            resolver.values.entry(name.clone()).or_insert_with(|| name.clone());
        }
        let resources = resolver.resolve(&Value::Object(resources.clone()))?;
        let Value::Object(resources) = resources else { return Err("template.yaml: no resources".into()) };
        let globals = resolver.resolve(raw.get("Globals").unwrap_or(&Value::Null))?;
        Ok(Self { resources, globals })
    }

    /// The resources of a type, by name, with everything filled in that is known here.
    #[must_use]
    pub fn resources(&self, kind: &str) -> Vec<(String, Value)> {
        self.of_type(kind).map(|(name, resource)| (name.clone(), resource.clone())).collect()
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.resources.iter().filter(move |(_, r)| r.get("Type").and_then(Value::as_str) == Some(kind))
    }

    /// The functions.
    pub(crate) fn functions(&self) -> Result<Vec<Function>, BoxError> {
        self.of_type("AWS::Serverless::Function").map(|(id, resource)| self.function(id, resource)).collect()
    }

    fn function(&self, id: &str, resource: &Value) -> Result<Function, BoxError> {
        let name = resource
            .pointer("/Metadata/BuildProperties/Binary")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("template.yaml: {id} names no Binary to build"))?;
        let mut environment = BTreeMap::new();
        for variables in [
            self.globals.pointer("/Function/Environment/Variables"),
            resource.pointer("/Properties/Environment/Variables"),
        ] {
            let variables = variables.and_then(Value::as_object);
            environment.extend(variables.into_iter().flatten().map(|(k, v)| (k.clone(), plain(v))));
        }
        let (mut routes, mut queues) = (Vec::new(), Vec::new());
        for (event, source) in
            resource.pointer("/Properties/Events").and_then(Value::as_object).into_iter().flatten()
        {
            let properties = source.get("Properties").unwrap_or(&Value::Null);
            match source.get("Type").and_then(Value::as_str) {
                Some("HttpApi") => routes.push(Route {
                    method: properties.get("Method").map_or_else(|| "ANY".to_owned(), plain).to_uppercase(),
                    path: properties.get("Path").map(plain),
                }),
                Some("SQS") => queues.push(self.queue_mapping(&format!("{id}.{event}"), properties)?),
                other => return Err(format!("template.yaml: {id}.{event} has the type {other:?}").into()),
            }
        }
        Ok(Function { name: name.to_owned(), environment, routes, queues })
    }

    fn queue_mapping(&self, what: &str, properties: &Value) -> Result<QueueMapping, BoxError> {
        only(what, properties, &["Queue", "BatchSize", "FunctionResponseTypes", "ScalingConfig"])?;
        let reports = properties.pointer("/FunctionResponseTypes/0").and_then(Value::as_str);
        Ok(QueueMapping {
            queue: self.resource("AWS::SQS::Queue", properties.get("Queue"), what)?,
            // what a mapping on a queue has by default
            batch_size: number(properties, "/BatchSize").and_then(|n| usize::try_from(n).ok()).unwrap_or(10),
            reports_failures: reports == Some("ReportBatchItemFailures"),
        })
    }

    /// The name of a resource of this kind that is referred to as `Name` or `Name.Arn`.
    fn resource(&self, kind: &str, reference: Option<&Value>, what: &str) -> Result<String, BoxError> {
        let text = reference.and_then(Value::as_str).unwrap_or_default();
        let name = text.strip_suffix(".Arn").unwrap_or(text);
        let is_there = self.of_type(kind).any(|(id, _)| id == name);
        if is_there {
            Ok(name.to_owned())
        } else {
            Err(format!("template.yaml: {what} names `{text}`, which is no {kind}").into())
        }
    }

    /// The queues.
    pub(crate) fn queues(&self) -> Result<Vec<Queue>, BoxError> {
        self.of_type("AWS::SQS::Queue").map(|(name, resource)| self.queue(name, resource)).collect()
    }

    fn queue(&self, name: &str, resource: &Value) -> Result<Queue, BoxError> {
        let what = format!("the queue {name}");
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        let known = [
            "VisibilityTimeout",
            "RedrivePolicy",
            "MessageRetentionPeriod",
            "SqsManagedSseEnabled",
            "KmsMasterKeyId",
        ];
        only(&what, properties, &known)?;
        let gives_up = match properties.get("RedrivePolicy") {
            None => None,
            Some(policy) => {
                let tries = number(policy, "/maxReceiveCount").and_then(|n| u32::try_from(n).ok());
                let tries =
                    tries.ok_or_else(|| format!("template.yaml: {what} doesn't say when it gives up"))?;
                Some((tries, self.resource("AWS::SQS::Queue", policy.get("deadLetterTargetArn"), &what)?))
            }
        };
        Ok(Queue { name: name.to_owned(), gives_up })
    }

    /// The rules.
    pub(crate) fn rules(&self) -> Result<Vec<Rule>, BoxError> {
        self.of_type("AWS::Events::Rule").map(|(name, resource)| self.rule(name, resource)).collect()
    }

    fn rule(&self, name: &str, resource: &Value) -> Result<Rule, BoxError> {
        let what = format!("the rule {name}");
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        only(&what, properties, &["Description", "EventBusName", "EventPattern", "Targets"])?;
        let pattern = properties.get("EventPattern").cloned().unwrap_or_default();
        understood(&what, &pattern)?;
        let bus = match properties.get("EventBusName") {
            Some(bus) => Some(self.resource("AWS::Events::EventBus", Some(bus), &what)?),
            None => None,
        };
        let mut queues = Vec::new();
        for target in properties.get("Targets").and_then(Value::as_array).into_iter().flatten() {
            only(&what, target, &["Id", "Arn", "RetryPolicy", "DeadLetterConfig"])?;
            queues.push(self.resource("AWS::SQS::Queue", target.get("Arn"), &what)?);
        }
        Ok(Rule { bus, pattern, queues })
    }

    /// The pipe from the table's stream.
    pub(crate) fn pipe(&self) -> Result<Pipe, BoxError> {
        let what = "the pipe";
        let mut pipes = self.of_type("AWS::Pipes::Pipe");
        let (Some((_, resource)), None) = (pipes.next(), pipes.next()) else {
            return Err("template.yaml: there has to be one pipe".into());
        };
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        let known = [
            "Description",
            "RoleArn",
            "Source",
            "SourceParameters",
            "Enrichment",
            "Target",
            "TargetParameters",
        ];
        only(what, properties, &known)?;
        let (table, _) = self.table()?;
        if properties.get("Source").and_then(Value::as_str) != Some(format!("{table}.StreamArn").as_str()) {
            return Err(format!("template.yaml: {what} doesn't read the stream of {table}").into());
        }
        let part = |pointer: &str| properties.pointer(pointer).unwrap_or(&Value::Null);
        only(what, part("/SourceParameters"), &["DynamoDBStreamParameters", "FilterCriteria"])?;
        let stream = part("/SourceParameters/DynamoDBStreamParameters");
        let known = [
            "StartingPosition",
            "BatchSize",
            "MaximumRetryAttempts",
            "MaximumRecordAgeInSeconds",
            "OnPartialBatchItemFailure",
            "DeadLetterConfig",
        ];
        only(what, stream, &known)?;
        if stream.get("OnPartialBatchItemFailure").and_then(Value::as_str) != Some("AUTOMATIC_BISECT") {
            return Err(format!("template.yaml: {what} gives whole batches up, which isn't done here").into());
        }
        let patterns = part("/SourceParameters/FilterCriteria/Filters").as_array();
        let filters = patterns
            .into_iter()
            .flatten()
            .map(|f| serde_json::from_str(f.get("Pattern").and_then(Value::as_str).unwrap_or_default()))
            .collect::<Result<Vec<Value>, _>>()?;
        for filter in &filters {
            understood("a filter of the pipe", filter)?;
        }
        only(what, part("/TargetParameters"), &["EventBridgeEventBusParameters"])?;
        let target = part("/TargetParameters/EventBridgeEventBusParameters");
        only(what, target, &["Source", "DetailType"])?;
        let enrichment = self.resource("AWS::Serverless::Function", properties.get("Enrichment"), what)?;
        let function = self.resources.get(&enrichment).unwrap_or(&Value::Null);
        let dead_letters = match stream.pointer("/DeadLetterConfig/Arn") {
            Some(arn) => Some(self.resource("AWS::SQS::Queue", Some(arn), what)?),
            None => None,
        };
        let constant = |name: &str| match target.get(name).and_then(Value::as_str) {
            Some(text) if !text.starts_with('$') => Ok(text.to_owned()),
            other => Err(format!("template.yaml: {name} of {what} is {other:?}, not a constant")),
        };
        Ok(Pipe {
            batch_size: number(stream, "/BatchSize").and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            retries: number(stream, "/MaximumRetryAttempts").and_then(|n| u32::try_from(n).ok()),
            filters,
            dead_letters,
            enrichment: self.function(&enrichment, function)?.name,
            bus: self.resource("AWS::Events::EventBus", properties.get("Target"), what)?,
            source: constant("Source")?,
            detail_type: constant("DetailType")?,
        })
    }

    /// How pages of other origins may call the API.
    pub(crate) fn cors(&self) -> Cors {
        let api = self.of_type("AWS::Serverless::HttpApi").next();
        let configuration = api.and_then(|(_, api)| api.pointer("/Properties/CorsConfiguration"));
        configuration.map(Cors::parse).unwrap_or_default()
    }

    /// The table: its name, and the request that creates it as DynamoDB's API spells it.
    pub(crate) fn table(&self) -> Result<(String, Value), BoxError> {
        let (name, resource) =
            self.of_type("AWS::DynamoDB::Table").next().ok_or("template.yaml has no table")?;
        let properties = resource.get("Properties").ok_or("template.yaml: the table has no properties")?;
        let part = |key: &str| properties.get(key).cloned().unwrap_or(Value::Null);
        let mut stream = part("StreamSpecification");
        if let Some(stream) = stream.as_object_mut() {
            stream.insert("StreamEnabled".to_owned(), true.into());
        }
        let request = json!({
            "TableName": name,
            "BillingMode": part("BillingMode"),
            "AttributeDefinitions": part("AttributeDefinitions"),
            "KeySchema": part("KeySchema"),
            "GlobalSecondaryIndexes": part("GlobalSecondaryIndexes"),
            "StreamSpecification": stream,
        });
        Ok((name.clone(), request))
    }

    /// The table's TTL, as DynamoDB's API spells it.
    pub(crate) fn ttl(&self) -> Result<Value, BoxError> {
        let (name, resource) =
            self.of_type("AWS::DynamoDB::Table").next().ok_or("template.yaml has no table")?;
        let ttl = resource.pointer("/Properties/TimeToLiveSpecification").ok_or("the table has no TTL")?;
        Ok(json!({"TableName": name, "TimeToLiveSpecification": ttl}))
    }
}

/// Refuses what isn't understood: a property that is ignored would run otherwise here than deployed.
fn only(what: &str, properties: &Value, known: &[&str]) -> Result<(), BoxError> {
    match properties.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(format!("template.yaml: {name} of {what} is not understood here").into()),
        None => Ok(()),
    }
}

fn understood(what: &str, pattern: &Value) -> Result<(), BoxError> {
    if pattern::understood(pattern) {
        Ok(())
    } else {
        Err(format!("template.yaml: the pattern of {what} is not understood here: {pattern}").into())
    }
}

fn number(properties: &Value, pointer: &str) -> Option<u64> {
    properties.pointer(pointer).and_then(Value::as_u64)
}

/// Fills references in. What a deployment would only know later (an ARN) stays as its name.
struct Resolver {
    values: BTreeMap<String, String>,
    conditions: Map<String, Value>,
}

impl Resolver {
    fn value(&self, name: &str) -> Result<String, BoxError> {
        self.values.get(name).cloned().ok_or_else(|| format!("template.yaml: {name} is nothing").into())
    }

    fn resolve(&self, value: &Value) -> Result<Value, BoxError> {
        match value {
            Value::Array(list) => list.iter().map(|v| self.resolve(v)).collect(),
            Value::Object(map) => {
                if let (1, Some((function, argument))) = (map.len(), map.iter().next())
                    && (function == "Ref" || function.starts_with("Fn::"))
                {
                    return self.call(function, argument);
                }
                let fields = map.iter().map(|(k, v)| Ok((k.clone(), self.resolve(v)?)));
                Ok(Value::Object(fields.collect::<Result<_, BoxError>>()?))
            }
            other => Ok(other.clone()),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Value, BoxError> {
        match (function, argument) {
            ("Ref", Value::String(name)) => Ok(self.value(name)?.into()),
            ("Fn::GetAtt", Value::String(path)) => Ok(path.clone().into()),
            ("Fn::Sub", Value::String(text)) => Ok(self.substitute(text, &Map::new())?.into()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(own)] => Ok(self.substitute(text, own)?.into()),
                _ => Err("template.yaml: !Sub takes a text, and values of its own".into()),
            },
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(condition), yes, no] => {
                    self.resolve(if self.condition(condition)? { yes } else { no })
                }
                _ => Err("template.yaml: !If takes a condition and two values".into()),
            },
            ("Fn::Split", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(by), whole] => {
                    let whole = plain(&self.resolve(whole)?);
                    Ok(whole.split(by.as_str()).map(Value::from).collect())
                }
                _ => Err("template.yaml: !Split takes a separator and a text".into()),
            },
            ("Fn::Select", Value::Array(parts)) => match parts.as_slice() {
                [place, list] => {
                    let list = self.resolve(list)?;
                    let place = place.as_u64().and_then(|n| usize::try_from(n).ok());
                    let found = place.and_then(|n| list.get(n)).cloned();
                    found.ok_or_else(|| "template.yaml: !Select finds nothing at its place".into())
                }
                _ => Err("template.yaml: !Select takes a place and a list".into()),
            },
            _ => Err(format!("template.yaml: {function} is not understood here").into()),
        }
    }

    /// The text with the values that it names; some may be its own.
    fn substitute(&self, text: &str, own: &Map<String, Value>) -> Result<String, BoxError> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, behind) = behind.split_once('}').ok_or("template.yaml: an open ${")?;
            out.push_str(before);
            out.push_str(&match own.get(name) {
                Some(value) => plain(&self.resolve(value)?),
                // an attribute stays as its name
                None if name.contains('.') => name.to_owned(),
                None => self.value(name)?,
            });
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn condition(&self, name: &str) -> Result<bool, BoxError> {
        self.holds(self.conditions.get(name).ok_or_else(|| format!("template.yaml has no condition {name}"))?)
    }

    fn holds(&self, condition: &Value) -> Result<bool, BoxError> {
        let (function, argument) = condition
            .as_object()
            .and_then(|map| map.iter().next())
            .ok_or("template.yaml: a condition that is no function")?;
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (function.as_str(), list) {
            ("Fn::Not", [inner]) => Ok(!self.holds(inner)?),
            ("Fn::Equals", [a, b]) => Ok(plain(&self.resolve(a)?) == plain(&self.resolve(b)?)),
            ("Fn::And", all) => all.iter().try_fold(true, |so_far, c| Ok(so_far && self.holds(c)?)),
            ("Fn::Or", any) => any.iter().try_fold(false, |so_far, c| Ok(so_far || self.holds(c)?)),
            ("Condition", _) => self.condition(&plain(argument)),
            _ => Err(format!("template.yaml: the condition {function} is not understood here").into()),
        }
    }
}

fn object<'a>(value: &'a Value, key: &str) -> &'a Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}

/// A scalar as the text that an environment variable would hold.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// YAML with CloudFormation's short forms (`!Ref x`) as JSON with its long ones (`{"Ref": "x"}`).
fn to_json(yaml: &Yaml) -> Result<Value, BoxError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => (*b).into(),
        Yaml::Number(n) => serde_json::to_value(n)?,
        Yaml::String(s) => s.clone().into(),
        Yaml::Sequence(list) => list.iter().map(to_json).collect::<Result<_, _>>()?,
        Yaml::Mapping(map) => {
            let fields = map.iter().map(|(k, v)| {
                let key = k.as_str().ok_or("template.yaml: a key that is no text")?;
                Ok((key.to_owned(), to_json(v)?))
            });
            Value::Object(fields.collect::<Result<_, BoxError>>()?)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let long =
                if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            json!({ long: to_json(&tagged.value)? })
        }
    })
}
