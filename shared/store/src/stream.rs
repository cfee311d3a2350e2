//! What the table's stream says, one record at a time, and what of that is read again behind the bus.
//!
//! Records of one transaction may come apart, late, twice and in any order, so each is understood by itself; what is
//! decided on is read from the table.

use model::{About, Event, InvitationId, Mail, Reminder, TenantId, TokenRecord};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::keys::Entity;

/// The service that removes what its TTL has passed.
const SWEEPER: &str = "dynamodb.amazonaws.com";

/// A record, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    event_name: String,
    #[serde(default)]
    user_identity: Option<Identity>,
    dynamodb: Images,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default)]
    principal_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    #[serde(default)]
    new_image: Option<serde_dynamo::Item>,
    #[serde(default)]
    old_image: Option<serde_dynamo::Item>,
}

/// What a record means to somebody.
#[derive(Debug)]
pub enum StreamChange {
    /// A mail was put into the outbox: its item as it stands. Who sends it reads it, so that one of a kind that this version
    /// doesn't know waits in its queue for the version that does.
    MailQueued(Value),
    /// DynamoDB removed what an invitation's link was made of: the token whose time was over, or the mail that never
    /// got one.
    LinkSwept(TenantId, InvitationId),
    /// The moment came at which somebody is to be reminded of an invitation, of this generation of it.
    ReminderDue(TenantId, InvitationId, u32),
    /// Something that an audit trail tells of.
    Happened(Event),
    /// Nothing that anybody waits for.
    Other,
}

/// Reads one record of the stream.
///
/// # Errors
/// [`Error::Corrupt`] when an image that matters can't be read.
pub fn read(record: &Value) -> Result<StreamChange, Error> {
    let raw = Raw::deserialize(record).map_err(|e| Error::Corrupt(format!("stream record: {e}")))?;
    let swept = raw.user_identity.is_some_and(|by| by.principal_id == SWEEPER);
    match (raw.event_name.as_str(), raw.dynamodb.new_image, raw.dynamodb.old_image) {
        ("INSERT", Some(image), _) if is::<Mail>(&image) => {
            Ok(StreamChange::MailQueued(read_as(Mail::NAME, image)?))
        }
        ("INSERT", Some(image), _) if is::<Event>(&image) => Ok(StreamChange::Happened(entity(image)?)),
        ("REMOVE", _, Some(image)) if swept && is::<TokenRecord>(&image) => {
            let token: TokenRecord = entity(image)?;
            Ok(StreamChange::LinkSwept(token.tenant_id, token.invitation_id))
        }
        ("REMOVE", _, Some(image)) if swept && is::<Reminder>(&image) => {
            let due: Reminder = entity(image)?;
            Ok(StreamChange::ReminderDue(due.tenant_id, due.invitation_id, due.generation))
        }
        ("REMOVE", _, Some(image)) if swept && is::<Mail>(&image) => {
            let mail: Mail = entity(image)?;
            Ok(match mail.about {
                About::Invitation(about) => StreamChange::LinkSwept(about.tenant, about.invitation),
                _ => StreamChange::Other,
            })
        }
        _ => Ok(StreamChange::Other),
    }
}

/// The mail of the bus's event `mail.queued`.
///
/// # Errors
/// [`Error::Corrupt`] when it can't be read.
pub fn queued_mail(event: &Value) -> Result<Mail, Error> {
    part(event, "/detail/mail")
}

/// What DynamoDB removed because its time was over, as the bus tells it.
pub enum Removed {
    /// `link.removed`: what an invitation's link was made of.
    Link(TenantId, InvitationId),
    /// `reminder.due`: the moment of a reminder of this generation of an invitation.
    Reminder(TenantId, InvitationId, u32),
}

/// What was removed, of the bus's events `link.removed` and `reminder.due`.
///
/// # Errors
/// [`Error::Corrupt`] when it can't be read.
pub fn removed(event: &Value) -> Result<Removed, Error> {
    let (tenant, invitation) = (part(event, "/detail/tenant_id")?, part(event, "/detail/invitation_id")?);
    if event.pointer("/detail/type") == Some(&Value::from("reminder.due")) {
        return Ok(Removed::Reminder(tenant, invitation, part(event, "/detail/generation")?));
    }
    Ok(Removed::Link(tenant, invitation))
}

fn part<T: DeserializeOwned>(event: &Value, pointer: &str) -> Result<T, Error> {
    let part = event.pointer(pointer).unwrap_or(&Value::Null);
    T::deserialize(part).map_err(|e| Error::Corrupt(format!("{pointer} of an event: {e}")))
}

fn is<E: Entity>(image: &serde_dynamo::Item) -> bool {
    matches!(image.get("entity"), Some(serde_dynamo::AttributeValue::S(name)) if name == E::NAME)
}

fn entity<E: Entity>(image: serde_dynamo::Item) -> Result<E, Error> {
    read_as(E::NAME, image)
}

fn read_as<T: DeserializeOwned>(name: &str, image: serde_dynamo::Item) -> Result<T, Error> {
    serde_dynamo::from_item(image).map_err(|e| Error::Corrupt(format!("{name}: {e}")))
}
