use model::{Permission, Refusal};
use web::views::TenantView;
use web::{Answer, Entrance, Outcome};

use crate::Tenants;

impl Tenants {
    pub(crate) async fn read(&self, entrance: &Entrance<'_>) -> Outcome {
        let inside = entrance.enter(&self.store, ()).await?;
        inside.standing().may(Permission::TenantRead, None).map_err(Refusal::from)?;
        Ok(Answer::ok(&TenantView::from(&inside.tenant)).versioned(inside.tenant.authority))
    }
}
