//! `template.yaml`, as far as the local stack needs it: parameters and the usual intrinsic functions resolved, functions
//! with their routes and triggers, the table.

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
    pub(crate) streams: Vec<StreamMapping>,
    /// Patterns of EventBridge rules on the default bus.
    pub(crate) rules: Vec<Value>,
}

/// A route of the HTTP API; no path is the API's `$default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: Option<String>,
}

/// An event source mapping on the table's stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamMapping {
    pub(crate) batch_size: usize,
    /// Retries of a record after its first try; `None` for ever, as Lambda has it by default.
    pub(crate) retries: Option<u32>,
    pub(crate) reports_failures: bool,
    pub(crate) filters: Vec<Value>,
    /// The dead-letter queue's name in the template.
    pub(crate) dead_letters: Option<String>,
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
        let (mut routes, mut streams, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for (event, source) in
            resource.pointer("/Properties/Events").and_then(Value::as_object).into_iter().flatten()
        {
            let properties = source.get("Properties").unwrap_or(&Value::Null);
            match source.get("Type").and_then(Value::as_str) {
                Some("HttpApi") => routes.push(Route {
                    method: properties.get("Method").map_or_else(|| "ANY".to_owned(), plain).to_uppercase(),
                    path: properties.get("Path").map(plain),
                }),
                Some("DynamoDB") => streams.push(StreamMapping::parse(properties)?),
                Some("EventBridgeRule") => {
                    let pattern = properties.get("Pattern").cloned().unwrap_or_default();
                    if !pattern::understood(&pattern) {
                        return Err(format!(
                            "template.yaml: the pattern of {id}.{event} is not understood here"
                        )
                        .into());
                    }
                    rules.push(pattern);
                }
                other => return Err(format!("template.yaml: {id}.{event} has the type {other:?}").into()),
            }
        }
        Ok(Function { name: name.to_owned(), environment, routes, streams, rules })
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

impl StreamMapping {
    fn parse(properties: &Value) -> Result<Self, BoxError> {
        let number = |key: &str| properties.get(key).and_then(Value::as_u64);
        let patterns = properties.pointer("/FilterCriteria/Filters").and_then(Value::as_array);
        let filters = patterns
            .into_iter()
            .flatten()
            .map(|f| serde_json::from_str(f.get("Pattern").and_then(Value::as_str).unwrap_or_default()))
            .collect::<Result<_, _>>()?;
        let reports = properties.pointer("/FunctionResponseTypes/0").and_then(Value::as_str);
        let destination =
            properties.pointer("/DestinationConfig/OnFailure/Destination").and_then(Value::as_str);
        Ok(Self {
            batch_size: number("BatchSize").and_then(|n| usize::try_from(n).ok()).unwrap_or(100),
            retries: number("MaximumRetryAttempts").and_then(|n| u32::try_from(n).ok()),
            reports_failures: reports == Some("ReportBatchItemFailures"),
            filters,
            dead_letters: destination.map(|d| d.trim_end_matches(".Arn").to_owned()),
        })
    }
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
