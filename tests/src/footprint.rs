//! What a call to the table touches, as the wire sees it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{SdkCall, mutant};

/// The items that calls read and write, by their keys. A query of the index may find anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    reads: BTreeSet<String>,
    /// Partitions that are looked through.
    listed: BTreeSet<String>,
    writes: BTreeSet<String>,
    asks_index: bool,
    /// Tenants whose status is written (with every change of a tenant), and those whose status is asked about by a write.
    sets_status: BTreeSet<String>,
    asks_status: BTreeSet<String>,
    /// Time passed, which any call may notice.
    is_time: bool,
}

/// The key of an item, or of a key alone.
pub(crate) fn key(item: &Value) -> String {
    format!(
        "{} {}",
        item["pk"]["S"].as_str().unwrap_or_default(),
        item["sk"]["S"].as_str().unwrap_or_default()
    )
}

impl Footprint {
    /// Of one call.
    #[must_use]
    pub fn of(call: &SdkCall) -> Self {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let mut print = Self::default();
        match call.operation.as_str() {
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().unwrap();
                let keys = tables.values().flat_map(|asked| asked["Keys"].as_array().unwrap());
                print.reads.extend(keys.map(key));
            }
            "TransactWriteItems" => {
                for action in body["TransactItems"].as_array().unwrap() {
                    for (kind, action) in action.as_object().unwrap() {
                        let key = key(if kind == "Put" { &action["Item"] } else { &action["Key"] });
                        // what has a condition is read too
                        print.reads.insert(key.clone());
                        if key.ends_with(" TENANT") {
                            let names = |expression: &str, attribute: &str| {
                                mutant::names_in(action, expression).any(|name| name == attribute)
                            };
                            if names("UpdateExpression", "status") {
                                print.sets_status.insert(key.clone());
                            }
                            // whatever changes the status renews the authority
                            if ["status", "authority"].iter().any(|name| names("ConditionExpression", name)) {
                                print.asks_status.insert(key.clone());
                            }
                        }
                        if kind != "ConditionCheck" {
                            print.writes.insert(key);
                        }
                    }
                }
            }
            "PutItem" => _ = print.writes.insert(key(&body["Item"])),
            "UpdateItem" | "DeleteItem" => _ = print.writes.insert(key(&body["Key"])),
            SdkCall::TIME => print.is_time = true,
            "Query" if body.get("IndexName").is_some() => print.asks_index = true,
            "Query" => {
                let partition = body["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap();
                print.listed.insert(format!("{partition} "));
            }
            _ => {}
        }
        print
    }

    /// Of all of these together.
    #[must_use]
    pub fn all(calls: &[SdkCall]) -> Self {
        calls.iter().map(Self::of).fold(Self::default(), |mut all, one| {
            all.reads.extend(one.reads);
            all.listed.extend(one.listed);
            all.writes.extend(one.writes);
            all.asks_index |= one.asks_index;
            all.sets_status.extend(one.sets_status);
            all.asks_status.extend(one.asks_status);
            all.is_time |= one.is_time;
            all
        })
    }

    /// Whether it changes this item.
    #[must_use]
    pub fn writes_to(&self, key: &str) -> bool {
        self.writes.contains(key)
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Whether it changes the status of a tenant that the other one asks of as it writes.
    #[must_use]
    pub fn decides(&self, other: &Self) -> bool {
        !self.sets_status.is_disjoint(&other.asks_status)
    }

    /// Whether the order of the two can matter: one writes what the other reads or writes.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let touches = |one: &Self, other: &Self| {
            (one.writes() && other.asks_index)
                || one.writes.iter().any(|key| {
                    let listed = || other.listed.iter().any(|partition| key.starts_with(partition));
                    other.writes.contains(key) || other.reads.contains(key) || listed()
                })
        };
        self.is_time || other.is_time || touches(self, other) || touches(other, self)
    }
}
