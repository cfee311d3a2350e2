//! The words of the domain, each as a type that can't hold anything else, and how each is born and changes.
//!
//! Values that come from outside ([`Email`], [`PersonName`], [`Phone`] …) are parsed by one constructor each; below it
//! no raw string has a meaning. Items are read back as they were written. Entities ([`Tenant`], [`Invitation`],
//! [`Member`] …) are born and change here. Secrets ([`InvitationToken`], [`SessionToken`], [`Password`]) have no `Debug`, `Display` or
//! `Serialize`, so that no log line, event or item can hold one by accident. The policy's nouns (`Role`, `Brands` …)
//! come from `policy`.
//!
//! May: parse, compare, compute. May not: do I/O, read a clock or use randomness other than the [`Invocation`]'s, know
//! about HTTP or DynamoDB.

mod brand;
mod delivery;
mod email;
mod event;
mod id;
mod import;
mod invitation;
mod invocation;
mod limits;
mod link;
mod look;
mod mail;
mod member;
mod names;
mod pace;
mod portal;
mod refusal;
mod reminder;
mod review;
#[cfg(test)]
mod samples;
mod secret;
mod source;
mod tenant;
mod timestamp;
mod user;

pub use brand::Brand;
pub use delivery::{Delivery, DeliveryState};
pub use email::{Email, InvalidEmail};
pub use event::{Actor, Event, EventKind, EventView, Subject};
pub use id::{EmailChangeId, EventId, InvitationId, MailId, ReviewId, SessionId, TenantId, UserId, Version};
pub use import::Import;
pub use invitation::{Invitation, InvitationStatus, Invitee, NewInvitation, Sponsorship};
pub use invocation::{Clock, Invocation, Random, SystemClock, SystemRandom};
pub use limits::{Limit, Limits, Window};
pub use link::{EmailProof, EmailReturn, LinkError, NewestToken, Reset, TokenRecord};
pub use look::{Colour, InvalidLook, LogoUrl};
pub use mail::{About, Mail, MailStatus, MailTags, Suppression, Vouched};
pub use member::{Member, Uses};
pub use names::{BrandName, CompanyName, InvalidText, Locale, PersonName, Phone, PlanName, Reason};
pub use pace::Pace;
pub use portal::{Administration, Portal, Sponsor, SponsorId};
pub use refusal::Refusal;
pub use reminder::Reminder;
pub use review::{Decision, Excess, Held, OpenReview, Reduction, Review, Verdict};
pub use secret::{Digest, InvitationToken, LinkToken, Password, SessionToken};
pub use source::{Source, SourceKey};
pub use tenant::{EmailPolicy, NewTenant, Tenant, TenantChange, TenantDefaults, Transfer};
pub use timestamp::Timestamp;
pub use user::{
    Belonging, Client, Credential, FormerEmail, Joining, MOST_SESSIONS, NewProfile, NewSession, Profile,
    Session, SessionPolicy, User,
};
