//! Keys and index of the template and of the store.

use serde_json::json;
use stories::{ReplyExt, World};

use super::file;

#[tokio::test]
async fn the_keys_of_the_template_are_those_of_the_store() {
    let template = file("template.yaml");
    for attribute in store::keys::ATTRIBUTES {
        assert!(template.contains(&format!("AttributeName: {attribute}, AttributeType: S")), "{attribute}");
    }
    assert!(template.contains(&format!("IndexName: {}", store::keys::INDEX)));
    assert!(template.contains(&format!("AttributeName: {}, Enabled: true", store::keys::TTL)));
    // and the table that opens the file of keys names every kind of item that a life leaves behind
    let keys = file("shared/store/src/keys.rs");
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.brand("Sage").await;
    team.owner
        .ask_with("POST", "brands", json!({"name": "Rue"}), &[("idempotency-key", "k")])
        .await
        .expect(201);
    team.invite("ana@acme.example", "member").await.link().await;
    for item in world.stack().items().unwrap() {
        let prefix = |name: &str| item[name]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
        assert!(
            keys.contains(&format!("`{}#", prefix("pk"))),
            "the table in shared/store/src/keys.rs: {item}"
        );
    }
}
