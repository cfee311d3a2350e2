//! The words of the domain, each as a type that can't hold anything else.
//!
//! Values that come from outside ([`Email`], [`PersonName`], [`Phone`] …) have one constructor each, which parses;
//! below it no raw string has a meaning. Secrets ([`InvitationToken`], [`SessionToken`], [`Password`]) have no
//! `Debug`, `Display` or `Serialize`, so that no log line, event or item can hold one by accident.
//!
//! May: parse, compare, compute. May not: do I/O, read the clock, roll dice other than the [`Dice`] it is handed,
//! know about HTTP or DynamoDB.

mod dice;
mod email;
mod entity;
mod founding;
mod id;
mod invitation;
mod limits;
mod names;
mod refusal;
mod secret;
mod timestamp;

pub use dice::{Dice, SystemDice};
pub use email::{Email, InvalidEmail};
pub use entity::{
    Belonging, Brand, Claim, EmailPolicy, Event, EventActor, EventKind, EventSubject, IdempotencyRecord,
    Mail, MailKind, MailStatus, MailTags, Member, Session, Suppression, Tenant, User,
};
pub use founding::Founding;
pub use id::{EventId, InvitationId, MailId, Stamp, TenantId, UserId, new_brand_id, parse_brand_id};
pub use invitation::{
    Dead, Delivery, DeliveryState, Invitation, InvitationStatus, Invitee, NewestToken, TokenRecord,
};
pub use limits::{Limit, Limits, Window};
pub use names::{BrandName, CompanyName, InvalidText, Locale, PersonName, Phone};
pub use policy::{BrandId, Brands, Denial, MemberStatus, Permission, Permissions, Role, TenantStatus};
pub use refusal::{Existing, Invalid, Refusal};
pub use secret::{Digest, InvitationToken, Password, SessionToken};
pub use timestamp::Timestamp;
