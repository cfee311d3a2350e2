use model::{Brand, BrandName, EventKind, Subject};
use policy::{BrandId, Permission};
use store::keys;
use web::views::{self, BrandView, List};
use web::{Answer, BadRequest, Caller, Context, Outcome, Request, Route, next_cursor, page};

use crate::Tenants;

/// The one field of a brand's body.
pub(crate) fn parse(request: &Request) -> Result<BrandName, BadRequest> {
    let mut form = request.form()?;
    let name = form.required("name", BrandName::parse);
    form.finish(|| name)
}

impl Tenants {
    pub(crate) async fn create_brand(&self, cx: Context<'_, ()>, name: &BrandName) -> Outcome {
        cx.may(Permission::BrandsCreate)?;
        let brand = Brand::new(cx.tenant.id, name.clone(), cx.invocation());
        let answer = views::brand(&brand).created(Route::ReadBrand.location(&[&brand.tenant_id, &brand.id]));
        let change = cx.change(EventKind::BrandCreated, Subject::Brand(brand.id), &answer).with("name", name);
        self.store.create_brand(&brand, change).await?;
        Ok(answer)
    }

    /// The brands that the member may see, and no others.
    pub(crate) async fn list_brands(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "brands")?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::BrandRead)?;
        let seen = cx.visibility();
        let listed = self.store.brands(t, page, |brand| seen.sees(brand.id)).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(BrandView::from).collect(),
            next_cursor: next_cursor(listed.next, t.0, "brands"),
        }))
    }

    pub(crate) async fn read_brand(&self, caller: &Caller<'_>, id: BrandId) -> Outcome {
        let cx = caller.read(&self.store, keys::brand(caller.tenant(), id)).await?;
        cx.may_on(Permission::BrandRead, id)?;
        Ok(views::brand(cx.wanted()?))
    }

    pub(crate) async fn rename_brand(
        &self,
        cx: Context<'_, Option<Brand>>,
        id: BrandId,
        name: &BrandName,
    ) -> Outcome {
        cx.may_on(Permission::BrandsUpdate, id)?;
        let before = cx.wanted()?;
        cx.if_match(before.version)?;
        if before.name == *name {
            return Ok(views::brand(before));
        }
        let after = before.renamed(name.clone(), cx.version());
        let answer = views::brand(&after);
        let change = cx
            .change(EventKind::BrandUpdated, Subject::Brand(id), &answer)
            .with("name_before", &before.name)
            .with("name", name);
        self.store.change_brand(before, &after, change).await?;
        Ok(answer)
    }

    pub(crate) async fn delete_brand(&self, cx: Context<'_, Option<Brand>>, id: BrandId) -> Outcome {
        cx.may_on(Permission::BrandsDelete, id)?;
        let brand = cx.wanted()?;
        let answer = Answer::done();
        let change =
            cx.change(EventKind::BrandDeleted, Subject::Brand(id), &answer).with("name", &brand.name);
        self.store.delete_brand(brand, change).await?;
        Ok(answer)
    }
}
