//! `infra/openapi.yaml` names what the code has.

use std::collections::BTreeSet;

use model::{DeliveryState, EmailPolicy, EventKind, InvitationStatus, Verdict};
use policy::{MemberStatus, Permission, Role, Rule, TenantStatus};
use serde_json::Value;
use stories::contract::DOCUMENT;
use web::{Access, Route};

fn api() -> impl Iterator<Item = Route> {
    Route::ALL.iter().copied().filter(|route| route.function() != "console")
}

/// `ReadTenant` as `readTenant`.
fn operation_id(route: Route) -> String {
    let name = format!("{route:?}");
    format!("{}{}", name[..1].to_lowercase(), &name[1..])
}

#[test]
fn the_contract_has_every_route_and_no_other() {
    let described: BTreeSet<(String, String)> = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())))
        .collect();
    let served: BTreeSet<(String, String)> =
        api().map(|r| (r.method().to_owned(), r.path().to_owned())).collect();
    assert_eq!(described, served, "infra/openapi.yaml on the left, shared/web/src/routes.rs on the right");
    for route in api() {
        let operation = &DOCUMENT["paths"][route.path()][route.method().to_lowercase()];
        let public = route.access() == Access::Public;
        assert_eq!(
            operation.get("security").is_some(),
            public,
            "`security` of {route:?} in infra/openapi.yaml"
        );
        assert_eq!(operation["operationId"], operation_id(route), "`operationId` in infra/openapi.yaml");
    }
}

#[test]
fn the_contract_names_every_value_of_a_closed_set() {
    let held = |pointer: &str, names: Vec<&str>| {
        let list = DOCUMENT.pointer(&format!("/components/schemas/{pointer}/enum")).unwrap();
        let list: BTreeSet<&str> =
            list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(list, names.into_iter().collect(), "{pointer} in infra/openapi.yaml");
    };
    held("Permission", Permission::ALL.iter().map(|p| p.name()).collect());
    held("Role", Role::ALL.iter().map(|role| role.name()).collect());
    held("TenantStatus", TenantStatus::ALL.iter().map(|status| status.name()).collect());
    held("MemberStatus", MemberStatus::ALL.iter().map(|status| status.name()).collect());
    held("InvitationStatus", InvitationStatus::ALL.iter().map(|status| status.name()).collect());
    held("DeliveryState", DeliveryState::ALL.iter().map(|state| state.name()).collect());
    held("Tenant/properties/email_policy", EmailPolicy::ALL.iter().map(|policy| policy.name()).collect());
    held("Event/properties/type", EventKind::ALL.iter().map(|kind| kind.name()).collect());
    held("DecisionKind", Verdict::ALL.iter().map(|verdict| verdict.name()).collect());
    held("Problem/properties/rule", Rule::ALL.iter().map(|rule| rule.name()).collect());
}

#[test]
fn every_kind_of_event_has_an_example_of_what_is_published() {
    let schema = &*stories::contract::EVENTS;
    let names: BTreeSet<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    let listed = schema["properties"]["type"]["enum"].as_array().unwrap().iter();
    let listed: BTreeSet<&str> = listed.map(|name| name.as_str().unwrap()).collect();
    assert_eq!(listed, names, "`type` in infra/schemas/events.json");
    let examples = schema["examples"].as_array().unwrap();
    let shown: BTreeSet<&str> = examples.iter().map(|example| example["type"].as_str().unwrap()).collect();
    assert_eq!(
        (shown, examples.len()),
        (names, EventKind::ALL.len()),
        "examples in infra/schemas/events.json"
    );
    for example in examples {
        let published =
            serde_json::json!({"source": "muster", "detail-type": "Muster Change", "detail": example});
        stories::contract::hold_published(&published);
        // in the words of the contract: the trail shows the same
        let mut event = example.clone();
        for of_the_bus in ["schema_version", "tenant_id"] {
            event.as_object_mut().unwrap().remove(of_the_bus);
        }
        assert!(stories::contract::fits("#/components/schemas/Event", &event), "{event}");
    }
}

#[test]
fn the_rules_that_answers_name_stand_in_the_contract_and_in_the_policy_alike() {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let contract = flat(DOCUMENT["info"]["description"].as_str().unwrap());
    let source = super::file("shared/policy/src/lib.rs");
    let policy =
        flat(&source.lines().map(|line| line.trim_start_matches("//!")).collect::<Vec<_>>().join(" "));
    let rule = |text: &str, name: &str| {
        let (_, rest) =
            text.split_once(&format!("* **{name} ")).unwrap_or_else(|| panic!("{name} is defined nowhere"));
        let end = rest.find(" * **").unwrap_or(rest.len());
        rest[..end].split(". ").next().unwrap().trim_end_matches('.').to_owned()
    };
    for number in 1..=10 {
        let name = format!("R{number}");
        // the first sentence of each; where the code is, only the policy's page says
        assert_eq!(rule(&contract, &name), rule(&policy, &name), "{name}");
    }
}

#[test]
fn every_body_has_an_example_in_the_contract() {
    for route in api() {
        let operation = &DOCUMENT["paths"][route.path()][route.method().to_lowercase()];
        let example = stories::contract::example(route.method(), route.path());
        assert_eq!(
            operation.get("requestBody").is_some(),
            example != Value::Null,
            "{route:?} in infra/openapi.yaml"
        );
    }
}

/// Generators make what has a default required, or forget it; and read one schema of an answer, the first.
#[test]
fn generated_clients_leave_out_what_may_be_left_out_and_read_what_a_gateway_answers() {
    fn walk(value: &Value, path: &str) {
        if let Some(map) = value.as_object() {
            assert!(!map.contains_key("default"), "a default at {path}");
            map.iter()
                .filter(|(key, _)| *key != "example")
                .for_each(|(k, v)| walk(v, &format!("{path}/{k}")));
        }
        value.as_array().into_iter().flatten().for_each(|one| walk(one, path));
    }
    walk(&DOCUMENT["components"], "");
    walk(&DOCUMENT["paths"], "");
    let gateway = serde_json::json!({"message": "Too Many Requests"});
    for route in api() {
        let operation = &DOCUMENT["paths"][route.path()][route.method().to_lowercase()];
        let responses = &operation["responses"];
        let too_large = operation.get("requestBody").map(|_| "413");
        for status in ["429", "500", "503"].into_iter().chain(too_large) {
            let reference =
                responses[status]["$ref"].as_str().unwrap_or_else(|| panic!("{route:?} {status}"));
            let response = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
            for (media_type, content) in response["content"].as_object().unwrap() {
                let schema = content["schema"]["$ref"].as_str().unwrap();
                assert!(stories::contract::fits(schema, &gateway), "{route:?} {status} {media_type}");
            }
        }
    }
}

#[test]
fn every_link_leads_to_an_operation_with_parameters_that_it_has() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations =
        || paths.values().flat_map(|item| item.as_object().unwrap().values().map(move |o| (item, o)));
    let text = DOCUMENT.to_string();
    for (name, link) in DOCUMENT["components"]["links"].as_object().unwrap() {
        assert!(text.contains(&format!("\"#/components/links/{name}\"")), "no answer has the link {name}");
        let (item, operation) =
            operations().find(|(_, operation)| operation["operationId"] == link["operationId"]).unwrap();
        let taken: BTreeSet<String> = [item, operation]
            .iter()
            .filter_map(|holder| holder["parameters"].as_array())
            .flatten()
            .map(|parameter| {
                let of = parameter["$ref"].as_str().map(|at| DOCUMENT.pointer(at.trim_start_matches('#')));
                of.flatten().unwrap_or(parameter)["name"].as_str().unwrap().to_owned()
            })
            .collect();
        for given in link["parameters"].as_object().into_iter().flatten().map(|(given, _)| given) {
            let given = given.rsplit('.').next().unwrap();
            assert!(
                taken.contains(given),
                "{name} gives `{given}`, which {} doesn't take",
                link["operationId"]
            );
        }
        let has_body = operation.get("requestBody").is_some();
        assert!(has_body || link.get("requestBody").is_none(), "{name} has a body for nobody");
    }
}
