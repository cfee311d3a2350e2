use policy::{Brands, Grant, Permissions, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Actor, Invocation, Member, Reason, ReviewId, TenantId, Timestamp, UserId, Version};

policy::closed_set! {
    /// What a reviewer decides about what a member holds.
    pub enum Verdict: "decision" {
        /// They keep it.
        Kept = "kept",
        /// They keep a part of it.
        Reduced = "reduced",
        /// Their membership is ended.
        Revoked = "revoked",
    }
}

/// A review of who holds what in a tenant. The attributes of the counts are named as the verdicts are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who began it.
    pub opened_by: UserId,
    /// When it was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<UserId>,
    /// Members who keep what they hold.
    pub kept: u32,
    /// Members who keep a part of it.
    pub reduced: u32,
    /// Members whose membership was ended.
    pub revoked: u32,
    /// Members who were in the team when it was ended, and about whom nobody had decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<u32>,
    /// Renewed with each decision, and at the end.
    pub version: Version,
}

impl ReviewId {
    /// What a review is called that this tenant brings along from elsewhere. What it decided lies under its id alone, so that an
    /// id that a file names must lead to no other tenant's review: this one is made of the tenant's and of its own, and is as old.
    #[must_use]
    pub fn brought_by(self, tenant: TenantId) -> Self {
        let mut random = [0; 10];
        let digest = Sha256::digest([tenant.0.as_bytes().as_slice(), self.0.as_bytes()].concat());
        for (byte, from) in random.iter_mut().zip(digest) {
            *byte = from;
        }
        let millis = self.made_at().map_or(0, Timestamp::unix_millis);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl Review {
    /// One that begins now.
    #[must_use]
    pub fn opened(tenant_id: TenantId, by: UserId, invocation: &Invocation) -> Self {
        Self {
            id: ReviewId::new(invocation),
            tenant_id,
            opened_at: invocation.now(),
            opened_by: by,
            closed_at: None,
            closed_by: None,
            kept: 0,
            reduced: 0,
            revoked: 0,
            undecided: None,
            version: invocation.version(),
        }
    }

    /// The review, ended now; so many members were left undecided, if they could be counted.
    #[must_use]
    pub fn closed(&self, by: UserId, undecided: Option<u32>, invocation: &Invocation) -> Self {
        Self {
            closed_at: Some(invocation.now()),
            closed_by: Some(by),
            undecided,
            version: invocation.version(),
            ..self.clone()
        }
    }

    /// Whether it is still going on.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// Which review of the tenant is going on: there is one at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenReview {
    /// This one.
    pub review_id: ReviewId,
}

/// What a member holds, as a decision records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The role.
    pub role: Role,
    /// The list that replaces the role's permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// The assigned brands.
    pub brands: Brands,
}

impl From<&Member> for Held {
    fn from(member: &Member) -> Self {
        Self { role: member.role, permissions: member.permissions, brands: member.brands.clone() }
    }
}

impl Held {
    /// What they may do.
    #[must_use]
    pub fn effective(&self) -> Permissions {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }.effective()
    }

    /// The brands that they reach.
    #[must_use]
    pub fn reach(&self) -> &Brands {
        if self.role.reaches_every_brand() { &Brands::All } else { &self.brands }
    }

    /// Whether it comes to the same: in another spelling, it takes nothing.
    #[must_use]
    pub fn is_as(&self, after: &Self) -> bool {
        (self.role, self.effective(), self.reach()) == (after.role, after.effective(), after.reach())
    }

    /// The first part of `after` that is more than this; of brands in the same role also one that only waits for another
    /// role to be reached by.
    #[must_use]
    pub fn exceeded_by(&self, after: &Self) -> Option<Excess> {
        if after.role.is_above(self.role) {
            Some(Excess::Role)
        } else if after.effective().minus(self.effective()) != Permissions::NONE {
            Some(Excess::Permissions)
        } else if !self.reach().covers(after.reach())
            || (self.role == after.role && !self.brands.covers(&after.brands))
        {
            Some(Excess::Brands)
        } else {
            None
        }
    }
}

/// What of something is more than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The role is above the one before.
    Role,
    /// A permission wasn't held.
    Permissions,
    /// A brand wasn't reached.
    Brands,
}

/// What a member is left with; what isn't said stays.
#[derive(Clone, Debug, Default)]
pub struct Reduction {
    /// Another role. A list that replaced the old role's permissions goes with it.
    pub role: Option<Role>,
    /// A list that replaces the role's permissions.
    pub permissions: Option<Permissions>,
    /// Other brands.
    pub brands: Option<Brands>,
}

impl Reduction {
    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.role.is_none() && self.permissions.is_none() && self.brands.is_none()
    }

    /// The member, left with this by this actor. Whether it is less is another question: [`Held::exceeded_by`].
    #[must_use]
    pub fn of(&self, member: &Member, by: Actor, invocation: &Invocation) -> Member {
        let role = self.role.unwrap_or(member.role);
        let list = member.permissions.filter(|_| role == member.role);
        Member {
            role,
            permissions: self.permissions.or(list),
            brands: self.brands.clone().unwrap_or_else(|| member.brands.clone()),
            ..member.given(by, invocation)
        }
    }
}

/// What a review decided about one member. While the review goes on a later decision replaces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The review.
    pub review_id: ReviewId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The member.
    pub user_id: UserId,
    /// What was decided.
    pub decision: Verdict,
    /// Why.
    pub reason: Reason,
    /// Who decided.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// What the member held.
    pub before: Held,
    /// What they hold from then on; nothing where the membership was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Held>,
    /// Another one for each decision.
    pub version: Version,
}

#[cfg(test)]
mod tests {
    use policy::{BrandId, Permission};
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, MINT, NEW, NOW, REVIEW, SAGE, TENANT, invocation, is_closed, member, patched, survives,
        text,
    };

    #[test]
    fn a_review_is_open_until_it_is_closed() {
        is_closed(Verdict::ALL, "decision", &["kept", "reduced", "revoked"]);
        let open = Review::opened(TENANT, BEN, &invocation());
        assert_eq!((open.id.made_at(), open.version.made_at()), (Some(NOW), Some(NOW)));
        survives(
            &open,
            json!({
                "id": open.id,
                "tenant_id": TENANT,
                "opened_at": NOW,
                "opened_by": BEN,
                "kept": 0,
                "reduced": 0,
                "revoked": 0,
                "version": open.version,
            }),
        );
        let decided = Review { kept: 3, reduced: 2, revoked: 1, version: NEW, ..open };
        let closed = decided.closed(ANA, Some(4), &invocation());
        assert!(decided.is_open() && !closed.is_open());
        assert_eq!(closed.version.made_at(), Some(NOW));
        let changes = json!({"closed_at": NOW, "closed_by": ANA, "undecided": 4, "version": closed.version});
        survives(&closed, patched(&decided, changes));
        survives(&OpenReview { review_id: REVIEW }, json!({"review_id": REVIEW}));
    }

    #[test]
    fn a_review_that_is_brought_along_is_called_by_what_only_its_tenant_has() {
        let one = ReviewId::new(&invocation());
        let here = one.brought_by(TENANT);
        assert_eq!((here.made_at(), one.brought_by(TENANT)), (Some(NOW), here));
        let others = [one, one.brought_by(TenantId(BEN.0)), ReviewId::new(&invocation()).brought_by(TENANT)];
        assert!(!others.contains(&here));
        assert_eq!(
            REVIEW.brought_by(TENANT).made_at(),
            Some(Timestamp::from_unix_millis(0)),
            "no time in it"
        );
    }

    #[test]
    fn a_decision_keeps_what_was_held_before_and_after() {
        let before = Held::from(&member());
        let after = Held { permissions: None, brands: Brands::none(), ..before.clone() };
        let decision = Decision {
            review_id: REVIEW,
            tenant_id: TENANT,
            user_id: ANA,
            decision: Verdict::Reduced,
            reason: text("Sells no more"),
            by: BEN,
            at: NOW,
            before,
            after: Some(after),
            version: NEW,
        };
        survives(
            &decision,
            json!({
                "review_id": REVIEW,
                "tenant_id": TENANT,
                "user_id": ANA,
                "decision": "reduced",
                "reason": "Sells no more",
                "by": BEN,
                "at": NOW,
                "before": {"role": "member", "permissions": ["brand.read"], "brands": [SAGE]},
                "after": {"role": "member", "brands": []},
                "version": NEW,
            }),
        );
        let ended = Decision { after: None, ..decision.clone() };
        survives(&ended, patched(&decision, json!({"after": null})));
    }

    fn held(role: Role, permissions: Option<&[Permission]>, brands: &[BrandId]) -> Held {
        let brands = brands.iter().copied().collect();
        Held { role, permissions: permissions.map(Permissions::of), brands }
    }

    #[test]
    fn what_is_held_is_the_list_or_the_roles_and_every_brand_for_who_reaches_them() {
        let listed = held(Role::Member, Some(&[Permission::BrandRead]), &[SAGE]);
        assert_eq!(listed.effective(), Permissions::of(&[Permission::BrandRead]));
        assert_eq!(*listed.reach(), Brands::from_iter([SAGE]));
        let admin = held(Role::Admin, None, &[SAGE]);
        assert_eq!(admin.effective(), Role::Admin.permissions());
        assert_eq!(*admin.reach(), Brands::All);
    }

    #[test]
    fn what_comes_to_the_same_is_told_from_what_does_not() {
        let mira = held(Role::Member, None, &[SAGE]);
        let spelt_out = Held { permissions: Some(Role::Member.permissions()), ..mira.clone() };
        assert!(mira.is_as(&mira) && mira.is_as(&spelt_out) && spelt_out.is_as(&mira));
        for other in [
            held(Role::SalesRep, Some(&[]), &[SAGE]),
            held(Role::Member, Some(&[Permission::BrandRead]), &[SAGE]),
            held(Role::Member, None, &[MINT]),
        ] {
            assert!(!mira.is_as(&other) && !other.is_as(&mira), "{other:?}");
        }
        // who reaches every brand, whatever they are assigned to
        assert!(held(Role::Admin, None, &[SAGE]).is_as(&held(Role::Admin, None, &[])));
    }

    #[test]
    fn more_is_another_role_above_a_permission_or_a_brand_that_was_not_there() {
        use Permission as P;
        let of = |before: &Held, after: &Held| before.exceeded_by(after);
        let mira = held(Role::Member, None, &[SAGE]);
        assert_eq!(of(&mira, &mira), None);
        assert_eq!(of(&mira, &held(Role::Member, None, &[])), None);
        assert_eq!(of(&mira, &held(Role::Member, None, &[SAGE, MINT])), Some(Excess::Brands));
        assert_eq!(of(&mira, &held(Role::Member, Some(&[P::BrandRead]), &[SAGE])), None);
        assert_eq!(of(&mira, &held(Role::Member, Some(&[P::AuditRead]), &[SAGE])), Some(Excess::Permissions));
        assert_eq!(of(&mira, &held(Role::SalesRep, None, &[SAGE])), None);
        // in another role by what is reached, in the same one by what may be some day
        assert_eq!(of(&mira, &held(Role::SalesRep, None, &[SAGE, MINT])), Some(Excess::Brands));
        let adam = held(Role::Admin, None, &[SAGE]);
        assert_eq!(of(&adam, &held(Role::Admin, None, &[MINT])), Some(Excess::Brands));
        assert_eq!(of(&mira, &held(Role::Admin, Some(&[P::BrandRead]), &[SAGE])), Some(Excess::Role));
        // the role's own permissions are more than a list that left some of them out
        let listed = held(Role::Member, Some(&[P::BrandRead]), &[SAGE]);
        assert_eq!(of(&listed, &held(Role::SalesRep, None, &[SAGE])), Some(Excess::Permissions));
        // who reached every brand is left with any
        let admin = held(Role::Admin, None, &[]);
        assert_eq!(of(&admin, &held(Role::Member, None, &[SAGE, MINT])), None);
    }

    #[test]
    fn a_member_is_left_with_what_was_said_and_the_rest_of_what_they_had() {
        let (one, by) = (member(), Actor::Operator);
        let left = |to: Reduction| {
            let after = to.of(&one, by, &invocation());
            assert_eq!((after.granted_at, after.granted_by), (Some(NOW), Some(by)));
            assert_eq!(after.authority.made_at(), Some(NOW));
            Held::from(&after)
        };
        let before = Held::from(&one);
        let nothing = Reduction::default();
        assert!(nothing.is_empty());
        assert_eq!(left(nothing), before);
        let role = Reduction { role: Some(Role::SalesRep), ..Reduction::default() };
        let same = Reduction { role: Some(Role::Member), ..Reduction::default() };
        let list = Permissions::of(&[Permission::TenantRead]);
        let listed = Reduction { permissions: Some(list), ..Reduction::default() };
        let both = Reduction { role: Some(Role::Partner), permissions: Some(list), ..Reduction::default() };
        let brands = Reduction { brands: Some(Brands::none()), ..Reduction::default() };
        assert!(![&role, &listed, &brands].into_iter().any(Reduction::is_empty));
        assert_eq!(left(role), Held { role: Role::SalesRep, permissions: None, ..before.clone() });
        assert_eq!(left(same), before);
        assert_eq!(left(listed), Held { permissions: Some(list), ..before.clone() });
        assert_eq!(left(both), Held { role: Role::Partner, permissions: Some(list), ..before.clone() });
        assert_eq!(left(brands), Held { brands: Brands::none(), ..before });
    }
}
