//! `POST /v1/tenants/{tenant}/invitations`: invites an address into a tenant.
//!
//! Reserves the seat that the acceptance will keep, claims the address inside the tenant, and puts the mail into the
//! outbox: one read, one transaction.

use std::sync::Arc;

use lambda_http::http::Method;
use model::{
    BrandId, Brands, Delivery, Dice, Email, EventKind, EventSubject, Invitation, InvitationId,
    InvitationStatus, Invitee, Limits, Locale, Mail, Permission, Permissions, PersonName, Phone, Refusal,
    Role, Stamp, Timestamp, Window,
};
use policy::Grant;
use runtime::{Environment, SettingError};
use serde::Deserialize;
use store::{Error, Fact, NewInvitation, Store, Trace, keys};
use web::views::InvitationView;
use web::{Answer, Entrance, Failure, Form, Function, Idempotency, Outcome, Request, until_settled};

/// How long a link lives, in days.
const DAYS: std::ops::RangeInclusive<u8> = 1..=30;
const DEFAULT_DAYS: u8 = 7;

/// The function.
pub struct Invite {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    role: Option<String>,
    brands: Option<Brands>,
    permissions: Option<Permissions>,
    expires_in_days: Option<u8>,
    locale: Option<String>,
}

/// A body that holds what it should.
struct Draft {
    email: Email,
    first_name: PersonName,
    last_name: PersonName,
    phone: Option<Phone>,
    role: Role,
    brands: Brands,
    permissions: Option<Permissions>,
    expires_in_days: u8,
    locale: Option<Locale>,
}

impl Function for Invite {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            dice: Arc::clone(&environment.dice),
            limits: environment.variables.limits()?,
        })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        match (request.method(), request.segments().as_slice()) {
            (&Method::POST, ["v1", "tenants", tenant, "invitations"]) => {
                let entrance = Entrance::new(request, tenant, now)?;
                let draft = Draft::parse(request.body()?)?;
                until_settled(|| self.create(&entrance, &draft, now)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl Draft {
    fn parse(body: Body) -> Result<Self, Refusal> {
        let mut form = Form::new();
        let email = form.required("/email", body.email.as_deref(), Email::parse);
        let first_name = form.required("/first_name", body.first_name.as_deref(), PersonName::parse);
        let last_name = form.required("/last_name", body.last_name.as_deref(), PersonName::parse);
        let phone = form.optional("/phone", body.phone.as_deref(), Phone::parse);
        let role = form.optional("/role", body.role.as_deref(), str::parse);
        let locale = form.optional("/locale", body.locale.as_deref(), Locale::parse);
        let brands = body.brands.unwrap_or(Brands::none());
        if brands.named().count() > Brands::MOST_NAMED {
            form.wrong(
                "/brands",
                format_args!("a list has at most {} brands, use \"all\" for every brand", Brands::MOST_NAMED),
            );
        }
        let expires_in_days = body.expires_in_days.unwrap_or(DEFAULT_DAYS);
        if !DAYS.contains(&expires_in_days) {
            let (from, to) = (DAYS.start(), DAYS.end());
            form.wrong("/expires_in_days", format_args!("a link lives {from} to {to} days"));
        }
        let draft = email.zip(first_name).zip(last_name).map(|((email, first_name), last_name)| Self {
            email,
            first_name,
            last_name,
            phone,
            role: role.unwrap_or(Role::Member),
            brands,
            permissions: body.permissions,
            expires_in_days,
            locale,
        });
        form.finish(draft)
    }

    const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }
}

impl Invite {
    async fn create(&self, entrance: &Entrance<'_>, draft: &Draft, now: Timestamp) -> Outcome {
        let (t, email) = (entrance.tenant(), draft.email.canonical());
        let named: Vec<BrandId> = draft.brands.named().collect();
        let brands: Vec<_> = named.iter().map(|b| keys::brand(t, *b)).collect();
        let inside =
            entrance.enter(&self.store, (keys::invitee(t, email), keys::claim(email), brands)).await?;
        if let Some(answer) = inside.replay.answer() {
            return Ok(answer);
        }
        let (invitee, claim, brands) = &inside.found;
        let standing = inside.standing();
        standing.may(Permission::MembersInvite, None).map_err(Refusal::from)?;
        standing.may_give(&draft.grant()).map_err(Refusal::RoleNotGrantable)?;
        if let Some(at) = brands.iter().position(Option::is_none) {
            return Err(Refusal::invalid(format!("/brands/{at}"), "there is no such brand").into());
        }
        match invitee {
            Some(Invitee::Member { user_id }) => return Err(Refusal::AlreadyMember(Some(*user_id)).into()),
            Some(Invitee::Invitation { invitation_id, expires_at }) if now < *expires_at => {
                return Err(Refusal::InvitationPending(*invitation_id).into());
            }
            Some(Invitee::Invitation { invitation_id, .. }) => {
                // an expired one gives way: its seat and the address are free from here on
                self.store.expire_invitation(t, *invitation_id, now).await?;
                return Err(Failure::Store(Error::Changed(Fact::Invitee)));
            }
            None => {}
        }
        let tenant = &inside.tenant;
        if claim.as_ref().is_some_and(|claim| !claim.may_join(t, tenant.email_policy)) {
            return Err(Refusal::EmailInUse.into());
        }
        self.limits.invitations_by_inviter.count(inside.member.invites, now, "invitations")?;
        self.limits.mails_by_tenant.count(tenant.mails, now, "emails of this team")?;
        if tenant.seats_used >= tenant.seat_limit {
            return Err(match self.store.reclaim_seats(t, now).await? {
                0 => Refusal::SeatsExhausted(tenant.seat_limit).into(),
                _ => Failure::Store(Error::Changed(Fact::Tenant)),
            });
        }

        let dice = &*self.dice;
        let id = InvitationId::new(dice, now);
        let invitation = Invitation {
            id,
            tenant_id: t,
            email: draft.email.clone(),
            first_name: draft.first_name.clone(),
            last_name: draft.last_name.clone(),
            phone: draft.phone.clone(),
            role: draft.role,
            brands: draft.brands.clone(),
            permissions: draft.permissions,
            locale: draft.locale.clone(),
            status: InvitationStatus::Pending,
            generation: 1,
            newest_token: None,
            delivery: Delivery::queued(now),
            invited_by: Some(inside.member.user_id),
            vouched_by: Some(inside.member.user_id),
            created_at: now,
            expires_in_days: draft.expires_in_days,
            expires_at: now.floor_second() + Invitation::lifetime(draft.expires_in_days),
            accepted_at: None,
            accepted_by: None,
            resends: Window::default(),
            version: Stamp::new(dice, now),
        };
        let event = inside
            .event(dice, EventKind::InvitationCreated, EventSubject::Invitation(id))
            .with("email", draft.email.typed())
            .with("role", draft.role);
        let answer = Answer::created(
            format!("/v1/tenants/{t}/invitations/{id}"),
            &InvitationView::of(&invitation, &standing.visibility(), now),
        )
        .versioned(invitation.version);
        let record = entrance.idempotency.as_ref().map(|i: &Idempotency| i.record(&answer, now));
        let mail = Mail::about(&invitation, dice, now);
        let new = NewInvitation { invitation: &invitation, mail: &mail, tenant, inviter: inside.witness() };
        self.store
            .create_invitation(new, &self.limits, Trace { event: &event, record: record.as_ref() })
            .await?;
        Ok(answer)
    }
}
