use model::{Credential, EmailPolicy, EventKind, Invocation, Subject, Tenant, TenantId, User};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Error, Fact, Listed, Page, keys};

use crate::{Operate, Refused, change};

/// Members that are read at once.
const PAGE: usize = 500;

/// Addresses that one invocation changes at most: what it does well within its time.
const AT_ONCE: usize = 1_000;

/// Members that an answer names.
const NAMED: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    email_policy: EmailPolicy,
    reason: String,
}

impl Operate {
    /// The policy, then each member's address: how it belongs to the tenant stands on it, as of when it joined. Given again
    /// it goes on with what is left. To `exclusive` it is refused while an address belongs elsewhere too; where the policy is
    /// that already, an order before wrote it, and what is in the way is named among what is left.
    ///
    /// An acceptance that read the tenant before its policy was written may be written after the addresses were gone over:
    /// no acceptance touches the tenant. Its address then belongs as the old policy had it, until the order is given again
    /// once the invitations under way are settled.
    pub(crate) async fn set_email_policy(
        &self,
        order: Order,
        invocation: &Invocation,
    ) -> Result<Value, Refused> {
        let before = self.tenant(order.tenant).await?;
        if order.email_policy == EmailPolicy::Exclusive && before.email_policy != EmailPolicy::Exclusive {
            self.refuse_shared(before.id).await?;
        }
        let tenant = self.under_policy(before, &order, invocation).await?;
        let (mut converted, mut left) = (0_usize, 0_usize);
        let mut elsewhere = Vec::new();
        let mut page = Page { after: None, limit: PAGE };
        loop {
            let listed = self.addresses(tenant.id, page).await?;
            for credential in &listed.items {
                let Some(belonging) = credential.belonging_to_change(&tenant) else { continue };
                // one that joined another tenant since the first look is nobody's alone
                let is_alone =
                    tenant.email_policy == EmailPolicy::Shared || !credential.is_elsewhere(tenant.id);
                if !is_alone {
                    elsewhere.push(credential.user_id);
                }
                if !is_alone || converted == AT_ONCE {
                    left += 1;
                    continue;
                }
                match self.store.set_belonging(credential, &tenant, belonging, invocation.version()).await {
                    Ok(()) => converted += 1,
                    Err(Error::Changed(Fact::Credential)) => left += 1,
                    // where the tenant changed meanwhile, the order begins anew
                    Err(error) => return Err(error.into()),
                }
            }
            match listed.next {
                Some(id) => page.after = Some(id),
                None => break,
            }
        }
        elsewhere.truncate(NAMED);
        Ok(json!({
            "tenant": tenant.id,
            "email_policy": tenant.email_policy,
            "converted": converted,
            "left": left,
            "elsewhere": elsewhere,
        }))
    }

    /// The tenant under the policy that is ordered: as it was read where that is its own already.
    async fn under_policy(
        &self,
        before: Tenant,
        order: &Order,
        invocation: &Invocation,
    ) -> Result<Tenant, Refused> {
        if before.email_policy == order.email_policy {
            return Ok(before);
        }
        let after = before.with_email_policy(order.email_policy, invocation.version());
        let subject = Subject::Tenant(after.id);
        let change = change(invocation, after.id, EventKind::TenantUpdated, subject, &order.reason)
            .with("email_policy_before", before.email_policy)
            .with("email_policy", after.email_policy);
        self.store.change_tenant(&before, &after, change).await?;
        Ok(after)
    }

    /// Refuses while a member's address belongs to another tenant too.
    async fn refuse_shared(&self, tenant: TenantId) -> Result<(), Refused> {
        let mut shared = Vec::new();
        let mut page = Page { after: None, limit: PAGE };
        loop {
            let listed = self.addresses(tenant, page).await?;
            let elsewhere = listed.items.iter().filter(|credential| credential.is_elsewhere(tenant));
            shared.extend(elsewhere.map(|credential| credential.user_id));
            match listed.next {
                Some(id) => page.after = Some(id),
                None => break,
            }
        }
        if shared.is_empty() {
            return Ok(());
        }
        let (many, more) = (shared.len(), if shared.len() > NAMED { ", …" } else { "" });
        let named: Vec<String> = shared.iter().take(NAMED).map(ToString::to_string).collect();
        Err(Refused::because(format!(
            "addresses of members that belong to other tenants too: {many} ({}{more}), they have to leave here or there first",
            named.join(", ")
        )))
    }

    /// A page of the addresses of the tenant's members, suspended ones too.
    async fn addresses(&self, tenant: TenantId, page: Page) -> Result<Listed<Credential>, Refused> {
        let listed = self.store.members(tenant, page, |member| !member.is_revoked()).await?;
        let keys = listed.items.iter().map(|member| keys::credential(member.email.canonical()));
        let found = self.store.load(keys.collect::<Vec<_>>()).await?;
        let (mut items, mut moved) = (Vec::with_capacity(found.len()), Vec::new());
        for (member, credential) in listed.items.iter().zip(found) {
            match credential.filter(|credential| credential.user_id == member.user_id) {
                Some(credential) => items.push(credential),
                // theirs is another one by now, which this team shows in a moment; this may be somebody else's
                None => moved.push(member.user_id),
            }
        }
        let users = self.store.load(moved.into_iter().map(keys::user).collect::<Vec<_>>()).await?;
        let users: Vec<User> = users.into_iter().flatten().collect();
        let keys = users.iter().map(|user| keys::credential(user.email.canonical()));
        let found = self.store.load(keys.collect::<Vec<_>>()).await?;
        let theirs = users
            .iter()
            .zip(found)
            .filter_map(|(user, credential)| credential.filter(|credential| credential.user_id == user.id));
        items.extend(theirs);
        Ok(Listed { items, next: listed.next })
    }
}
