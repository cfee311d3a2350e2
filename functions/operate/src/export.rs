use std::time::Duration;

use model::{
    Email, Event, EventId, EventKind, Invitation, InvitationStatus, Invocation, Locale, Member, PersonName,
    Phone, ReviewId, Subject, Tenant, TenantId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Listed, Page, keys};

use crate::{Operate, Refused, change};

/// Entries of one page: well below what an invocation's answer may hold (6 MB).
const PAGE: usize = 500;

/// How long an export may take: one that goes on after that leaves an event of its own.
const WITHIN: Duration = Duration::from_secs(86_400);

/// What is left out: digests of secrets, and versions that mean nothing elsewhere.
const INTERNAL: [&str; 5] = ["newest_token", "reminder_token", "version", "authority", "unconfirmed_until"];

/// The detail of the event that says whether password hashes went out.
pub(crate) const WITH_CREDENTIALS: &str = "with_credentials";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    /// Where the last page ended: its `next`.
    after: Option<Cursor>,
    /// Whether the hashes of passwords go out too: said with the first page, and true of all.
    #[serde(default)]
    with_credentials: bool,
    reason: String,
}

policy::closed_set! {
    /// The parts of an export, in their order.
    pub(crate) enum Part: "part" {
        /// The brands.
        Brands = "brands",
        /// The members, former ones too, with the people that they are.
        Members = "members",
        /// The invitations, whatever became of them.
        Invitations = "invitations",
        /// The reviews of who holds what.
        Reviews = "reviews",
        /// What they decided, one review after the other.
        Decisions = "decisions",
        /// The portal that administers it, and its partners.
        Relations = "relations",
        /// The audit trail, newest first.
        Events = "events",
    }
}

/// Where a page begins.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// The event that the first page left: none goes without.
    export: EventId,
    /// How many pages come before it.
    #[serde(default)]
    page: u32,
    part: Part,
    /// After this entry.
    id: Option<Version>,
    /// Of the decisions of this review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<ReviewId>,
}

/// Somebody as they are everywhere, beside their membership.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    /// The address that they sign in with.
    pub(crate) email: Email,
    pub(crate) first_name: PersonName,
    pub(crate) last_name: PersonName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<Phone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<Locale>,
    pub(crate) created_at: Timestamp,
    /// Where it was asked for: the argon2id hash, in PHC form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_hash: Option<String>,
}

/// The entries of a page, and where its part goes on, if it does.
struct Found {
    items: Vec<Value>,
    id: Option<Version>,
    review: Option<ReviewId>,
}

impl Part {
    pub(crate) const FIRST: Self = Self::Brands;

    const fn next(self) -> Option<Self> {
        match self {
            Self::Brands => Some(Self::Members),
            Self::Members => Some(Self::Invitations),
            Self::Invitations => Some(Self::Reviews),
            Self::Reviews => Some(Self::Decisions),
            Self::Decisions => Some(Self::Relations),
            Self::Relations => Some(Self::Events),
            Self::Events => None,
        }
    }
}

impl Cursor {
    const fn first(export: EventId) -> Self {
        Self { export, page: 0, part: Part::FIRST, id: None, review: None }
    }

    /// Where the next page begins, if there is one.
    fn next(&self, found: &Found) -> Option<Self> {
        let (export, page) = (self.export, self.page.saturating_add(1));
        if found.id.is_some() || found.review.is_some() {
            return Some(Self { export, page, part: self.part, id: found.id, review: found.review });
        }
        self.part.next().map(|part| Self { export, page, part, id: None, review: None })
    }
}

impl Found {
    fn of<E>(listed: &Listed<E>, items: Vec<Value>) -> Self {
        Self { items, id: listed.next.map(Version), review: None }
    }

    fn plain<E: Serialize>(listed: &Listed<E>) -> Result<Self, Refused> {
        let items = listed.items.iter().map(outward).collect::<Result<_, _>>()?;
        Ok(Self::of(listed, items))
    }
}

fn outward(entity: &impl Serialize) -> Result<Value, Refused> {
    let mut value = serde_json::to_value(entity).map_err(Refused::because)?;
    if let Some(fields) = value.as_object_mut() {
        for name in INTERNAL {
            fields.remove(name);
        }
    }
    Ok(value)
}

/// The same, with something beside what is stored with it.
fn outward_with(entity: &impl Serialize, name: &str, beside: Value) -> Result<Value, Refused> {
    let mut value = outward(entity)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.to_owned(), beside);
    }
    Ok(value)
}

/// Another tenant, in what is told of it to whom it is related to.
fn named(tenant: &Tenant) -> Value {
    json!({"id": tenant.id, "name": tenant.name})
}

impl Operate {
    /// The first page leaves the event, and is followed by others, with `after`, until there is no `next`.
    pub(crate) async fn export(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let Order { tenant, after, with_credentials, reason } = order;
        let tenant = self.tenant(tenant).await?;
        let (at, with_credentials) = match after {
            Some(cursor) => {
                let begun = self.begun(&tenant, cursor.export, invocation).await?;
                let began_with = begun.details.get(WITH_CREDENTIALS).is_some_and(|said| said == "true");
                if with_credentials && !began_with {
                    let words = "`with_credentials`: the export began without, begin another one";
                    return Err(Refused::because(words));
                }
                (cursor, began_with)
            }
            None => {
                let first = self.begin(&tenant, with_credentials, &reason, invocation).await?;
                (first, with_credentials)
            }
        };
        let page = Page { after: at.id.map(|version| version.0), limit: PAGE };
        let (store, t) = (&self.store, tenant.id);
        let found = match at.part {
            Part::Brands => Found::plain(&store.brands(t, page, |_| true).await?)?,
            Part::Members => self.people(&store.members(t, page, |_| true).await?, with_credentials).await?,
            Part::Invitations => self.held(&store.invitations(t, page, |_| true).await?).await?,
            Part::Reviews => Found::plain(&store.reviews(t, page).await?)?,
            Part::Decisions => self.decisions(t, at.review, page).await?,
            Part::Relations => self.relations(&tenant, page, invocation).await?,
            Part::Events => {
                let within = (invocation.now(), tenant.created_at);
                Found::plain(&store.events(t, page, within, |_| true).await?)?
            }
        };
        let next = at.next(&found);
        Ok(json!({
            "export": at.export,
            "page": at.page,
            "tenant": outward(&tenant)?,
            "part": at.part,
            "items": found.items,
            "next": next,
        }))
    }

    /// Leaves the event in the trail of the tenant whose data goes out.
    async fn begin(
        &self,
        tenant: &Tenant,
        with_credentials: bool,
        reason: &str,
        invocation: &Invocation,
    ) -> Result<Cursor, Refused> {
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantExported, subject, reason);
        let change = change.with_some(WITH_CREDENTIALS, with_credentials.then_some(true));
        let export = change.event_id();
        self.store.note(tenant, change).await?;
        Ok(Cursor::first(export))
    }

    /// The event of an export. Refuses a page of one that never began, or began so long ago that this is another one.
    async fn begun(
        &self,
        tenant: &Tenant,
        export: EventId,
        invocation: &Invocation,
    ) -> Result<Event, Refused> {
        let found = match export.made_at() {
            Some(at) if invocation.now().since(at) < WITHIN => {
                self.store.load(keys::event(tenant.id, at, export)).await?
            }
            _ => None,
        };
        // an event that was brought from elsewhere, or made up there, began nothing here
        let is_ours = |event: &Event| tenant.imported_at.is_none_or(|imported| imported < event.at);
        let found = found.filter(|event| event.kind == EventKind::TenantExported && is_ours(event));
        found.ok_or_else(|| {
            Refused::because("`after`: no export of this tenant began so within a day, begin without")
        })
    }

    /// Members, each with the person; of a membership that is over, with when it ended: the rest of that person is no business
    /// of the tenant's any more.
    async fn people(&self, listed: &Listed<Member>, with_credentials: bool) -> Result<Found, Refused> {
        let users = listed.items.iter().map(|one| (!one.is_revoked()).then(|| keys::user(one.user_id)));
        let users = self.store.load(users.collect::<Vec<_>>()).await?;
        let credentials = users.iter().map(|user| {
            let user = user.as_ref().filter(|_| with_credentials)?;
            Some(keys::credential(user.email.canonical()))
        });
        let credentials = self.store.load(credentials.collect::<Vec<_>>()).await?;
        let mut items = Vec::with_capacity(listed.items.len());
        for ((member, user), credential) in listed.items.iter().zip(users).zip(credentials) {
            let Some(user) = user else {
                items.push(outward_with(member, "ended_at", json!(member.ended_at()))?);
                continue;
            };
            // an address that was made free may be somebody else's
            let theirs = credential.filter(|credential| credential.user_id == user.id);
            let person = Person {
                email: user.email,
                first_name: user.first_name,
                last_name: user.last_name,
                phone: user.phone,
                locale: user.locale,
                created_at: user.created_at,
                password_hash: theirs.map(|credential| credential.password_hash),
            };
            items.push(outward_with(member, "person", json!(person))?);
        }
        Ok(Found::of(listed, items))
    }

    /// Invitations, each with whether it holds its address still (R10).
    async fn held(&self, listed: &Listed<Invitation>) -> Result<Found, Refused> {
        let may_hold =
            |one: &Invitation| matches!(one.status, InvitationStatus::Pending | InvitationStatus::Expired);
        let holders = listed
            .items
            .iter()
            .map(|one| may_hold(one).then(|| keys::invitee(one.tenant_id, one.email.canonical())));
        let holders = self.store.load(holders.collect::<Vec<_>>()).await?;
        let items = listed.items.iter().zip(holders).map(|(one, holder)| {
            let holds = holder.is_some_and(|holder| holder.is(one.id));
            outward_with(one, "holds_address", json!(holds))
        });
        Ok(Found::of(listed, items.collect::<Result<_, _>>()?))
    }

    /// What a review decided; without one, what the first did. The next one follows.
    async fn decisions(
        &self,
        tenant: TenantId,
        review: Option<ReviewId>,
        page: Page,
    ) -> Result<Found, Refused> {
        let review = match review {
            // what it decided lies under its id alone
            Some(id) => self.store.load(keys::review(tenant, id)).await?.map(|review| review.id),
            None => self.review_after(tenant, None).await?,
        };
        let Some(review) = review else {
            return Ok(Found { items: Vec::new(), id: None, review: None });
        };
        let found = Found::plain(&self.store.decisions(review, page).await?)?;
        let review = match found.id {
            Some(_) => Some(review),
            None => self.review_after(tenant, Some(review)).await?,
        };
        Ok(Found { review, ..found })
    }

    async fn review_after(
        &self,
        tenant: TenantId,
        review: Option<ReviewId>,
    ) -> Result<Option<ReviewId>, Refused> {
        let page = Page { after: review.map(|review| review.0), limit: 1 };
        Ok(self.store.reviews(tenant, page).await?.items.first().map(|review| review.id))
    }

    /// Who administers it, and whom it administers: to be read, not to be imported.
    async fn relations(
        &self,
        tenant: &Tenant,
        page: Page,
        invocation: &Invocation,
    ) -> Result<Found, Refused> {
        let mut items = Vec::new();
        if page.after.is_none()
            && tenant.portal.is_some()
            && let Some(administration) = self.store.load(keys::administration(tenant.id)).await?
            && let Some(portal) = self.store.load(keys::tenant(administration.portal)).await?
        {
            items.push(json!({"portal": named(&portal), "since": administration.since}));
        }
        let listed = self.store.partners(tenant.id, page, invocation.now()).await?;
        let partners = listed.items.iter().map(
            |(partner, administration)| json!({"partner": named(partner), "since": administration.since}),
        );
        items.extend(partners);
        Ok(Found::of(&listed, items))
    }
}
