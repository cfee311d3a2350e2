//! `POST /v1/tenants/{tenant}/invitations`: invites an address into a tenant.
//!
//! Reserves the seat that the acceptance will keep, holds the address inside the tenant, and puts the mail into the
//! outbox: one read, one transaction.

use model::{
    Brand, Credential, Email, EventKind, Invitation, Invitee, Limits, Locale, NewInvitation, PersonName,
    Phone, Refusal, Subject,
};
use policy::{Brands, Denial, Permission, Permissions, Role};
use runtime::{Environment, SettingError};
use store::{Outgoing, Store, keys};
use web::{BadRequest, Caller, Context, Function, NO_BRAND_ID, Outcome, Request, Route, admission};

/// The function.
pub struct Invite {
    store: Store,
    limits: Limits,
}

/// Who holds the address here, whose it is, and the brands that were named.
type Found = (Option<Invitee>, Option<Credential>, Vec<Option<Brand>>);

impl Function for Invite {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, limits: environment.variables.limits()? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        match request.route()? {
            Route::Invite => {
                let new = parse(request)?;
                let (t, email) = (caller.tenant(), new.email.canonical());
                let brands: Vec<_> = new.brands.named().map(|b| keys::brand(t, b)).collect();
                let wants = (keys::invitee(t, email), keys::credential(email), brands);
                caller.change(&self.store, wants, |cx| self.create(cx, &new)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn parse(request: &Request) -> Result<NewInvitation, BadRequest> {
    let mut form = request.form()?;
    let email = form.required("email", Email::parse);
    let first_name = form.required("first_name", PersonName::parse);
    let last_name = form.required("last_name", PersonName::parse);
    let phone = form.optional("phone", Phone::parse);
    let role = form.optional("role", str::parse);
    let brands = form.brands("brands");
    let permissions = form.list("permissions", Permission::ALL.len(), str::parse);
    let days = form.number("expires_in_days", NewInvitation::DAYS);
    let locale = form.optional("locale", Locale::parse);
    form.finish(|| {
        Some(NewInvitation {
            email: email?,
            first_name: first_name?,
            last_name: last_name?,
            phone,
            role: role.unwrap_or(Role::Member),
            brands: brands.unwrap_or(Brands::none()),
            permissions: permissions.map(Permissions::from_iter),
            expires_in_days: days.unwrap_or(NewInvitation::DEFAULT_DAYS),
            locale,
        })
    })
}

impl Invite {
    async fn create(&self, cx: Context<'_, Found>, new: &NewInvitation) -> Outcome {
        let (tenant, invocation) = (&cx.tenant, cx.invocation());
        let (invitee, credential, brands) = &cx.found;
        cx.may(Permission::MembersInvite)?;
        cx.may_give(&new.grant())?;
        // who manages a team through its portal makes nobody of it of themselves (R3)
        if cx.is_through_portal() && credential.as_ref().is_some_and(|one| one.user_id == cx.member.user_id) {
            return Err(Refusal::Forbidden(Denial::TargetIsYourself).into());
        }
        if let Some(at) = brands.iter().position(Option::is_none) {
            return Err(BadRequest::invalid(format!("/brands/{at}"), NO_BRAND_ID).into());
        }
        // whose membership here is over holds nothing here
        let owner = credential.as_ref().filter(|one| one.current().any(|current| current == tenant.id));
        let owner = owner.map(|credential| credential.user_id);
        let holder = invitee.as_ref().filter(|held| !held.gives_way(owner, cx.now()));
        admission::address(&self.store, tenant, holder, invocation).await?;
        if credential.as_ref().is_some_and(|credential| !credential.may_join(tenant)) {
            return Err(Refusal::EmailInUse.into());
        }
        self.limits.invitations_by_inviter.count(cx.member.invites, cx.now(), "invitations")?;
        self.limits.mails_by_tenant.count(tenant.mails, cx.now(), "emails of this team")?;
        admission::seat(&self.store, tenant, cx.request()).await?;

        let invitation = Invitation::new(tenant.id, new.clone(), Some(cx.sponsor_id()), invocation);
        let id = invitation.id;
        let behind = cx.behind_own(invitation.brands.named());
        let answer =
            cx.invitation(&invitation, &behind).created(Route::ReadInvitation.location(&[&tenant.id, &id]));
        let change = cx
            .change(EventKind::InvitationCreated, Subject::Invitation(id), &answer)
            .with("email", new.email.as_entered())
            .with("role", new.role);
        let out = Outgoing::new(&invitation, tenant, &self.limits, invocation);
        self.store.create_invitation(&out, invitee.as_ref(), change).await?;
        Ok(answer)
    }
}
