use std::collections::BTreeMap;

use policy::TenantStatus;
use serde::{Deserialize, Serialize};

use crate::{Actor, Digest, EventId, Invocation, Tenant, TenantId, UserId, Version, Window};

/// That a tenant is being imported, and how far that has come. An item of its own beside the tenant: every write of the
/// import is conditioned on it, so that each entry is written once, however often its page is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The export that it comes from, as its event is called there.
    pub export: EventId,
    /// What the tenant will be once all of it is there.
    pub status: TenantStatus,
    /// Whether people come with their passwords.
    pub with_credentials: bool,
    /// Pages that are there.
    pub pages: u32,
    /// Entries of the next page that are there already.
    pub entries: u32,
    /// That page, where some of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Digest>,
    /// Members whose address is somebody's here, by the ids that they had there: whose.
    pub users: BTreeMap<UserId, UserId>,
    /// Renewed with every write.
    pub version: Version,
}

impl Import {
    /// Members that one import can attach to people who are known here by another id: what one item holds with room to spare.
    pub const MOST_USERS: usize = 2_000;

    /// What somebody is called here.
    #[must_use]
    pub fn user(&self, there: UserId) -> UserId {
        self.users.get(&there).copied().unwrap_or(there)
    }

    /// Somebody who gave something, as they are called here.
    #[must_use]
    pub fn actor(&self, there: Actor) -> Actor {
        match there {
            Actor::User { id } => Actor::User { id: self.user(id) },
            other => other,
        }
    }

    /// The import once so many more entries of this page are there, among them these people.
    #[must_use]
    pub fn further(
        &self,
        page: &Digest,
        entries: u32,
        users: impl IntoIterator<Item = (UserId, UserId)>,
        version: Version,
    ) -> Self {
        let mut after =
            Self { entries: self.entries + entries, page: Some(page.clone()), version, ..self.clone() };
        after.users.extend(users);
        after
    }

    /// The import once all of a page is there.
    #[must_use]
    pub fn turned(&self, version: Version) -> Self {
        Self { pages: self.pages + 1, entries: 0, page: None, version, ..self.clone() }
    }
}

impl Tenant {
    /// The tenant as it begins to be imported, of what another deployment said of it: switched off until all of it is there,
    /// its seats not taken yet, and no portal in charge of it.
    #[must_use]
    pub fn importing(
        &self,
        export: EventId,
        with_credentials: bool,
        invocation: &Invocation,
    ) -> (Self, Import) {
        let tenant = Self {
            status: TenantStatus::Suspended,
            seats_used: 0,
            portal: None,
            unconfirmed_until: None,
            removal_began_at: None,
            imported_from: Some(export),
            import_began_at: Some(invocation.now()),
            imported_at: None,
            mails: Window::default(),
            authority: invocation.version(),
            ..self.clone()
        };
        let import = Import {
            tenant_id: self.id,
            export,
            status: self.status,
            with_credentials,
            pages: 0,
            entries: 0,
            page: None,
            users: BTreeMap::new(),
            version: invocation.version(),
        };
        (tenant, import)
    }

    /// The tenant once all of it is there, with its owner as they are called here.
    #[must_use]
    pub fn imported(&self, import: &Import, invocation: &Invocation) -> Self {
        Self {
            status: import.status,
            owner: self.owner.map(|owner| import.user(owner)),
            import_began_at: None,
            imported_at: Some(invocation.now()),
            authority: invocation.version(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, EARLIER, NEW, NOW, OLD, PORTAL, TENANT, invocation, patched, survives, tenant,
    };

    const EXPORT: EventId = EventId(PORTAL.0);

    #[test]
    fn a_tenant_that_is_imported_is_switched_off_until_all_of_it_is_there() {
        let there = Tenant {
            status: TenantStatus::Closed,
            closed_at: Some(NOW),
            portal: Some(PORTAL),
            unconfirmed_until: Some(NOW),
            removal_began_at: Some(NOW),
            imported_at: Some(EARLIER),
            ..tenant()
        };
        let (begun, import) = there.importing(EXPORT, true, &invocation());
        assert_eq!((begun.authority.made_at(), import.version.made_at()), (Some(NOW), Some(NOW)));
        let changes = json!({
            "status": "suspended",
            "seats_used": 0,
            "portal": null,
            "unconfirmed_until": null,
            "removal_began_at": null,
            "imported_from": EXPORT,
            "import_began_at": NOW,
            "imported_at": null,
            "mails": {"window": 0, "count": 0},
            "authority": begun.authority,
        });
        survives(&begun, patched(&there, changes));
        let written = json!({
            "tenant_id": TENANT,
            "export": EXPORT,
            "status": "closed",
            "with_credentials": true,
            "pages": 0,
            "entries": 0,
            "users": {},
            "version": import.version,
        });
        survives(&import, written);
        let import = Import { users: BTreeMap::from([(ANA, BEN)]), ..import };
        let whole = begun.imported(&import, &invocation());
        let changes = json!({"status": "closed", "owner": BEN, "import_began_at": null, "imported_at": NOW,
            "authority": whole.authority});
        survives(&whole, patched(&begun, changes));
        assert_ne!(whole.authority, begun.authority);
        let (_, others) = tenant().importing(EXPORT, false, &invocation());
        assert!(!others.with_credentials);
        assert_eq!(
            tenant().imported(&others, &invocation()).owner,
            Some(ANA),
            "known by the same id, or not at all"
        );
    }

    #[test]
    fn an_import_counts_entries_and_pages_and_remembers_who_is_known_here() {
        let (_, begun) = tenant().importing(EXPORT, false, &invocation());
        let page = Digest::of(b"page");
        let further = begun.further(&page, 20, [(ANA, BEN)], NEW);
        let changes = json!({"entries": 20, "page": page, "users": {ANA.to_string(): BEN}, "version": NEW});
        survives(&further, patched(&begun, changes));
        let again = further.further(&page, 3, [], OLD);
        assert_eq!(json!(again), patched(&further, json!({"entries": 23, "version": OLD})));
        let turned = again.turned(NEW);
        let changes = json!({"pages": 1, "entries": 0, "page": null, "version": NEW});
        assert_eq!(json!(turned), patched(&again, changes));
        assert_eq!(json!(turned.turned(OLD)), patched(&turned, json!({"pages": 2, "version": OLD})));
        assert_eq!((turned.user(ANA), turned.user(BEN)), (BEN, BEN));
        let (ana, ben) = (Actor::User { id: ANA }, Actor::User { id: BEN });
        let theirs = Actor::Portal { id: ANA, tenant: PORTAL };
        for (there, here) in [(ana, ben), (ben, ben), (theirs, theirs), (Actor::Operator, Actor::Operator)] {
            assert_eq!(turned.actor(there), here);
        }
        assert_eq!(Import::MOST_USERS, 2_000);
    }
}
