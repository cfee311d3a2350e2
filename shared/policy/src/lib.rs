//! Who may do what, and who may give it away.
//!
//! Pure: no I/O, no clock, no randomness, no AWS types. Every question is answered by [`Standing`], what the
//! platform knows about one person in one tenant, and every *no* carries a [`Denial`] that says why in words
//! the person can act on and names the rule that refused.
//!
//! * [`Standing::may`]: may this person use this permission, here or on this brand?
//! * [`Standing::may_give`]: may this person hand out this role, these permissions, these brands?
//! * [`Standing::may_manage`]: may this person change or remove that member?
//!
//! Everything is denied unless something here allows it. What each role holds is one table, [`Role::permissions`],
//! rendered into `permissions.txt` beside this crate's manifest by a test, so that a change of it is seen in review.

mod brands;
mod denial;
mod permission;
mod role;
mod standing;

pub use brands::{BrandId, Brands};
pub use denial::{Denial, Rule};
pub use permission::{Permission, Permissions, UnknownPermission};
pub use role::{Role, UnknownRole};
pub use standing::{Grant, MemberStatus, Relation, Standing, Target, TenantStatus, Visibility};
