//! Between entities and items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Error;
use crate::keys::{Entity, Key};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The item of an entity: its fields, its key, its kind, and where it has them its index entry and its end.
pub(crate) fn to_item<E: Entity>(key: &Key<E>, entity: &E) -> Result<Item, Error> {
    let mut item: Item = serde_dynamo::to_item(entity)?;
    let mut set = |name: &str, value: String| item.insert(name.to_owned(), AttributeValue::S(value));
    set("pk", key.pk.clone());
    set("sk", key.sk.clone());
    set("entity", E::NAME.to_owned());
    if let Some((pk, sk)) = entity.index(key) {
        set("gsi1pk", pk);
        set("gsi1sk", sk);
    }
    if let Some(ttl) = entity.ttl() {
        item.insert(crate::keys::TTL.to_owned(), AttributeValue::N(ttl.to_string()));
    }
    Ok(item)
}

/// The entity of an item. An item of another kind, or with a value that this version doesn't know, is refused: no
/// default could be safe for a role or a status written by newer code.
pub(crate) fn from_item<E: Entity>(item: Item) -> Result<E, Error> {
    let kind = item.get("entity").and_then(|v| v.as_s().ok());
    if kind.map(String::as_str) != Some(E::NAME) {
        return Err(Error::Corrupt(format!("expected a {}, found {kind:?}", E::NAME)));
    }
    serde_dynamo::from_item(item).map_err(|e| Error::Corrupt(format!("{}: {e}", E::NAME)))
}

/// The key attributes alone.
pub(crate) fn key_item<E>(key: &Key<E>) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}
