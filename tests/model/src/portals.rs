//! Tenants that administer others (R8): who gets in, whom invitations rest on, and how that begins and ends.

use std::collections::BTreeSet;

use crate::rights::{Access, Brands, Permissions, Role};
use crate::state::{Invitation, Status, Tenant};
use crate::team::Who;
use crate::{Nth, Outcome, World};

/// What a portal's people may in a partner.
const MANAGING: [&str; 5] =
    ["members.read", "members.invite", "members.assign", "members.permit", "members.revoke"];

/// What they may give there: what an admin of the partner could.
pub(crate) fn admins() -> Access {
    Access { role: Role::Admin, list: None, brands: Brands::Only(BTreeSet::new()) }
}

pub(crate) fn managing() -> Permissions {
    MANAGING.into_iter().collect()
}

impl World {
    /// The portal through which somebody gets into a tenant: active in it, managing partners, and it in use.
    pub(crate) fn portal_of(&self, t: &Tenant, user: Nth) -> Option<Nth> {
        let manages = |portal: &Nth| {
            let portal = &self.tenants[*portal];
            let member = portal.members.get(&user);
            let manages = member.is_some_and(|member| {
                member.status == Status::Active && member.access.permissions().contains("partners.manage")
            });
            portal.status == Status::Active && manages
        };
        t.portal.filter(manages)
    }

    /// Whether somebody who may still give it stands behind an invitation: `holds`, `suspended` or `lost` (R9). Of a portal
    /// that isn't in charge any more nobody does, and who is of one that is suspended is suspended.
    #[must_use]
    pub fn sponsorship(&self, t: &Tenant, invitation: &Invitation) -> &'static str {
        if invitation.founding.is_some() {
            return "holds";
        }
        let own = |user: Nth| t.members.get(&user).is_some_and(|member| member.status != Status::Revoked);
        let portal = match invitation.through {
            // a membership of one's own counts alone, unless it is over
            Some(_) if invitation.sponsor.is_some_and(own) => None,
            Some(portal) if t.portal != Some(portal) => return "lost",
            Some(portal) => Some(&self.tenants[portal]),
            None => None,
        };
        let home = portal.unwrap_or(t);
        let Some(sponsor) = invitation.sponsor.and_then(|user| home.members.get(&user)) else {
            return "lost";
        };
        let (held, given) = (sponsor.access.permissions(), t.still(&invitation.access));
        let gives = match portal {
            Some(_) => held.contains("partners.manage") && admins().gives(&given),
            None => held.contains("members.invite") && sponsor.access.gives(&given),
        };
        let account = portal.map_or(Status::Active, |portal| portal.status);
        match (sponsor.status, account) {
            (Status::Active, Status::Active) if gives => "holds",
            (Status::Active | Status::Suspended, Status::Active | Status::Suspended) if gives => "suspended",
            _ => "lost",
        }
    }

    /// A partner that waits for its owner. Its mail is counted to the portal, and to who sets it up as an invitation is.
    pub(crate) fn create_partner(&self, who: Who, address: Nth) -> Vec<Outcome> {
        let mut no = self.mail_refused(who.tenant, address, false);
        if self.tenants[who.tenant].portal.is_some() {
            no.push("conflict");
        }
        let windows = (self.invite_window(self.me_in(who)), self.tenant_mail(who.tenant));
        let (Some(invites), Some(mails)) = windows else {
            no.push("rate-limited");
            return self.refused(&no).unwrap_or_default();
        };
        self.refused(&no).unwrap_or_else(|| {
            self.acted(who, |next| {
                let nth = next.tenants.len();
                next.founded(address, next.limits.seats, true, Some(who.tenant));
                let t = &mut next.tenants[who.tenant];
                t.mails = mails;
                t.event("partner.created", "tenant", nth);
                if let Some(me) = t.members.get_mut(&who.user) {
                    me.invites = invites;
                }
            })
        })
    }

    pub(crate) fn partners(&self, who: Who) -> Vec<Outcome> {
        let mine = self.tenants.iter().enumerate().filter(|(_, t)| !t.gone && t.portal == Some(who.tenant));
        let lines = mine.map(|(nth, t)| format!("{nth} {}", crate::view::status(t.status)));
        self.clone().showing(lines.collect::<Vec<_>>().join("\n"))
    }

    /// One that waits for its owner is gone by itself.
    pub(crate) fn end_partner(&self, who: Who, partner: Nth) -> Vec<Outcome> {
        match self.tenants.get(partner).filter(|t| !t.gone && t.portal == Some(who.tenant)) {
            None => self.no("not-found"),
            Some(t) if t.status == Status::Pending => self.no("conflict"),
            Some(_) => self.acted(who, |next| next.end_portal(partner)),
        }
    }

    pub(crate) fn leave_portal(&self, who: Who) -> Vec<Outcome> {
        if self.tenants[who.tenant].portal.is_none() {
            return self.no("not-found");
        }
        self.acted(who, |next| next.end_portal(who.tenant))
    }

    /// Told in the trails of both.
    pub(crate) fn end_portal(&mut self, partner: Nth) {
        let portal = self.tenants[partner].portal.take();
        for trail in portal.into_iter().chain([partner]) {
            self.tenants[trail].event("partner.ended", "tenant", partner);
        }
    }
}
