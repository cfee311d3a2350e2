//! Update and condition expressions, with their placeholders kept in one place.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{Limit, Timestamp, Version, Window};
use serde::Serialize;

use crate::error::Error;

/// One action's update and condition, as they grow.
#[derive(Default)]
pub(crate) struct Expression {
    sets: Vec<String>,
    adds: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    error: Option<Error>,
}

/// What the SDK's builders take.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) update: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Expression {
    /// The placeholder of an attribute; dots lead into maps.
    fn name(&mut self, path: &str) -> String {
        let parts: Vec<String> = path
            .split('.')
            .map(|part| {
                let placeholder = format!("#{}", part.replace('-', "_"));
                self.names.insert(placeholder.clone(), part.to_owned());
                placeholder
            })
            .collect();
        parts.join(".")
    }

    fn value<T: Serialize>(&mut self, value: &T) -> String {
        let placeholder = format!(":v{}", self.values.len());
        match serde_dynamo::to_attribute_value(value) {
            Ok(value) => _ = self.values.insert(placeholder.clone(), value),
            Err(error) => self.error = Some(error.into()),
        }
        placeholder
    }

    /// Sets an attribute.
    pub(crate) fn set<T: Serialize>(mut self, path: &str, value: &T) -> Self {
        let (name, value) = (self.name(path), self.value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    /// Sets an attribute, or removes it where there is no value.
    pub(crate) fn set_or_remove<T: Serialize>(self, path: &str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.set(path, value),
            None => self.remove(path),
        }
    }

    /// Removes an attribute.
    pub(crate) fn remove(mut self, path: &str) -> Self {
        let name = self.name(path);
        self.removes.push(name);
        self
    }

    /// Sets an entry of a map, whatever its name is made of.
    pub(crate) fn set_entry<T: Serialize>(mut self, map: &str, entry: &str, value: &T) -> Self {
        let (map, value) = (self.name(map), self.value(value));
        let placeholder = format!("#entry{}", self.names.len());
        self.names.insert(placeholder.clone(), entry.to_owned());
        self.sets.push(format!("{map}.{placeholder} = {value}"));
        self
    }

    /// Adds to a number.
    pub(crate) fn add(mut self, path: &str, n: i64) -> Self {
        let (name, value) = (self.name(path), self.value(&n));
        self.adds.push(format!("{name} {value}"));
        self
    }

    /// Only while the attribute has this value.
    pub(crate) fn when<T: Serialize>(mut self, path: &str, value: &T) -> Self {
        let (name, value) = (self.name(path), self.value(value));
        self.conditions.push(format!("{name} = {value}"));
        self
    }

    /// Only while the attribute is missing.
    pub(crate) fn when_missing(mut self, path: &str) -> Self {
        let name = self.name(path);
        self.conditions.push(format!("attribute_not_exists({name})"));
        self
    }

    /// Only while the attribute is there.
    pub(crate) fn when_there(mut self, path: &str) -> Self {
        let name = self.name(path);
        self.conditions.push(format!("attribute_exists({name})"));
        self
    }

    /// Only while the attribute comes after this value.
    pub(crate) fn when_after<T: Serialize>(mut self, path: &str, value: &T) -> Self {
        let (name, value) = (self.name(path), self.value(value));
        self.conditions.push(format!("{name} > {value}"));
        self
    }

    /// Only while the attribute has one of these values.
    pub(crate) fn when_one_of<T: Serialize>(mut self, path: &str, values: &[T]) -> Self {
        let name = self.name(path);
        let values: Vec<String> = values.iter().map(|v| self.value(v)).collect();
        self.conditions.push(format!("{name} IN ({})", values.join(", ")));
        self
    }

    /// Only while the attribute has one of these values, or the `other` one is true.
    pub(crate) fn when_one_of_or_true<T: Serialize>(mut self, path: &str, values: &[T], other: &str) -> Self {
        let (name, other, yes) = (self.name(path), self.name(other), self.value(&true));
        let values: Vec<String> = values.iter().map(|v| self.value(v)).collect();
        self.conditions.push(format!("({name} IN ({}) OR {other} = {yes})", values.join(", ")));
        self
    }

    /// Only while the attribute is missing or comes no later than this value.
    pub(crate) fn when_missing_or_until<T: Serialize>(mut self, path: &str, value: &T) -> Self {
        let (name, value) = (self.name(path), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} <= {value})"));
        self
    }

    /// Only while the number is below `bound`, or missing.
    pub(crate) fn when_below_or_missing(mut self, path: &str, bound: u32) -> Self {
        let (name, value) = (self.name(path), self.value(&bound));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} < {value})"));
        self
    }

    /// Only while the version is the one that was read.
    pub(crate) fn when_version(self, read: Version) -> Self {
        self.when("version", &read)
    }

    /// Only while the authority is the one that was read.
    pub(crate) fn when_authority(self, read: Version) -> Self {
        self.when("authority", &read)
    }

    /// Only while the number is below `bound`.
    pub(crate) fn when_below(mut self, path: &str, bound: u32) -> Self {
        let (name, value) = (self.name(path), self.value(&bound));
        self.conditions.push(format!("{name} < {value}"));
        self
    }

    /// Counts one more in the window attribute at `path`, which was read as `counted`.
    pub(crate) fn count(mut self, path: &str, counted: Window, limit: Limit, now: Timestamp) -> Self {
        let window = limit.window(now);
        let (in_window, in_count) = (format!("{path}.window"), format!("{path}.count"));
        if counted.window == window {
            let (count, one) = (self.name(&in_count), self.value(&1));
            self.sets.push(format!("{count} = {count} + {one}"));
            self.when(&in_window, &window).when_below(&in_count, limit.times)
        } else {
            // whoever comes second in a new window finds it begun, and reads again
            self.set(path, &Window { window, count: 1 }).when(&in_window, &counted.window)
        }
    }

    /// Whether it is more than a condition.
    pub(crate) fn changes_something(&self) -> bool {
        !(self.sets.is_empty() && self.adds.is_empty() && self.removes.is_empty())
    }

    pub(crate) fn build(self) -> Result<Parts, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut update = Vec::new();
        for (verb, clauses) in [("SET", &self.sets), ("ADD", &self.adds), ("REMOVE", &self.removes)] {
            if !clauses.is_empty() {
                update.push(format!("{verb} {}", clauses.join(", ")));
            }
        }
        Ok(Parts {
            update: update.join(" "),
            condition: (!self.conditions.is_empty()).then(|| self.conditions.join(" AND ")),
            names: (!self.names.is_empty()).then_some(self.names),
            values: (!self.values.is_empty()).then_some(self.values),
        })
    }
}
