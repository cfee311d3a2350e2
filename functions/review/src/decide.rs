use model::{
    Brand, Decision, EventKind, Excess, Held, Member, Reason, Reduction, Refusal, Review, Subject, Verdict,
};
use policy::{BrandId, Denial, Grant, Permission, Permissions, Visibility};
use serde::Serialize;
use store::Change;
use web::views::{ChangedMember, DecisionView};
use web::{Answer, BadRequest, Context, Failure, NO_BRAND_ID, Outcome, Request, Unsponsored};

use crate::Reviews;

/// What is asked for.
pub(crate) struct Asked {
    decision: Verdict,
    reason: Reason,
    reduction: Reduction,
}

impl Asked {
    pub(crate) fn parse(request: &Request) -> Result<Self, BadRequest> {
        let mut form = request.form()?;
        let decision: Option<Verdict> = form.required("decision", str::parse);
        let reason = form.required("reason", str::parse);
        let role = form.optional("role", str::parse);
        let permissions = form.list("permissions", Permission::ALL.len(), str::parse);
        let permissions = permissions.map(Permissions::from_iter);
        let reduction = Reduction { role, permissions, brands: form.brands("brands") };
        match decision {
            Some(Verdict::Reduced) if reduction.is_empty() && !form.has_wrong() => {
                form.wrong("/decision", "takes a `role`, `permissions` or `brands` to be left with");
            }
            Some(Verdict::Kept | Verdict::Revoked) if !reduction.is_empty() => {
                form.wrong("/decision", "takes no `role`, `permissions` and `brands`, `reduced` does");
            }
            _ => {}
        }
        form.finish(|| Some(Self { decision: decision?, reason: reason?, reduction }))
    }

    /// The brands that it names.
    pub(crate) fn brands(&self) -> impl Iterator<Item = BrandId> {
        self.reduction.brands.iter().flat_map(|brands| brands.named())
    }

    /// Refuses where it names a brand that isn't there, or that the reviewer doesn't see, which is the same to them (R6).
    fn all_seen(&self, seen: &Visibility, found: &[Option<Brand>]) -> Result<(), BadRequest> {
        let missing = |(brand, found): (BrandId, &Option<Brand>)| !seen.sees(brand) || found.is_none();
        match self.brands().zip(found).position(missing) {
            Some(at) => Err(BadRequest::invalid(format!("/brands/{at}"), NO_BRAND_ID)),
            None => Ok(()),
        }
    }

    /// What the member is left with, of which only what the reviewer sees is theirs to change (R6).
    fn left(&self, seen: &Visibility, before: &Member) -> Result<Reduction, Refusal> {
        let brands = match &self.reduction.brands {
            Some(asked) => Some(seen.replace(&before.brands, asked).map_err(Refusal::RoleNotGrantable)?),
            None => None,
        };
        Ok(Reduction { brands, ..self.reduction.clone() })
    }

    /// Whether this very decision was made before, and nothing was given or taken since then.
    fn is_made(&self, made: &Decision, before: &Member, after: &Member) -> bool {
        let holds = (!before.is_revoked()).then(|| Held::from(before));
        let stays = Held::from(before) == Held::from(after) && before.status == after.status;
        made.decision == self.decision && made.reason == self.reason && made.after == holds && stays
    }
}

/// What was decided, and what rested on what was taken.
#[derive(Serialize)]
struct Decided<'a> {
    #[serde(flatten)]
    decision: DecisionView<'a>,
    #[serde(flatten)]
    rested: ChangedMember<'a>,
}

/// What is read: the review, what it has decided about the member, the member, the brands that are named.
type Found = (Option<Review>, Option<Decision>, Option<Member>, Vec<Option<Brand>>);

impl Reviews {
    /// Decides about a member, and takes from them what is to be taken: never more than `members.*` let the reviewer take
    /// elsewhere. Nobody decides about themselves (R3); the owner can only be kept (R2).
    pub(crate) async fn decide(&self, cx: Context<'_, Found>, asked: &Asked) -> Outcome {
        cx.may(Permission::AccessReview)?;
        let (review, made, before, found) = &cx.found;
        let review = review.as_ref().ok_or(Refusal::NotFound)?;
        let before = before.as_ref().ok_or(Refusal::NotFound)?;
        manages(&cx, before, asked)?;
        cx.if_match(before.authority)?;
        let after = match asked.decision {
            Verdict::Kept => before.clone(),
            Verdict::Reduced => {
                let seen = cx.visibility();
                asked.all_seen(&seen, found)?;
                asked.left(&seen, before)?.of(before, cx.actor(), cx.invocation())
            }
            Verdict::Revoked if before.is_revoked() => before.clone(),
            Verdict::Revoked => before.revoked(cx.version()),
        };
        if let Some(made) = made.as_ref().filter(|made| asked.is_made(made, before, &after)) {
            return Ok(decided(&cx, made, &Unsponsored::default(), &after));
        }
        if !review.is_open() {
            return Err(Refusal::Conflict("the review was closed, what it decided stays as it is").into());
        }
        web::current(Some(before))?;
        if asked.decision == Verdict::Reduced {
            self.is_less(&cx, before, &after).await?;
        }
        let decision = Decision {
            review_id: review.id,
            tenant_id: review.tenant_id,
            user_id: before.user_id,
            decision: asked.decision,
            reason: asked.reason.clone(),
            by: cx.member.user_id,
            at: cx.now(),
            before: Held::from(before),
            after: (!after.is_revoked()).then(|| Held::from(&after)),
            version: cx.version(),
        };
        let unsponsored = match asked.decision {
            Verdict::Kept => Unsponsored::default(),
            Verdict::Reduced | Verdict::Revoked => cx.unsponsored(&self.store, before, &after).await?,
        };
        let answer = decided(&cx, &decision, &unsponsored, &after);
        let change = cx
            .change(kind(asked.decision, before, &after), Subject::Member(before.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("review", review.id)
            .with("decision", decision.decision)
            .with("reason", &decision.reason);
        let change = told(change, &decision).deciding(made.as_ref(), &decision);
        match asked.decision {
            Verdict::Kept => self.store.keep_access(before, change).await?,
            Verdict::Reduced => self.store.set_access(before, &after, change).await?,
            Verdict::Revoked => self.store.revoke_member(before, &after, cx.version(), change).await?,
        }
        Ok(answer)
    }

    /// Refuses what is more than the member holds, what isn't less, and what the reviewer couldn't give.
    async fn is_less(&self, cx: &Context<'_, Found>, before: &Member, after: &Member) -> Result<(), Failure> {
        let (held, left) = (Held::from(before), Held::from(after));
        let more = "is more than the member holds, a review only takes";
        match held.exceeded_by(&left) {
            Some(Excess::Role) => return Err(BadRequest::invalid("/role", more).into()),
            Some(Excess::Permissions) => return Err(BadRequest::invalid("/permissions", more).into()),
            Some(Excess::Brands) => return Err(BadRequest::invalid("/brands", more).into()),
            None => {}
        }
        if held.is_as(&left) {
            let nothing = "takes nothing from the member, `kept` does that";
            return Err(BadRequest::invalid("/decision", nothing).into());
        }
        if held.role == left.role && held.permissions == left.permissions {
            // brands alone: those that the reviewer doesn't see stay, and aren't theirs to give
            let seen = cx.visibility().limit(&after.brands);
            return Ok(cx.may_give(&Grant { brands: &seen, ..after.grant() })?);
        }
        cx.may_give_again(&self.store, &after.grant()).await
    }
}

/// Refuses who may not decide this about the member.
fn manages(cx: &Context<'_, Found>, member: &Member, asked: &Asked) -> Result<(), Failure> {
    let Reduction { role, permissions, brands } = &asked.reduction;
    match asked.decision {
        // whatever they hold, it isn't theirs to say that they keep it
        Verdict::Kept if member.user_id == cx.member.user_id => {
            return Err(Refusal::Forbidden(Denial::TargetIsYourself).into());
        }
        Verdict::Kept => return Ok(()),
        Verdict::Reduced => {
            if role.is_some() || brands.is_some() {
                cx.may(Permission::MembersAssign)?;
            }
            if permissions.is_some() {
                cx.may(Permission::MembersPermit)?;
            }
        }
        Verdict::Revoked => cx.may(Permission::MembersRevoke)?,
    }
    Ok(cx.may_manage(member)?)
}

/// A decision, as the answer. Its version is the member's: what the next decision about them is conditioned on.
fn decided(
    cx: &Context<'_, Found>,
    decision: &Decision,
    unsponsored: &Unsponsored,
    member: &Member,
) -> Answer {
    let decision = DecisionView::of(decision, &cx.visibility());
    let rested = ChangedMember::new(None, unsponsored);
    Answer::ok(&Decided { decision, rested }).versioned(member.authority)
}

/// What happens to the member, by the word that it has elsewhere.
fn kind(decision: Verdict, before: &Member, after: &Member) -> EventKind {
    match decision {
        Verdict::Kept => EventKind::AccessReviewDecided,
        Verdict::Revoked => EventKind::MemberRevoked,
        Verdict::Reduced if before.role != after.role => EventKind::MemberRoleChanged,
        Verdict::Reduced if before.permissions != after.permissions => EventKind::MemberPermissionsChanged,
        Verdict::Reduced => EventKind::MemberBrandsChanged,
    }
}

/// The change with what is taken.
fn told<'a>(change: Change<'a>, decision: &Decision) -> Change<'a> {
    let before = &decision.before;
    let Some(after) = &decision.after else { return change.with("role", before.role) };
    let change = if before.role == after.role {
        change
    } else {
        change.with("role_before", before.role).with("role", after.role)
    };
    let change = if before.permissions == after.permissions {
        change
    } else {
        change.with_some("permissions_before", before.permissions).with_some("permissions", after.permissions)
    };
    if before.brands == after.brands {
        change
    } else {
        change.with("brands_before", &before.brands).with("brands", &after.brands)
    }
}
