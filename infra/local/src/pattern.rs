//! Patterns of the pipe's filters and of rules, as far as patterns of exact values go.

use serde_json::Value;

/// Whether an event matches a filter pattern, as far as patterns of exact values go.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>
pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(fields) => {
            fields.iter().all(|(name, wanted)| event.get(name).is_some_and(|found| matches(wanted, found)))
        }
        Value::Array(values) => match event {
            // of several values, one has to fit
            Value::Array(found) => found.iter().any(|one| values.contains(one)),
            one => values.contains(one),
        },
        _ => false,
    }
}

/// Refuses patterns that [`matches`] would misread: rules like `prefix` are objects inside the list of values.
pub(crate) fn understood(pattern: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields.values().all(understood),
        Value::Array(values) => values.iter().all(|v| !v.is_object() && !v.is_array()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_match_exact_values_and_refuse_what_they_do_not_know() {
        let pattern =
            json!({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"entity": {"S": ["Mail"]}}}});
        assert!(understood(&pattern));
        let record =
            json!({"eventName": "INSERT", "dynamodb": {"NewImage": {"entity": {"S": "Mail"}, "x": 1}}});
        assert!(matches(&pattern, &record));
        assert!(!matches(&pattern, &json!({"eventName": "REMOVE", "dynamodb": {}})));
        assert!(!matches(&pattern, &json!({"eventName": "INSERT", "dynamodb": {"OldImage": {}}})));
        assert!(!understood(&json!({"eventName": [{"prefix": "IN"}]})));
    }
}
