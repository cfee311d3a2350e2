//! What must hold of everything that is stored, after whatever happened: the guarantees G1, G3, G4 and G11 read off the
//! items themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The items of the table, by kind.
pub struct Ledger(BTreeMap<String, Vec<Value>>);

/// An attribute's text or number as text; empty where it is missing.
fn text(item: &Value, name: &str) -> String {
    let attribute = &item[name];
    attribute["S"].as_str().or_else(|| attribute["N"].as_str()).unwrap_or_default().to_owned()
}

impl Ledger {
    /// From all items of a table.
    #[must_use]
    pub fn of(items: Vec<Value>) -> Self {
        let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for item in items {
            kinds.entry(text(&item, "entity")).or_default().push(item);
        }
        Self(kinds)
    }

    /// The items of one kind.
    #[must_use]
    pub fn all(&self, kind: &str) -> &[Value] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    /// How many items of a kind have this value.
    #[must_use]
    pub fn count(&self, kind: &str, attribute: &str, value: &str) -> usize {
        self.all(kind).iter().filter(|item| text(item, attribute) == value).count()
    }

    /// How many sessions all users together have.
    #[must_use]
    pub fn sessions(&self) -> usize {
        let of = |user: &Value| user["sessions"]["M"].as_object().map_or(0, serde_json::Map::len);
        self.all("User").iter().map(of).sum()
    }

    /// Fails unless everything that must always hold does.
    ///
    /// # Panics
    /// With what doesn't hold.
    pub fn check(&self) {
        for tenant in self.all("Tenant") {
            self.check_tenant(tenant);
        }
        for credential in self.all("Credential") {
            let user = text(credential, "user_id");
            assert_eq!(self.count("User", "id", &user), 1, "an address belongs to one user");
            let its = self.all("User").iter().find(|one| text(one, "id") == user);
            // none was changed yet where an older release wrote it
            let which = |one: &Value| text(one, "generation").parse::<u64>().unwrap_or_default();
            assert_eq!(its.map(which), Some(which(credential)), "its password opens the user's sessions");
            let tenants = credential["tenants"]["M"].as_object().unwrap();
            let gone = tenants.keys().find(|tenant| self.count("Tenant", "id", tenant) == 0);
            assert_eq!(gone, None, "an address knows no tenant that is gone: {credential}");
            assert!(!tenants.is_empty(), "an account is of some use: {credential}");
        }
        // a tenant that was removed leaves nothing behind
        for left in ["Member", "Brand"].iter().flat_map(|kind| self.all(kind)) {
            assert_eq!(self.count("Tenant", "id", &text(left, "tenant_id")), 1, "left behind: {left}");
        }
    }

    /// Each address of a tenant is held by whoever may use it: every member and every pending invitation its own; an
    /// expired invitation until another one takes it over (R10).
    fn check_holders(&self, tenant: &str) {
        let of = |kind: &str, id: &str| -> BTreeMap<String, &Value> {
            let mine = self.all(kind).iter().filter(|item| text(item, "tenant_id") == tenant);
            mine.map(|item| (text(item, id), item)).collect()
        };
        let (members, invitations) = (of("Member", "user_id"), of("Invitation", "id"));
        let email = |item: &Value| item["email"]["M"]["canonical"]["S"].as_str().unwrap().to_owned();
        let mut holders = BTreeSet::new();
        for held in self.all("Invitee").iter().filter(|i| text(i, "pk") == format!("TENANT#{tenant}")) {
            let (holder, allowed) = if text(held, "holder") == "member" {
                (members[&text(held, "user_id")], ["active", "suspended"])
            } else {
                (invitations[&text(held, "invitation_id")], ["pending", "expired"])
            };
            assert!(allowed.contains(&text(holder, "status").as_str()), "{held} is held by {holder}");
            assert_eq!(text(held, "sk"), format!("INVITEE#{}", email(holder)));
            holders.insert(email(holder));
        }
        for (kind, items, over) in [("member", members, "revoked"), ("invitation", invitations, "")] {
            for item in items.values() {
                let holds = if over.is_empty() {
                    text(item, "status") == "pending"
                } else {
                    text(item, "status") != over
                };
                assert!(!holds || holders.contains(&email(item)), "a {kind} without its address: {item}");
            }
        }
    }

    fn check_tenant(&self, tenant: &Value) {
        let id = text(tenant, "id");
        let mine = |kind: &str| -> Vec<&Value> {
            self.all(kind).iter().filter(|item| text(item, "tenant_id") == id).collect()
        };
        let with = |kind: &str, attribute: &str, value: &str| {
            mine(kind).into_iter().filter(|item| text(item, attribute) == value).count()
        };

        // G3: seats
        let used: usize = text(tenant, "seats_used").parse().unwrap();
        let limit: usize = text(tenant, "seat_limit").parse().unwrap();
        let pending = with("Invitation", "status", "pending");
        let active = with("Member", "status", "active");
        assert_eq!(used, active + pending, "seats: {active} active, {pending} pending");
        // a plan with fewer seats than are taken removes nobody
        let lowered = self
            .all("Event")
            .iter()
            .any(|event| text(event, "tenant_id") == id && text(event, "type") == "tenant.plan_changed");
        assert!(used <= limit || lowered, "{used} of {limit} seats");

        // G4: one owner, once there is one
        let owners = mine("Member")
            .into_iter()
            .filter(|m| text(m, "role") == "owner" && text(m, "status") == "active");
        let confirmed = text(tenant, "status") != "pending";
        assert_eq!(owners.count(), usize::from(confirmed), "owners");
        assert_eq!(text(tenant, "owner").is_empty(), !confirmed);

        // G1: one invitation, one member; one address, one holder
        let mut members: Vec<String> = mine("Invitation")
            .into_iter()
            .filter(|i| text(i, "status") == "accepted")
            .map(|i| text(i, "accepted_by"))
            .collect();
        members.sort();
        members.dedup();
        let mut there: Vec<String> = mine("Member").into_iter().map(|m| text(m, "user_id")).collect();
        there.sort();
        assert_eq!(members, there, "every member has accepted an invitation, and the reverse");
        self.check_holders(&id);

        // G11: what ended has its event
        let events = |kind: &str| with("Event", "type", kind);
        assert_eq!(events("invitation.accepted"), with("Invitation", "status", "accepted"));
        assert_eq!(events("invitation.declined"), with("Invitation", "status", "declined"));
        assert_eq!(events("invitation.revoked"), with("Invitation", "status", "revoked"));
        // whoever found that its time was over; each time that it was sent it may be once
        for invitation in mine("Invitation") {
            let expired = mine("Event").into_iter().filter(|event| {
                text(event, "type") == "invitation.expired"
                    && event["subject"]["M"]["id"]["S"] == text(invitation, "id").as_str()
            });
            let (told, sent) = (expired.count(), text(invitation, "generation").parse().unwrap());
            let least = usize::from(text(invitation, "status") == "expired");
            assert!((least..=sent).contains(&told), "{told} times expired: {invitation}");
        }
        assert_eq!(events("tenant.created"), 1);
        // the owner's came with the sign-up
        assert_eq!(events("invitation.created") + 1, mine("Invitation").len());
    }
}
