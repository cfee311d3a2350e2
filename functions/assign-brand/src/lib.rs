//! Which brands a member is assigned to.
//!
//! * `PUT /v1/tenants/{tenant}/members/{user}/brands`: the whole set, `{"brands": [ids]}` or `{"brands": "all"}`
//! * `PUT /v1/tenants/{tenant}/members/{user}/brands/{brand}`: one more
//! * `DELETE /v1/tenants/{tenant}/members/{user}/brands/{brand}`: one less

use std::sync::Arc;

use lambda_http::http::Method;
use model::{
    BrandId, Brands, Dice, EventKind, EventSubject, Member, Permission, Refusal, Stamp, Timestamp, UserId,
    parse_brand_id,
};
use policy::{Grant, Target};
use runtime::{Environment, SettingError};
use serde::Deserialize;
use store::{MemberChange, SeatChange, Store, Trace, keys};
use web::views::MemberView;
use web::{Answer, Entrance, Function, Outcome, Request, until_settled};

/// The function.
pub struct AssignBrand {
    store: Store,
    dice: Arc<dyn Dice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    brands: Option<Brands>,
}

/// What is asked for.
enum Wish {
    Whole(Brands),
    OneMore(BrandId),
    OneLess(BrandId),
}

impl Function for AssignBrand {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, dice: Arc::clone(&environment.dice) })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        let segments = request.segments();
        let (tenant, user, rest) = match segments.as_slice() {
            ["v1", "tenants", tenant, "members", user, "brands", rest @ ..] => (tenant, user, rest),
            _ => return Err(Refusal::NotFound.into()),
        };
        let entrance = Entrance::new(request, tenant, now)?;
        let user = UserId::parse(user).ok_or(Refusal::NotFound)?;
        let wish = match (request.method(), rest) {
            (&Method::PUT, []) => Wish::Whole(request.body::<Body>()?.parse()?),
            (&Method::PUT, [brand]) => {
                request.no_body()?;
                Wish::OneMore(parse_brand_id(brand).ok_or(Refusal::NotFound)?)
            }
            (&Method::DELETE, [brand]) => Wish::OneLess(parse_brand_id(brand).ok_or(Refusal::NotFound)?),
            _ => return Err(Refusal::NotFound.into()),
        };
        until_settled(|| self.assign(&entrance, request, user, &wish, now)).await
    }
}

impl Body {
    fn parse(self) -> Result<Brands, Refusal> {
        let brands = self.brands.ok_or_else(|| Refusal::invalid("/brands", "it is needed"))?;
        if brands.named().count() > Brands::MOST_NAMED {
            return Err(too_many("/brands"));
        }
        Ok(brands)
    }
}

fn too_many(pointer: &str) -> Refusal {
    Refusal::invalid(
        pointer,
        format!("a list has at most {} brands, use \"all\" for every brand", Brands::MOST_NAMED),
    )
}

impl Wish {
    /// The brands that have to be there for the wish.
    fn named(&self) -> Vec<BrandId> {
        match self {
            Self::Whole(brands) => brands.named().collect(),
            Self::OneMore(brand) => vec![*brand],
            Self::OneLess(_) => Vec::new(),
        }
    }

    /// The set that it comes to.
    fn of(&self, before: &Brands) -> Result<Brands, Refusal> {
        match (self, before) {
            (Self::Whole(brands), _) => Ok(brands.clone()),
            (Self::OneMore(_), Brands::All) => Ok(Brands::All),
            (Self::OneMore(brand), Brands::Only(ids)) => {
                let ids: Brands = ids.iter().copied().chain([*brand]).collect();
                if ids.named().count() > Brands::MOST_NAMED { Err(too_many("")) } else { Ok(ids) }
            }
            (Self::OneLess(_), Brands::All) => {
                Err(Refusal::Conflict("the member is assigned to all brands, set the list of brands instead"))
            }
            (Self::OneLess(brand), Brands::Only(ids)) => {
                Ok(ids.iter().copied().filter(|id| id != brand).collect())
            }
        }
    }
}

impl AssignBrand {
    async fn assign(
        &self,
        entrance: &Entrance<'_>,
        request: &Request,
        user: UserId,
        wish: &Wish,
        now: Timestamp,
    ) -> Outcome {
        let t = entrance.tenant();
        let named = wish.named();
        let brands: Vec<_> = named.iter().map(|b| keys::brand(t, *b)).collect();
        let inside = entrance.enter(&self.store, (keys::member(t, user), brands)).await?;
        let standing = inside.standing();
        standing.may(Permission::MembersAssign, None).map_err(Refusal::from)?;
        let (before, brands) = (inside.found.0.as_ref(), &inside.found.1);
        let before = before.filter(|m| m.status != model::MemberStatus::Revoked).ok_or(Refusal::NotFound)?;
        let target = Target { role: before.role, is_self: user == inside.member.user_id };
        standing.may_manage(target).map_err(Refusal::from)?;
        if let Some(at) = brands.iter().position(Option::is_none) {
            return Err(match wish {
                Wish::Whole(_) => Refusal::invalid(format!("/brands/{at}"), "there is no such brand"),
                Wish::OneMore(_) | Wish::OneLess(_) => Refusal::NotFound,
            }
            .into());
        }
        let after = wish.of(&before.brands)?;
        let grant = Grant { role: before.role, permissions: before.permissions, brands: &after };
        standing.may_give(&grant).map_err(Refusal::RoleNotGrantable)?;
        request.if_match(before.authority)?;
        let seen = standing.visibility();
        if after == before.brands {
            return Ok(Answer::ok(&MemberView::of(before, &seen)).versioned(before.authority));
        }
        let assigned: Vec<BrandId> = named.into_iter().filter(|b| !before.brands.contains(*b)).collect();
        let after = Member { brands: after, authority: Stamp::new(&*self.dice, now), ..before.clone() };
        let event = inside
            .event(&*self.dice, EventKind::MemberBrandsChanged, EventSubject::Member(user))
            .with("email", before.email.typed())
            .with("brands_before", listed(&before.brands))
            .with("brands", listed(&after.brands));
        let change = MemberChange {
            before,
            after: &after,
            assigned: &assigned,
            seats: SeatChange::Keeps,
            actor: inside.witness(),
        };
        self.store.change_member(change, Trace { event: &event, record: None }).await?;
        Ok(Answer::ok(&MemberView::of(&after, &seen)).versioned(after.authority))
    }
}

fn listed(brands: &Brands) -> String {
    match brands {
        Brands::All => "all".to_owned(),
        Brands::Only(ids) => ids.iter().map(BrandId::to_string).collect::<Vec<_>>().join(" "),
    }
}
