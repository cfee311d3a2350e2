//! Which brands a member is assigned to.
//!
//! * `PUT /v1/tenants/{tenant}/members/{user}/brands`: the whole set, `{"brands": [ids]}` or `{"brands": "all"}`
//! * `PUT /v1/tenants/{tenant}/members/{user}/brands/{brand}`: one more
//! * `DELETE /v1/tenants/{tenant}/members/{user}/brands/{brand}`: one less

use model::{Brand, EventKind, Member, Refusal, Subject};
use policy::{BrandId, Brands, Grant, Permission, Visibility};
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::{BadRequest, Caller, Context, Failure, Function, NO_BRAND_ID, Outcome, Request, Route};

/// The function.
pub struct AssignBrand {
    store: Store,
}

/// What is asked for.
enum BrandChange {
    Replace(Brands),
    Add(BrandId),
    Remove(BrandId),
}

impl Function for AssignBrand {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        let user = request.user()?;
        let asked = match request.route()? {
            Route::AssignBrands => BrandChange::Replace(parse(request)?),
            Route::AssignBrand => {
                request.no_body()?;
                BrandChange::Add(request.brand()?)
            }
            Route::UnassignBrand => BrandChange::Remove(request.brand()?),
            _ => return Err(Refusal::NotFound.into()),
        };
        let t = caller.tenant();
        let brands: Vec<_> = asked.named().into_iter().map(|b| keys::brand(t, b)).collect();
        caller.change(&self.store, (keys::member(t, user), brands), |cx| self.assign(cx, &asked)).await
    }
}

fn parse(request: &Request) -> Result<Brands, BadRequest> {
    let mut form = request.form()?;
    let brands = form.brands("brands");
    if brands.is_none() {
        form.missing("brands");
    }
    form.finish(|| brands)
}

impl BrandChange {
    /// The brands that it names.
    fn named(&self) -> Vec<BrandId> {
        match self {
            Self::Replace(brands) => brands.named().collect(),
            Self::Add(brand) | Self::Remove(brand) => vec![*brand],
        }
    }

    /// Refuses where it names a brand that isn't there, or that the caller doesn't see, which is the same to them (R6).
    /// One that was deleted can be taken from who still has it.
    fn all_seen(&self, seen: &Visibility, found: &[Option<Brand>], before: &Brands) -> Result<(), Failure> {
        let missing = |(brand, found): &(BrandId, &Option<Brand>)| match self {
            Self::Remove(_) => !seen.sees(*brand) || (found.is_none() && !before.contains(*brand)),
            Self::Replace(_) | Self::Add(_) => !seen.sees(*brand) || found.is_none(),
        };
        match (self, self.named().into_iter().zip(found).position(|pair| missing(&pair))) {
            (_, None) => Ok(()),
            (Self::Replace(_), Some(at)) => {
                Err(BadRequest::invalid(format!("/brands/{at}"), NO_BRAND_ID).into())
            }
            (Self::Add(_) | Self::Remove(_), Some(_)) => Err(Refusal::NotFound.into()),
        }
    }

    /// The set that it comes to.
    fn apply(&self, seen: &Visibility, before: &Brands) -> Result<Brands, Failure> {
        match (self, before) {
            (Self::Replace(asked), _) => {
                Ok(seen.replace(before, asked).map_err(Refusal::RoleNotGrantable)?)
            }
            (Self::Add(_), Brands::All) => Ok(Brands::All),
            (Self::Add(brand), Brands::Only(ids)) => Ok(ids.iter().copied().chain([*brand]).collect()),
            (Self::Remove(_), Brands::All) => {
                let words = "the member is assigned to all brands, set the list of brands instead";
                Err(Refusal::Conflict(words).into())
            }
            (Self::Remove(brand), Brands::Only(ids)) => {
                Ok(ids.iter().copied().filter(|id| id != brand).collect())
            }
        }
    }
}

impl AssignBrand {
    /// The set, if it isn't too large for what it adds to `before`. What the caller doesn't see counts for nothing, or the
    /// bound would tell how much that is; what was deleted is dropped before anybody is refused for it.
    async fn bounded<T>(
        &self,
        cx: &Context<'_, T>,
        before: &Brands,
        brands: Brands,
    ) -> Result<Brands, Failure> {
        let seen = cx.visibility();
        let fits = |brands: &Brands| Brands::only(seen.limit(brands).named()).map(|_| ());
        if before.covers(&brands) || fits(&brands).is_ok() {
            return Ok(brands);
        }
        let brands = brands.among(&cx.there(&self.store, &brands).await?);
        fits(&brands).map_err(|why| BadRequest::invalid("/brands", why))?;
        Ok(brands)
    }

    async fn assign(
        &self,
        cx: Context<'_, (Option<Member>, Vec<Option<Brand>>)>,
        asked: &BrandChange,
    ) -> Outcome {
        cx.may(Permission::MembersAssign)?;
        let (before, found) = &cx.found;
        let before = web::current(before.as_ref())?;
        cx.may_manage(before)?;
        let seen = cx.visibility();
        asked.all_seen(&seen, found, &before.brands)?;
        let brands = self.bounded(&cx, &before.brands, asked.apply(&seen, &before.brands)?).await?;
        // what the caller doesn't see stays as it was, and isn't theirs to give
        cx.may_give(&Grant { brands: &seen.limit(&brands), ..before.grant() })?;
        cx.if_match(before.authority)?;
        if brands == before.brands {
            return Ok(cx.member(before, &cx.behind(&self.store, [before]).await?));
        }
        let after = before.with_brands(brands, cx.actor(), cx.invocation());
        let answer = cx.changed_member(&self.store, before, &after).await?;
        let change = cx
            .change(EventKind::MemberBrandsChanged, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("brands_before", &before.brands)
            .with("brands", &after.brands);
        self.store.set_access(before, &after, change).await?;
        Ok(answer)
    }
}
