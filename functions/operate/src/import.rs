use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use model::{
    Brand, BrandName, CompanyName, Credential, Decision, Delivery, DeliveryState, Digest, Email, Event,
    EventId, EventKind, Import, Invitation, InvitationStatus, Invocation, Joining, Locale, LogoUrl, Mail,
    Member, NewInvitation, PersonName, Phone, PlanName, Reason, Review, Subject, Tenant, TenantId, Timestamp,
    User, UserId, Version, Window,
};
use policy::{MemberStatus, Role, TenantStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Arrival, Error, Fact, Imported, Newcomer, keys};

use crate::export::{Cursor, Part, Person, WITH_CREDENTIALS};
use crate::{Operate, Refused, change, read};

/// What an invitation's mail came to, whose link stayed behind.
const WITHOUT_LINK: &str = "it was imported without its link, send it again";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// A page of an export, as it was answered.
    page: Exported,
    /// Whether the passwords of people who are new here come with them: said with the first page, and true of all.
    #[serde(default)]
    with_credentials: bool,
    reason: String,
}

/// A page of an export.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    export: EventId,
    page: u32,
    tenant: Value,
    part: Part,
    items: Vec<Value>,
    next: Option<Cursor>,
}

/// An entry, and its place in the page.
type At<T> = (usize, T);

/// Refuses an entry, which it names.
fn wrong(at: usize, words: impl Display) -> Refused {
    Refused::because(format!("`items.{at}`: {words}"))
}

/// An entity as it was exported, with versions of its own here.
fn entity<E: DeserializeOwned>(mut value: Value, invocation: &Invocation) -> Result<E, String> {
    if let Some(fields) = value.as_object_mut() {
        for name in ["version", "authority"] {
            fields.insert(name.to_owned(), json!(invocation.version()));
        }
    }
    read(value)
}

/// What stands beside an entity.
fn taken(value: &mut Value, name: &str) -> Option<Value> {
    value.as_object_mut()?.remove(name).filter(|beside| !beside.is_null())
}

/// A text that is read as it stands has to be one that could have been entered here.
fn entered<T: PartialEq, E: Display>(name: &str, text: &T, parsed: Result<T, E>) -> Result<(), String> {
    match parsed {
        Ok(parsed) if parsed == *text => Ok(()),
        Ok(_) => Err(format!("`{name}`: it isn't spelt as it is kept")),
        Err(why) => Err(format!("`{name}`: {why}")),
    }
}

/// The address, and the names and the number of somebody.
fn is_somebody(
    email: &Email,
    names: [&PersonName; 2],
    phone: Option<&Phone>,
    locale: Option<&Locale>,
) -> Result<(), String> {
    let [first_name, last_name] = names;
    entered("email", email, Email::parse(email.as_entered()))?;
    entered("first_name", first_name, PersonName::parse(first_name.as_str()))?;
    entered("last_name", last_name, PersonName::parse(last_name.as_str()))?;
    phone.map_or(Ok(()), |phone| entered("phone", phone, Phone::parse(phone.as_str())))?;
    locale.map_or(Ok(()), |locale| entered("locale", locale, Locale::parse(locale.as_str())))
}

/// An entry belongs to the tenant that the page is of.
fn of_tenant(id: TenantId, tenant: &Tenant) -> Result<(), String> {
    if id == tenant.id { Ok(()) } else { Err("`tenant_id`: it is of another tenant".to_owned()) }
}

/// Refuses what is there twice.
fn once<K: Ord>(seen: &mut BTreeSet<K>, at: usize, key: K) -> Result<(), Refused> {
    if seen.insert(key) { Ok(()) } else { Err(wrong(at, "it is there twice")) }
}

/// The tenant of a page, as another deployment or an older state of this one has it.
fn tenant_of(page: &Exported, invocation: &Invocation) -> Result<Tenant, Refused> {
    let wrong = |words: String| Refused::because(format!("`tenant`: {words}"));
    let tenant: Tenant = entity(page.tenant.clone(), invocation).map_err(wrong)?;
    let texts = || {
        entered("name", &tenant.name, CompanyName::parse(tenant.name.as_str()))?;
        entered("plan", &tenant.plan, PlanName::parse(tenant.plan.as_str()))?;
        let (logo_url, reply_to) = (tenant.logo_url.as_ref(), tenant.reply_to.as_ref());
        logo_url.map_or(Ok(()), |url| entered("logo_url", url, LogoUrl::parse(url.as_str())))?;
        reply_to.map_or(Ok(()), |to| entered("reply_to", to, Email::parse(to.as_entered())))
    };
    texts().map_err(wrong)?;
    // where its trail begins, and how far back that is looked for
    if tenant.id.made_at() != Some(tenant.created_at) || invocation.now() < tenant.created_at {
        return Err(wrong("`created_at`: its id has another time".to_owned()));
    }
    if tenant.status == TenantStatus::Pending || tenant.owner.is_none() {
        return Err(wrong("nobody owns it yet, let it sign up here".to_owned()));
    }
    if tenant.seat_limit == 0 {
        return Err(wrong("`seat_limit`: the owner takes one".to_owned()));
    }
    if (tenant.status == TenantStatus::Closed) != tenant.closed_at.is_some() {
        return Err(wrong("`closed_at`: it says when a closed tenant was closed".to_owned()));
    }
    Ok(tenant)
}

impl Operate {
    /// A page at a time, in their order. The first makes the tenant, which is switched off until the last one is there; a page
    /// that is given again changes nothing, or goes on where it was stopped.
    pub(crate) async fn import(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let Order { page, with_credentials, reason } = order;
        let told = tenant_of(&page, invocation)?;
        let (tenant, import) = self.store.load((keys::tenant(told.id), keys::import(told.id))).await?;
        let answer = |is_done: bool| json!({"tenant": told.id, "page": page.page, "done": is_done});
        let (tenant, mut import) = match (tenant, import) {
            (Some(tenant), _) if tenant.removal_began_at.is_some() => {
                return Err(Refused::because("the tenant is being removed"));
            }
            (Some(tenant), Some(import)) if import.export == page.export => (tenant, import),
            (Some(_), Some(_)) => {
                let words = "another export of this tenant is being imported, go on with that, or give it up with `remove-tenant`";
                return Err(Refused::because(words));
            }
            // the answer to the last page was lost
            (Some(tenant), None) if tenant.imported_from == Some(page.export) => return Ok(answer(true)),
            (Some(_), None) => return Err(Refused::because("there is a tenant with this id here")),
            (None, _) if page.page == 0 && page.part == Part::FIRST => {
                let (tenant, import) = told.importing(page.export, with_credentials, invocation);
                self.store.begin_import(&tenant, &import).await?;
                (tenant, import)
            }
            (None, _) => return Err(Refused::because("`page`: an import begins with the first one")),
        };
        if with_credentials && !import.with_credentials {
            let words = "`with_credentials`: the import began without, give it up with `remove-tenant` and begin again";
            return Err(Refused::because(words));
        }
        if import.pages < page.page {
            return Err(Refused::because(format!(
                "`page`: the one with the number {} is missing",
                import.pages
            )));
        }
        if import.pages == page.page {
            let read = import.version;
            import = match self.take(&page, &tenant, import, invocation).await {
                Ok(turned) => turned,
                Err(why) => return Err(self.as_it_stands(why, told.id, read).await),
            };
        }
        // where this one was stopped after the last entry, it is the same as if it came for the first time
        let is_last = page.next.is_none() && import.pages == page.page.saturating_add(1);
        if is_last {
            self.finish(&tenant, &import, &reason, invocation).await?;
        }
        Ok(answer(is_last))
    }

    /// Why a page isn't taken: where somebody else moved the import on since it was read, what stands against its entries may be
    /// those very entries, and it is decided anew.
    async fn as_it_stands(&self, why: Refused, tenant: TenantId, read: Version) -> Refused {
        if matches!(why, Refused::Store(_)) {
            return why;
        }
        match self.store.load(keys::import(tenant)).await {
            Ok(Some(import)) if import.version == read => why,
            Ok(_) => Error::Changed(Fact::Import).into(),
            Err(error) => error.into(),
        }
    }

    /// The entries of a page that aren't there yet: all are judged before any is written.
    async fn take(
        &self,
        page: &Exported,
        tenant: &Tenant,
        import: Import,
        invocation: &Invocation,
    ) -> Result<Import, Refused> {
        let digest = Digest::of(&serde_json::to_vec(page).map_err(Refused::because)?);
        if import.page.as_ref().is_some_and(|begun| *begun != digest) {
            return Err(Refused::because("`page`: some of it is there already, and it was another one then"));
        }
        let there = usize::try_from(import.entries).unwrap_or(usize::MAX);
        let left: Vec<At<Value>> = page.items.iter().cloned().enumerate().skip(there).collect();
        let import = match page.part {
            Part::Brands => {
                let all = brands(left, tenant, invocation)?;
                self.write(import, &digest, (all, 90), Imported::Brands, invocation).await?
            }
            Part::Members => {
                let all = self.newcomers(left, tenant, &import, invocation).await?;
                self.write(import, &digest, (all, 20), Imported::Members, invocation).await?
            }
            Part::Invitations => {
                let all = self.arrivals(left, tenant, &import, invocation).await?;
                self.write(import, &digest, (all, 30), Imported::Invitations, invocation).await?
            }
            Part::Reviews => {
                let all = self.reviews(left, tenant, &import, invocation).await?;
                self.write(import, &digest, (all, 40), Imported::Reviews, invocation).await?
            }
            Part::Decisions => {
                let all = self.decided(left, tenant, &import, invocation).await?;
                self.write(import, &digest, (all, 90), Imported::Decisions, invocation).await?
            }
            Part::Events => {
                let all = events(left, tenant, invocation)?;
                self.write(import, &digest, (all, 90), Imported::Events, invocation).await?
            }
            // a portal's charge ends where a tenant leaves
            Part::Relations => import,
        };
        let turned = import.turned(invocation.version());
        self.store.import((&import, &turned), &Imported::Nothing).await?;
        Ok(turned)
    }

    /// Writes entries, so many at once.
    async fn write<T: Send>(
        &self,
        mut import: Import,
        page: &Digest,
        (mut left, at_once): (Vec<T>, usize),
        what: fn(Vec<T>) -> Imported,
        invocation: &Invocation,
    ) -> Result<Import, Refused> {
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(at_once));
            let entries = u32::try_from(left.len()).unwrap_or(u32::MAX);
            let stretch = what(left);
            let after = import.further(page, entries, stretch.renamed(), invocation.version());
            self.store.import((&import, &after), &stretch).await?;
            (import, left) = (after, rest);
        }
        Ok(import)
    }

    /// All of it is there: the tenant is what it was, if it has its one owner (R2).
    async fn finish(
        &self,
        tenant: &Tenant,
        import: &Import,
        reason: &str,
        invocation: &Invocation,
    ) -> Result<(), Refused> {
        let after = tenant.imported(import, invocation);
        let owner = self.store.load(after.owner.map(|owner| keys::member(tenant.id, owner))).await?;
        if owner.is_none_or(|owner| owner.role != Role::Owner) {
            return Err(Refused::because("`tenant`: its owner was none of the members"));
        }
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantImported, subject, reason)
            .with("export", import.export)
            .with("pages", import.pages)
            .with_some(WITH_CREDENTIALS, import.with_credentials.then_some(true));
        self.store.finish_import(import, &after, change).await?;
        Ok(())
    }

    /// Who the members of a page are here. Somebody whose id or address is known is who they are: they get the membership and keep
    /// everything else, since whoever made the file has no part in their account. All others are new.
    async fn newcomers(
        &self,
        entries: Vec<At<Value>>,
        tenant: &Tenant,
        import: &Import,
        invocation: &Invocation,
    ) -> Result<Vec<Newcomer>, Refused> {
        let mut people = Vec::with_capacity(entries.len());
        for (at, value) in entries {
            let read = member(value, tenant, import, invocation);
            people.push((at, read.map_err(|words| wrong(at, words))?));
        }
        let users =
            people.iter().map(|(_, (member, person))| person.as_ref().map(|_| keys::user(member.user_id)));
        let users = self.store.load(users.collect::<Vec<_>>()).await?;
        let addresses = people.iter().zip(&users).map(|((_, (_, person)), user)| {
            let email = user.as_ref().map(|user| &user.email);
            email
                .or(person.as_ref().map(|person| &person.email))
                .map(|email| keys::credential(email.canonical()))
        });
        let credentials = self.store.load(addresses.collect::<Vec<_>>()).await?;
        let mut newcomers = Vec::with_capacity(people.len());
        for (((at, (member, person)), user), credential) in people.into_iter().zip(users).zip(credentials) {
            let newcomer = newcomer((member, person), user, credential, tenant, invocation);
            newcomers.push((at, newcomer.map_err(|words| wrong(at, words))?));
        }
        self.are_there_once(&newcomers).await?;
        let renamed: BTreeMap<UserId, UserId> = newcomers
            .iter()
            .filter(|(_, one)| one.was != one.member.user_id)
            .map(|(_, one)| (one.was, one.member.user_id))
            .collect();
        if Import::MOST_USERS < import.users.len() + renamed.len() {
            let words = format!("more than {} people are known here by other ids", Import::MOST_USERS);
            return Err(Refused::because(words));
        }
        // who gave them what they hold may come with this page
        let known =
            Import { users: import.users.clone().into_iter().chain(renamed).collect(), ..import.clone() };
        Ok(newcomers
            .into_iter()
            .map(|(_, one)| {
                let granted_by = one.member.granted_by.map(|by| known.actor(by));
                Newcomer { member: Member { granted_by, ..one.member }, ..one }
            })
            .collect())
    }

    /// Refuses two members who are one person here, and two who have one address.
    async fn are_there_once(&self, newcomers: &[At<Newcomer>]) -> Result<(), Refused> {
        let (mut users, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (at, Newcomer { member, joining, .. }) in newcomers {
            once(&mut users, *at, member.user_id)?;
            if joining.is_some() {
                once(&mut addresses, *at, member.email.canonical())?;
            }
        }
        let members = newcomers.iter().map(|(_, one)| keys::member(one.member.tenant_id, one.member.user_id));
        let holders = newcomers.iter().map(|(_, one)| {
            let held = || keys::invitee(one.member.tenant_id, one.member.email.canonical());
            one.joining.as_ref().map(|_| held())
        });
        let facts = (members.collect::<Vec<_>>(), holders.collect::<Vec<_>>());
        let (members, holders) = self.store.load(facts).await?;
        for (((at, _), member), holder) in newcomers.iter().zip(members).zip(holders) {
            if member.is_some() || holder.is_some() {
                return Err(wrong(*at, "another member is the same person here, or has the address"));
            }
        }
        Ok(())
    }

    async fn arrivals(
        &self,
        entries: Vec<At<Value>>,
        tenant: &Tenant,
        import: &Import,
        invocation: &Invocation,
    ) -> Result<Vec<Arrival>, Refused> {
        let (mut arrivals, mut ids, mut held) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (at, value) in entries {
            let arrival = arrival(value, tenant, import, invocation).map_err(|words| wrong(at, words))?;
            once(&mut ids, at, arrival.invitation.id)?;
            if arrival.holds_address {
                once(&mut held, at, arrival.invitation.email.canonical().to_owned())?;
            }
            arrivals.push((at, arrival));
        }
        let there = arrivals.iter().map(|(_, one)| keys::invitation(tenant.id, one.invitation.id));
        let holders = arrivals.iter().map(|(_, one)| {
            one.holds_address.then(|| keys::invitee(tenant.id, one.invitation.email.canonical()))
        });
        let facts = (there.collect::<Vec<_>>(), holders.collect::<Vec<_>>());
        let (there, holders) = self.store.load(facts).await?;
        for (((at, _), there), holder) in arrivals.iter().zip(there).zip(holders) {
            if there.is_some() {
                return Err(wrong(*at, "it is there twice"));
            }
            if holder.is_some() {
                return Err(wrong(*at, "somebody else has its address in the tenant"));
            }
        }
        Ok(arrivals.into_iter().map(|(_, one)| one).collect())
    }

    async fn reviews(
        &self,
        entries: Vec<At<Value>>,
        tenant: &Tenant,
        import: &Import,
        invocation: &Invocation,
    ) -> Result<Vec<Review>, Refused> {
        let mut one_is_open = self.store.load(keys::open_review(tenant.id)).await?.is_some();
        let (mut reviews, mut ids) = (Vec::new(), BTreeSet::new());
        for (at, value) in entries {
            let review: Review = entity(value, invocation).map_err(|words| wrong(at, words))?;
            of_tenant(review.tenant_id, tenant).map_err(|words| wrong(at, words))?;
            once(&mut ids, at, review.id)?;
            if review.is_open() && one_is_open {
                return Err(wrong(at, "another review goes on"));
            }
            one_is_open |= review.is_open();
            reviews.push(Review {
                id: review.id.brought_by(tenant.id),
                opened_by: import.user(review.opened_by),
                closed_by: review.closed_by.map(|by| import.user(by)),
                ..review
            });
        }
        Ok(reviews)
    }

    async fn decided(
        &self,
        entries: Vec<At<Value>>,
        tenant: &Tenant,
        import: &Import,
        invocation: &Invocation,
    ) -> Result<Vec<Decision>, Refused> {
        let (mut decisions, mut ids) = (Vec::new(), BTreeSet::new());
        for (at, value) in entries {
            let decision: Decision = entity(value, invocation).map_err(|words| wrong(at, words))?;
            of_tenant(decision.tenant_id, tenant).map_err(|words| wrong(at, words))?;
            let reason = Reason::parse(decision.reason.as_str());
            entered("reason", &decision.reason, reason).map_err(|words| wrong(at, words))?;
            let here = Decision {
                review_id: decision.review_id.brought_by(tenant.id),
                user_id: import.user(decision.user_id),
                by: import.user(decision.by),
                ..decision
            };
            once(&mut ids, at, (here.review_id, here.user_id))?;
            decisions.push((at, here));
        }
        let reviews = decisions.iter().map(|(_, one)| keys::review(tenant.id, one.review_id));
        let reviews = self.store.load(reviews.collect::<Vec<_>>()).await?;
        let missing = decisions.iter().zip(reviews).find(|(_, review)| review.is_none());
        if let Some(at) = missing.map(|((at, _), _)| *at) {
            return Err(wrong(at, "`review_id`: there is no such review"));
        }
        Ok(decisions.into_iter().map(|(_, one)| one).collect())
    }
}

fn brands(entries: Vec<At<Value>>, tenant: &Tenant, invocation: &Invocation) -> Result<Vec<Brand>, Refused> {
    let (mut brands, mut ids) = (Vec::new(), BTreeSet::new());
    for (at, value) in entries {
        let brand: Brand = entity(value, invocation).map_err(|words| wrong(at, words))?;
        of_tenant(brand.tenant_id, tenant).map_err(|words| wrong(at, words))?;
        let name = BrandName::parse(brand.name.as_str());
        entered("name", &brand.name, name).map_err(|words| wrong(at, words))?;
        once(&mut ids, at, brand.id)?;
        brands.push(brand);
    }
    Ok(brands)
}

/// The longest that a request could have it written, as JSON.
const LARGEST_EVENT: usize = 16 * 1024;

/// Events as they are: but for reviews, which are called otherwise here.
fn events(entries: Vec<At<Value>>, tenant: &Tenant, invocation: &Invocation) -> Result<Vec<Event>, Refused> {
    let (mut events, mut ids) = (Vec::new(), BTreeSet::new());
    for (at, value) in entries {
        // the bus takes none that is much larger, and what comes after it would wait
        if value.to_string().len() > LARGEST_EVENT {
            return Err(wrong(at, format!("an event has at most {LARGEST_EVENT} bytes")));
        }
        let event: Event = entity(value, invocation).map_err(|words| wrong(at, words))?;
        of_tenant(event.tenant_id, tenant).map_err(|words| wrong(at, words))?;
        // a trail is read by the times of its ids, back to where the tenant began
        let is_of_its_time = event.id.made_at() == Some(event.at)
            && tenant.created_at <= event.at
            && event.at <= invocation.now();
        if !is_of_its_time {
            return Err(wrong(at, "`at`: its id has another time, or the tenant wasn't there then"));
        }
        once(&mut ids, at, event.id)?;
        let subject = match event.subject {
            Subject::Review(id) => Subject::Review(id.brought_by(tenant.id)),
            other => other,
        };
        events.push(Event { subject, unconfirmed_until: None, ..event });
    }
    Ok(events)
}

/// A member, and the person where the membership isn't over.
fn member(
    mut value: Value,
    tenant: &Tenant,
    import: &Import,
    invocation: &Invocation,
) -> Result<(Member, Option<Person>), String> {
    let (person, ended_at) = (taken(&mut value, "person"), taken(&mut value, "ended_at"));
    let member: Member = entity(value, invocation)?;
    of_tenant(member.tenant_id, tenant)?;
    is_somebody(&member.email, [&member.first_name, &member.last_name], member.phone.as_ref(), None)?;
    let (is_owner, is_named) = (member.role == Role::Owner, tenant.owner == Some(member.user_id));
    if is_owner != is_named || (is_owner && member.status != MemberStatus::Active) {
        return Err("`role`: the owner of the tenant is one active member and no other".to_owned());
    }
    if member.is_revoked() {
        // a review says who was in the team when it began
        let ended_at: Option<Timestamp> =
            ended_at.map(read).transpose().map_err(|why: String| format!("`ended_at`: {why}"))?;
        let authority = ended_at.map_or(member.authority, |at| invocation.version_of(at));
        return Ok((Member { authority, ..member }, None));
    }
    let person = person.ok_or("there has to be a `person`")?;
    let mut person: Person = read(person).map_err(|words| format!("`person`: {words}"))?;
    let names = [&person.first_name, &person.last_name];
    is_somebody(&person.email, names, person.phone.as_ref(), person.locale.as_ref())
        .map_err(|words| format!("`person`: {words}"))?;
    person.password_hash = person.password_hash.filter(|_| import.with_credentials);
    if person.password_hash.as_ref().is_some_and(|hash| !Credential::is_hash(hash)) {
        return Err("`person`: `password_hash`: it is none as this deployment makes them".to_owned());
    }
    Ok((member, Some(person)))
}

/// Who somebody is here, by their id or else by their address.
fn newcomer(
    (member, person): (Member, Option<Person>),
    user: Option<User>,
    credential: Option<Credential>,
    tenant: &Tenant,
    invocation: &Invocation,
) -> Result<Newcomer, String> {
    let was = member.user_id;
    // found by an address alone, it is for whoever has that now: when they joined elsewhere says nothing of this account. The
    // clock as it is when the address was looked up, and not as it was when the order came
    let brought_at = user.is_none().then(|| invocation.look_at_clock());
    let member = Member { brought_at, ..member };
    let Some(person) = person else { return Ok(Newcomer { was, member, joining: None }) };
    let member = Member { invites: Window::default(), ..member };
    let Some(credential) = credential else {
        if user.is_some() {
            return Err("the person is known here, and has no address any more".to_owned());
        }
        let member = Member { email: person.email, ..member };
        let hash = person.password_hash.unwrap_or_else(|| Credential::UNUSABLE.to_owned());
        let joining = match Joining::new(&member, tenant, person.locale, hash, invocation) {
            Joining::New { user, credential } => {
                let (first_name, last_name, phone) = (person.first_name, person.last_name, person.phone);
                let user = User { first_name, last_name, phone, created_at: person.created_at, ..*user };
                Joining::New { user: Box::new(user), credential }
            }
            known @ Joining::Known { .. } => known,
        };
        return Ok(Newcomer { was, member, joining: Some(joining) });
    };
    if user.is_some_and(|user| user.id != credential.user_id) {
        return Err("the person is known here, and somebody else has their address".to_owned());
    }
    if !credential.may_join(tenant) {
        let words =
            "the address belongs to a tenant here that it can't share it with, see `set-email-policy`";
        return Err(words.to_owned());
    }
    let member = Member { user_id: credential.user_id, email: credential.email.clone(), ..member };
    Ok(Newcomer { was, member, joining: Some(Joining::known(credential, tenant, invocation)) })
}

/// An invitation without its link: pending ones keep seat and address, and are sent again.
fn arrival(
    mut value: Value,
    tenant: &Tenant,
    import: &Import,
    invocation: &Invocation,
) -> Result<Arrival, String> {
    let holds_address = taken(&mut value, "holds_address") == Some(json!(true));
    let one: Invitation = entity(value, invocation)?;
    of_tenant(one.tenant_id, tenant)?;
    is_somebody(&one.email, [&one.first_name, &one.last_name], one.phone.as_ref(), one.locale.as_ref())?;
    let is_pending = one.status == InvitationStatus::Pending;
    if one.status.is_final() && holds_address {
        return Err("`holds_address`: it is over".to_owned());
    }
    if is_pending && !holds_address {
        return Err("`holds_address`: a pending one holds its address".to_owned());
    }
    if one.role == Role::Owner && !one.status.is_final() {
        return Err("`role`: the tenant has its owner".to_owned());
    }
    if !NewInvitation::DAYS.contains(&one.expires_in_days) {
        return Err("`expires_in_days`: a link lives 1 to 30 days".to_owned());
    }
    let failed = || Delivery::new(DeliveryState::Failed, Some(WITHOUT_LINK), invocation.now());
    let invitation = Invitation {
        newest_token: None,
        reminder_token: None,
        delivery: if is_pending { failed() } else { one.delivery.clone() },
        invited_by: one.invited_by.map(|user| import.user(user)),
        sponsor: one.sponsor.map(|user| import.user(user)),
        accepted_by: one.accepted_by.map(|user| import.user(user)),
        unconfirmed_until: None,
        resends: Window::default(),
        ..one
    };
    let mail = is_pending.then(|| Mail::about(&invitation, invocation).failed());
    Ok(Arrival { invitation, holds_address, mail })
}
