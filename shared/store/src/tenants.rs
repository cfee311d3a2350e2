use model::{Belonging, Credential, Invitee, Mail, Member, Source, Tenant, Transfer, Version};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Outgoing, Store, keys};

impl Transaction<'_> {
    /// A tenant's name, plan, seats and status, over what was read.
    pub(crate) fn tenant(self, before: &Tenant, after: &Tenant) -> Self {
        let expression = Expression::default()
            .set("name", &after.name)
            .set("plan", &after.plan)
            .set("seat_limit", &after.seat_limit)
            .set("status", &after.status)
            .set("email_policy", &after.email_policy)
            .set_or_remove("brand_colour", after.brand_colour.as_ref())
            .set_or_remove("logo_url", after.logo_url.as_ref())
            .set_or_remove("reply_to", after.reply_to.as_ref())
            .set_or_remove("reminder_days", after.reminder_days.as_ref())
            .set_or_remove("closed_at", after.closed_at.as_ref())
            .set_or_remove("removal_began_at", after.removal_began_at.as_ref())
            .set("authority", &after.authority)
            .when_authority(before.authority);
        self.update(Fact::Tenant, &keys::tenant(after.id), expression)
    }
}

impl Store {
    /// Signs an organization up: the tenant, its owner's invitation and the mail that carries the link. Counted to the
    /// `source` and to the deployment; the operator has none and isn't.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many sign-ups, or the address got too many emails today;
    /// [`Error::Changed`] when the same request was answered meanwhile.
    pub async fn sign_up(
        &self,
        out: &Outgoing<'_>,
        source: Option<&Source>,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let (tenant, invitation) = (out.tenant, out.invitation());
        let invitee = keys::invitee(tenant.id, invitation.email.canonical());
        let mut transaction = self.transaction();
        if let Some(source) = source {
            let (by_source, in_all, now) = (out.limits.sign_ups_by_source, out.limits.sign_ups, change.at());
            let from = keys::sign_ups_from(source, by_source, now);
            transaction = transaction.count(&from, by_source, now, "sign-ups from your network").count(
                &keys::sign_ups(in_all, now),
                in_all,
                now,
                "sign-ups today",
            );
        }
        transaction
            .add(&keys::tenant(tenant.id), tenant)
            .add(&keys::invitation(tenant.id, invitation.id), invitation)
            .add(&invitee, &Invitee::from(invitation))
            .mail(out)
            .change(change.founding(tenant))
            .commit()
            .await
    }

    /// Notes in a trail what was done without changing anything, on the condition that the tenant is as it was read: the
    /// trail of one that is being removed is closed.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant changed.
    pub async fn note(&self, tenant: &Tenant, change: Change<'_>) -> Result<(), Error> {
        let unchanged = Expression::default().when_authority(tenant.authority);
        let noted = self.transaction().check(Fact::Tenant, &keys::tenant(tenant.id), unchanged);
        noted.change(change).commit().await
    }

    /// Changes a tenant's name, look, reminders, plan, seats, status or email policy over what was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant changed.
    pub async fn change_tenant(
        &self,
        before: &Tenant,
        after: &Tenant,
        change: Change<'_>,
    ) -> Result<(), Error> {
        self.transaction().tenant(before, after).change(change).commit().await
    }

    /// Closes a tenant, and tells its owner by these mails. Who owns it stands on the tenant, so that the owner's own item
    /// needn't be looked at again.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant changed, or the same request was answered meanwhile.
    pub async fn close_tenant(
        &self,
        before: &Tenant,
        after: &Tenant,
        notices: &[Mail],
        change: Change<'_>,
    ) -> Result<(), Error> {
        self.transaction().tenant(before, after).mails(notices).change(change).commit().await
    }

    /// Has an address belong to a tenant as its policy has it by now, over what was read of both. It has no event of its own:
    /// the one of the policy tells of all addresses.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used for something else meanwhile, or the tenant changed.
    pub async fn set_belonging(
        &self,
        credential: &Credential,
        tenant: &Tenant,
        belonging: Belonging,
        version: Version,
    ) -> Result<(), Error> {
        // another order may have set another policy, and gone over the addresses, since this one's was written
        let unchanged = Expression::default().when_authority(tenant.authority);
        // who joined another tenant meanwhile isn't this one's alone
        let change = Expression::default()
            .set(&format!("tenants.{}", tenant.id), &belonging)
            .set("version", &version)
            .when_version(credential.version);
        self.transaction()
            .check(Fact::Tenant, &keys::tenant(tenant.id), unchanged)
            .update(Fact::Credential, &keys::credential(credential.email.canonical()), change)
            .commit()
            .await
    }

    /// Puts the ownership into other hands: the tenant, the old owner and the new one, each as read and as it will be, and
    /// what both are mailed.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant or one of the two changed.
    pub async fn transfer_ownership(
        &self,
        tenant: &Tenant,
        from: &Member,
        to: &Member,
        after: &Transfer,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let expression = Expression::default()
            .set_or_remove("owner", after.tenant.owner.as_ref())
            .set("authority", &after.tenant.authority)
            .when_authority(tenant.authority);
        self.transaction()
            .update(Fact::Tenant, &keys::tenant(tenant.id), expression)
            .authority(from, &after.old_owner)
            .authority(to, &after.new_owner)
            .mails(&after.told)
            .change(change)
            .commit()
            .await
    }

    /// Makes an address free: nobody signs in with it any more, mail may go to it again, and whoever is invited by it
    /// next is somebody new. There is a change for each tenant that it belonged to, each in its trail.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used meanwhile.
    pub async fn release_email(
        &self,
        credential: &Credential,
        changes: impl IntoIterator<Item = Change<'_>>,
    ) -> Result<(), Error> {
        let email = credential.email.canonical();
        let unchanged = Expression::default().when_version(credential.version);
        let transaction = self
            .transaction()
            .delete(Fact::Credential, &keys::credential(email), unchanged)
            .remove(&keys::suppression(email));
        changes.into_iter().fold(transaction, |t, change| t.change(change)).commit().await
    }
}
