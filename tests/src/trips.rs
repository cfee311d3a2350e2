//! What an operation asks of the table: how often, for how many units, and which items.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::SdkCall;

/// What is asked, and how often: what is read, or what is done to what.
type Named = BTreeMap<String, usize>;

/// What the calls of one operation come to.
#[derive(Clone, Debug, Default)]
pub struct Trips {
    /// What each call that reads asks for.
    reads: Vec<Named>,
    /// What each call that writes does.
    writes: Vec<Named>,
    read_units: f64,
    write_units: f64,
    /// Write units of entries in the index.
    index_units: f64,
}

/// The kind of item that lies at a key: see the table in `shared/store/src/keys.rs`.
fn entity(pk: &str, sk: &str) -> &'static str {
    let kind = |key: &str| key.split('#').next().unwrap_or_default().to_owned();
    match (kind(pk).as_str(), kind(sk).as_str()) {
        ("TENANT", "TENANT") => "Tenant",
        ("TENANT", "PORTAL") => "Portal",
        ("TENANT", "IMPORT") => "Import",
        ("TENANT", "BRAND") => "Brand",
        ("TENANT", "MEMBER") => "Member",
        ("TENANT", "INVITATION") => "Invitation",
        ("TENANT", "INVITEE") => "Invitee",
        ("TENANT", "REVIEW") if sk == "REVIEW" => "OpenReview",
        ("TENANT", "REVIEW") => "Review",
        ("REVIEW", _) => "Decision",
        ("EMAIL", "EMAIL") => "Credential",
        ("EMAIL", _) => "Suppression",
        ("MAIL", _) => "Mail",
        ("TOKEN", _) => "Token",
        ("REMINDER", _) => "Reminder",
        ("RESET", _) => "Reset",
        ("PROOF", _) => "EmailProof",
        ("RETURN", _) => "EmailReturn",
        ("USER", _) => "User",
        ("EVENTS", _) => "Event",
        ("IDEMPOTENCY", _) => "Idempotency",
        ("RATE", _) => "Rate",
        _ => panic!("what lies at {pk} {sk}?"),
    }
}

/// The kind of item that lies at the key of an item, or of a key alone.
fn entity_at(key: &Value) -> &'static str {
    entity(key["pk"]["S"].as_str().unwrap(), key["sk"]["S"].as_str().unwrap())
}

/// What a query looks through.
fn looked_through(body: &Value) -> String {
    let value = |name: &str| body["ExpressionAttributeValues"][name]["S"].as_str();
    if let (Some(partition), Some(from)) = (value(":pk"), value(":from")) {
        return format!("a page of {}", entity(partition, from));
    }
    let partition = value(":of").or_else(|| value(":pending")).unwrap();
    let what = match partition.split('#').next() {
        Some("USER") => "memberships",
        Some("PORTAL") => "partners",
        Some("EMAIL") => "invitations of an address",
        Some("PENDING") => "pending invitations",
        _ => panic!("what does the index have at {partition}?"),
    };
    format!("the index of {what}")
}

fn counted(names: impl IntoIterator<Item = String>) -> Named {
    names.into_iter().fold(Named::new(), |mut counted, name| {
        *counted.entry(name).or_default() += 1;
        counted
    })
}

/// Several calls as one.
fn together(calls: &[Named]) -> Named {
    calls.iter().flatten().fold(Named::new(), |mut sum, (name, times)| {
        *sum.entry(name.clone()).or_default() += times;
        sum
    })
}

/// As it is written: `Member, 2 Tenant`, one call after the other.
fn written(calls: &[Named]) -> String {
    let one = |call: &Named| {
        let names = call.iter().map(|(name, times)| match times {
            1 => name.clone(),
            _ => format!("{times} {name}"),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    if calls.is_empty() { "-".to_owned() } else { calls.iter().map(one).collect::<Vec<_>>().join("; ") }
}

impl Trips {
    /// Of these calls to the table; what else was called isn't counted.
    ///
    /// # Panics
    /// When one of them isn't a call of the store's.
    #[must_use]
    pub fn of(calls: &[SdkCall]) -> Self {
        let mut trips = Self::default();
        for call in calls {
            let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
            if call.is_of_ses() {
                continue;
            }
            let named = match call.operation.as_str() {
                SdkCall::TIME => continue,
                "BatchGetItem" => {
                    let tables = body["RequestItems"].as_object().unwrap().values();
                    let keys = tables.flat_map(|asked| asked["Keys"].as_array().unwrap());
                    counted(keys.map(|key| entity_at(key).to_owned()))
                }
                "Query" => counted([looked_through(&body)]),
                "TransactWriteItems" => {
                    let actions = body["TransactItems"].as_array().unwrap().iter();
                    let actions = actions.flat_map(|action| action.as_object().unwrap());
                    counted(actions.map(|(kind, action)| match kind.as_str() {
                        "Put" => format!("put {}", entity_at(&action["Item"])),
                        "Update" => format!("update {}", entity_at(&action["Key"])),
                        "Delete" => format!("delete {}", entity_at(&action["Key"])),
                        _ => format!("check {}", entity_at(&action["Key"])),
                    }))
                }
                "PutItem" => counted([format!("put {} alone", entity_at(&body["Item"]))]),
                "UpdateItem" => counted([format!("update {} alone", entity_at(&body["Key"]))]),
                "DeleteItem" => counted([format!("delete {} alone", entity_at(&body["Key"]))]),
                other => panic!("the store doesn't call {other}"),
            };
            if matches!(call.operation.as_str(), "BatchGetItem" | "Query") {
                trips.read_units += call.units.table + call.units.index;
                trips.reads.push(named);
            } else {
                trips.write_units += call.units.table;
                trips.index_units += call.units.index;
                trips.writes.push(named);
            }
        }
        trips
    }

    /// How many calls.
    #[must_use]
    pub fn count(&self) -> usize {
        self.reads.len() + self.writes.len()
    }

    /// Whether they are as many, for as many units, about as many items of the same kinds: not how those are spread over
    /// calls that had to be several.
    #[must_use]
    pub fn cost_as(&self, other: &Self) -> bool {
        self.numbers() == other.numbers()
            && together(&self.reads) == together(&other.reads)
            && together(&self.writes) == together(&other.writes)
    }

    /// Trips that read and that write, units read, written, and written to the index.
    #[must_use]
    pub fn numbers(&self) -> [String; 4] {
        let trips = format!("{} + {}", self.reads.len(), self.writes.len());
        [trips, self.read_units.to_string(), self.write_units.to_string(), self.index_units.to_string()]
    }

    /// What is read, a call after the other.
    #[must_use]
    pub fn read(&self) -> String {
        written(&self.reads)
    }

    /// What is written, a call after the other.
    #[must_use]
    pub fn written(&self) -> String {
        written(&self.writes)
    }

    /// What all calls together read and write.
    #[must_use]
    pub fn in_all(&self) -> [String; 2] {
        let all =
            |calls: &[Named]| if calls.is_empty() { "-".to_owned() } else { written(&[together(calls)]) };
        [all(&self.reads), all(&self.writes)]
    }
}
