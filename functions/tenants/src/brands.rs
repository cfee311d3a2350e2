use model::{
    Brand, BrandId, BrandName, EventKind, EventSubject, Permission, Refusal, Stamp, Timestamp, new_brand_id,
};
use serde::Deserialize;
use store::{Trace, keys};
use web::views::{BrandView, List};
use web::{Answer, Entrance, Form, Outcome, Request, next_cursor, page};

use crate::Tenants;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: Option<String>,
}

/// The one field of a brand's body.
pub(crate) fn name(request: &Request) -> Result<BrandName, Refusal> {
    let body: Body = request.body()?;
    let mut form = Form::new();
    let name = form.required("/name", body.name.as_deref(), BrandName::parse);
    form.finish(name)
}

impl Tenants {
    pub(crate) async fn create_brand(
        &self,
        entrance: &Entrance<'_>,
        name: &BrandName,
        now: Timestamp,
    ) -> Outcome {
        let inside = entrance.enter(&self.store, ()).await?;
        if let Some(answer) = inside.replay.answer() {
            return Ok(answer);
        }
        inside.standing().may(Permission::BrandsCreate, None).map_err(Refusal::from)?;
        let dice = &*self.dice;
        let (t, id) = (entrance.tenant(), new_brand_id(dice, now));
        let brand =
            Brand { id, tenant_id: t, name: name.clone(), created_at: now, version: Stamp::new(dice, now) };
        let event = inside.event(dice, EventKind::BrandCreated, EventSubject::Brand(id)).with("name", name);
        let answer = Answer::created(format!("/v1/tenants/{t}/brands/{id}"), &BrandView::from(&brand))
            .versioned(brand.version);
        let record = entrance.idempotency.as_ref().map(|i| i.record(&answer, now));
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.create_brand(&brand, inside.witness(), trace).await?;
        Ok(answer)
    }

    /// The brands that the member may see, and no others.
    pub(crate) async fn list_brands(&self, entrance: &Entrance<'_>, request: &Request) -> Outcome {
        request.only_query(&["limit", "cursor"])?;
        let t = entrance.tenant();
        let page = page(request, t, "brands")?;
        let inside = entrance.enter(&self.store, ()).await?;
        inside.standing().may(Permission::BrandRead, None).map_err(Refusal::from)?;
        let seen = inside.standing().visibility();
        let listed = self.store.brands(t, page, |brand| seen.sees(brand.id)).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(BrandView::from).collect(),
            next_cursor: next_cursor(listed.next, t, "brands"),
        }))
    }

    pub(crate) async fn rename_brand(
        &self,
        entrance: &Entrance<'_>,
        request: &Request,
        id: BrandId,
        name: &BrandName,
        now: Timestamp,
    ) -> Outcome {
        let inside = entrance.enter(&self.store, keys::brand(entrance.tenant(), id)).await?;
        inside.standing().may(Permission::BrandsUpdate, Some(id)).map_err(Refusal::from)?;
        let before = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        request.if_match(before.version)?;
        if before.name == *name {
            return Ok(Answer::ok(&BrandView::from(before)).versioned(before.version));
        }
        let dice = &*self.dice;
        let after = Brand { name: name.clone(), version: Stamp::new(dice, now), ..before.clone() };
        let event = inside
            .event(dice, EventKind::BrandUpdated, EventSubject::Brand(id))
            .with("name_before", &before.name)
            .with("name", name);
        let trace = Trace { event: &event, record: None };
        self.store.change_brand(&after, before.version, inside.witness(), trace).await?;
        Ok(Answer::ok(&BrandView::from(&after)).versioned(after.version))
    }

    pub(crate) async fn delete_brand(&self, entrance: &Entrance<'_>, id: BrandId) -> Outcome {
        let inside = entrance.enter(&self.store, keys::brand(entrance.tenant(), id)).await?;
        inside.standing().may(Permission::BrandsDelete, Some(id)).map_err(Refusal::from)?;
        let brand = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        let event = inside
            .event(&*self.dice, EventKind::BrandDeleted, EventSubject::Brand(id))
            .with("name", &brand.name);
        self.store.delete_brand(brand, inside.witness(), Trace { event: &event, record: None }).await?;
        Ok(Answer::done())
    }
}
