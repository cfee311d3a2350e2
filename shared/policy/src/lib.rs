//! Who may do what, and who may give it away.
//!
//! Pure: no I/O, no clock, no randomness, no AWS types. Every question is answered by [`Principal`], what the
//! platform knows about one person in one tenant, and every *no* carries a [`Denial`] that says why in words
//! the person can act on and names the rule that refused.
//!
//! * [`Principal::may`]: may this person use this permission, here or on this brand?
//! * [`Principal::may_give`]: may this person hand out this role, these permissions, these brands?
//! * [`Principal::may_manage`]: may this person change or remove that member?
//!
//! Everything is denied unless something here allows it. What each role holds is one table, [`Role::permissions`],
//! rendered into `permissions.txt` beside this crate's manifest by a test, so that a change of it is seen in review.
//!
//! ```
//! use policy::{BrandId, Brands, Denial, MemberStatus, Permission, Principal, Relation, Role, TenantStatus};
//!
//! let brands = Brands::none();
//! let mira = Principal {
//!     relation: Relation::Member,
//!     role: Role::Member,
//!     overrides: None,
//!     brands: &brands,
//!     status: MemberStatus::Active,
//!     tenant: TenantStatus::Active,
//! };
//! assert_eq!(mira.may(Permission::MembersRead, None), Ok(()));
//!
//! let sage = BrandId::parse("01a202c6-e1a3-7a38-9802-fdcb99ebdc61").unwrap();
//! let denial = mira.may(Permission::ProductsWrite, Some(sage)).unwrap_err();
//! assert_eq!((denial, denial.rule().name()), (Denial::BrandNotAssigned, "R6"));
//! ```
//!
//! # The rules
//!
//! They hold whatever the table says. A [`Denial`] names the one that refused, and so does the API where it answers 403
//! or `owner-required`: `"rule": "R4"`.
//! Where the deciding code isn't in this crate, the last sentence says where it is.
//!
//! * **R1 ceiling.** Nobody grants, invites to, changes or revokes a role above their own. An admin may make other
//!   admins. `owner` is never granted or invited to, only transferred.
//! * **R2 one owner.** Every tenant has exactly one active owner from the moment that the first one accepts. The owner
//!   can't be demoted, suspended or revoked, and can't leave. A transfer swaps owner and admin in one transaction, in `store`.
//! * **R3 not yourself.** Nobody changes their own role, permissions, brands or status. The exception is to
//!   leave, in `revoke`.
//! * **R4 overrides.** A member may carry an explicit permission list that replaces the role's. It is a subset of what
//!   the giver holds; `tenant.update`, `tenant.transfer` and `tenant.close` can't be given; giving any `members.*`
//!   permission takes an owner or admin.
//! * **R5 partners are outside.** A `partner` never holds a `members.*`, `billing.*`, `tenant.update`, `partners.manage`,
//!   `audit.read` or `access.review` permission, by role or by override.
//! * **R6 brands.** A member, sales rep or partner sees and acts on assigned brands only; an unassigned brand is not
//!   found, rather than forbidden. Brand lists and events shown to someone hold only brands that they may see; a whole set
//!   that they write changes only what they see.
//! * **R7 status.** Only an `active` member of an `active` tenant has any permission.
//! * **R8 portals.** A member with `partners.manage` in a portal manages the members of that portal's partner tenants as
//!   an admin of them would, and does nothing else there. That the portal is in charge is read in `web`'s caller, and
//!   checked again in `store`.
//! * **R9 at use, not at grant.** The sponsor's right to give role, permissions and brands is asked again when the
//!   invitation is mailed, renewed and accepted. Brands deleted in between are dropped and named in the answer.
//!   Asked in `model`.
//! * **R10 ended is ended.** An invitation that was revoked or declined, that was followed by a newer one of the same
//!   address, or whose person became a member, never comes back by any link, resend or renewal. An expired one may be
//!   resent by an admin, and renewed by its invitee until 30 days after the expiry that an admin gave it last.
//!   Decided in `model`, and in `web`'s admission.

mod brands;
mod closed_set;
mod denial;
mod permission;
mod principal;
mod role;

pub use brands::{BrandId, Brands, InvalidBrands, parse_id};
pub use closed_set::UnknownName;
pub use denial::{Denial, Rule};
pub use permission::{Permission, Permissions};
pub use principal::{Grant, MemberStatus, Principal, Relation, Target, TenantStatus, Visibility};
pub use role::Role;
