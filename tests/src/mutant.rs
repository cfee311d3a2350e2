//! Writes with one thing missing: an action of a transaction left out, a clause of a condition left out or weakened by
//! one, as the wire does it to requests that the code sends whole.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::{SdkCall, footprint};

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    /// The whole action.
    Action,
    /// A clause of its condition.
    Clause(String),
    /// A bound in a clause is one further than it should be.
    Bound(String),
}

/// One thing that is missing from the writes of one function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mutant {
    function: String,
    /// The kind of the action, the shape of its key, and what it sets first: `Update TENANT#* MEMBER#* role`.
    action: String,
    /// Which of several like it in one request.
    nth: usize,
    missing: Missing,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, action, nth, missing } = self;
        write!(f, "{function}: {action}")?;
        if *nth > 0 {
            write!(f, " ({})", nth + 1)?;
        }
        match missing {
            Missing::Action => write!(f, ": left out"),
            Missing::Clause(clause) => write!(f, ": without `{clause}`"),
            Missing::Bound(clause) => write!(f, ": one further than `{clause}`"),
        }
    }
}

/// The shape of a key's part: its words, without ids and addresses.
fn shape(part: &str) -> String {
    let words = part.split('#').map(|word| {
        let is_name = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        if is_name { word } else { "*" }
    });
    words.collect::<Vec<_>>().join("#")
}

/// The key of an action, as `pk sk`.
fn key(action: &Value) -> String {
    footprint::key(action.get("Key").unwrap_or(&action["Item"]))
}

/// The actions of a request, and of which kind each is; a write by itself is one.
fn actions<'b>(operation: &str, body: &'b mut Value) -> Vec<(&'static str, &'b mut Value)> {
    match operation {
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array_mut().into_iter().flatten();
            items
                .filter_map(Value::as_object_mut)
                .flatten()
                .map(|(kind, action)| {
                    let kinds = ["Put", "Update", "Delete", "ConditionCheck"];
                    (*kinds.iter().find(|known| kind == *known).unwrap(), action)
                })
                .collect()
        }
        "PutItem" => vec![("Put", body)],
        "UpdateItem" => vec![("Update", body)],
        "DeleteItem" => vec![("Delete", body)],
        _ => Vec::new(),
    }
}

/// The attributes that an expression of an action names, in its order.
pub(crate) fn names_in<'a>(action: &'a Value, expression: &str) -> impl Iterator<Item = &'a str> {
    let words = words(action[expression].as_str().unwrap_or_default());
    words.filter_map(|word| action["ExpressionAttributeNames"][word].as_str())
}

/// What an action is called, whichever item it is about.
fn label(kind: &str, action: &Value) -> String {
    let shape = key(action).split(' ').map(shape).collect::<Vec<_>>().join(" ");
    let first = names_in(action, "UpdateExpression").next();
    [kind, &shape, first.unwrap_or_default()].join(" ").trim_end().to_owned()
}

/// The clauses of an action's condition, as sent.
fn clauses(action: &Value) -> Vec<String> {
    let condition = action["ConditionExpression"].as_str();
    condition.map_or_else(Vec::new, |text| text.split(" AND ").map(ToOwned::to_owned).collect())
}

/// The placeholders in an expression, each with what stands before it.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '#' | ':' | '_')))
}

/// A clause with the names of its attributes, without its values and without whose session it is about.
fn told(action: &Value, clause: &str) -> String {
    let mut told = String::new();
    for piece in clause.split_inclusive(|c: char| " ().,".contains(c)) {
        let word = piece.trim_end_matches(|c: char| " ().,".contains(c));
        let name = action["ExpressionAttributeNames"].get(word).and_then(Value::as_str);
        let is_digest = |name: &&str| name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit());
        told += match name {
            _ if word.starts_with(':') => "…",
            Some(name) if is_digest(&name) => "*",
            name => name.unwrap_or(word),
        };
        told.extend(piece.chars().skip(word.chars().count()));
    }
    told
}

/// The number that a clause compares with, by its placeholder, and by how much more is allowed where it is one further.
fn bound(action: &Value, clause: &str) -> Option<(String, i64)> {
    let further = match clause {
        c if c.contains(" < ") || c.contains(" <= ") => 1,
        c if c.contains(" > ") => -1,
        _ => return None,
    };
    let of_number =
        |word: &&str| word.starts_with(':') && action["ExpressionAttributeValues"][word].get("N").is_some();
    words(clause).find(of_number).map(|word| (word.to_owned(), further))
}

/// Leaves out the names and values that no expression of the action uses any more: DynamoDB refuses them.
fn tidy(action: &mut Value) {
    let expressions =
        ["ConditionExpression", "UpdateExpression"].map(|name| action[name].as_str().unwrap_or(""));
    let used: Vec<String> = expressions.into_iter().flat_map(words).map(ToOwned::to_owned).collect();
    let action = action.as_object_mut().unwrap();
    action.retain(|name, value| name != "ConditionExpression" || value != "");
    for name in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let Some(Value::Object(placeholders)) = action.get_mut(name) else { continue };
        placeholders.retain(|placeholder, _| used.contains(placeholder));
        if placeholders.is_empty() {
            action.remove(name);
        }
    }
}

impl Mutant {
    /// The variable that makes every wire of a process one that leaves something out, as [`Mutant::written`].
    pub const VARIABLE: &str = "PROOF_MUTANT";

    /// Everything that can be missing from a call, with the key of the item that it is missing for.
    #[must_use]
    pub fn of(call: &SdkCall) -> Vec<(Self, String)> {
        let mut body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let (mut found, mut times) = (Vec::new(), BTreeMap::new());
        let is_alone = call.operation != "TransactWriteItems";
        for (kind, action) in actions(&call.operation, &mut body) {
            let key = key(action);
            let name = label(kind, action);
            let nth = times.entry(name.clone()).and_modify(|times| *times += 1).or_insert(0_usize);
            let mut add = |missing| {
                let mutant =
                    Self { function: call.function.clone(), action: name.clone(), nth: *nth, missing };
                found.push((mutant, key.clone()));
            };
            // a check without its condition is none: its clauses say it
            if !is_alone && kind != "ConditionCheck" {
                add(Missing::Action);
            }
            for clause in clauses(action) {
                add(Missing::Clause(told(action, &clause)));
                if bound(action, &clause).is_some() {
                    add(Missing::Bound(told(action, &clause)));
                }
            }
        }
        found
    }

    /// Which function it is about.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The same for every function where one piece of code writes it for all: what counts, what queues a mail, what notes
    /// the use of a session.
    #[must_use]
    pub fn family(&self) -> Self {
        let (Missing::Clause(about) | Missing::Bound(about)) = &self.missing else { return self.clone() };
        let is_shared = self.action.contains("RATE#")
            || self.action == "Update USER#* USER sessions"
            || self.action.contains("SUPPRESSION") && self.action.starts_with("ConditionCheck")
            || about.starts_with("mails.");
        if is_shared { Self { function: "all".to_owned(), ..self.clone() } } else { self.clone() }
    }

    /// The request with what is missing left out; none where it isn't about this request.
    pub(crate) fn apply(&self, function: &str, operation: &str, body: &[u8]) -> Option<Value> {
        if function != self.function {
            return None;
        }
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let mine = actions(operation, &mut body).into_iter().enumerate();
        let mut mine = mine.filter(|(_, (kind, action))| label(kind, action) == self.action);
        let (place, (kind, action)) = mine.nth(self.nth)?;
        let all = clauses(action);
        let about = |wanted: &str| all.iter().position(|clause| told(action, clause) == wanted);
        let leave_out = match &self.missing {
            Missing::Action => true,
            Missing::Clause(wanted) => {
                let mut left = all.clone();
                left.remove(about(wanted)?);
                let is_empty = left.is_empty();
                action["ConditionExpression"] = left.join(" AND ").into();
                tidy(action);
                kind == "ConditionCheck" && is_empty
            }
            Missing::Bound(wanted) => {
                let (placeholder, further) = bound(action, &all[about(wanted)?])?;
                let number = &mut action["ExpressionAttributeValues"][&placeholder]["N"];
                *number = (number.as_str()?.parse::<i64>().ok()? + further).to_string().into();
                false
            }
        };
        if leave_out {
            body["TransactItems"].as_array_mut()?.remove(place);
        }
        Some(body)
    }

    /// As text that [`Mutant::read`] reads.
    #[must_use]
    pub fn written(&self) -> String {
        let (kind, clause) = match &self.missing {
            Missing::Action => ("action", ""),
            Missing::Clause(clause) => ("clause", clause.as_str()),
            Missing::Bound(clause) => ("bound", clause.as_str()),
        };
        [&self.function, &self.action, &self.nth.to_string(), kind, clause].join("|")
    }

    /// What [`Mutant::written`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(5, '|').collect();
        let [function, action, nth, kind, clause] = parts.as_slice() else { return None };
        let missing = match *kind {
            "action" => Missing::Action,
            "clause" => Missing::Clause((*clause).to_owned()),
            "bound" => Missing::Bound((*clause).to_owned()),
            _ => return None,
        };
        let (function, action, nth) = ((*function).to_owned(), (*action).to_owned(), nth.parse().ok()?);
        Some(Self { function, action, nth, missing })
    }
}

/// What is left of a transaction of which nothing is left.
pub(crate) fn is_empty(body: &Value) -> bool {
    body.get("TransactItems").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// The answer to it.
pub(crate) fn nothing() -> Value {
    Value::Object(Map::new())
}
