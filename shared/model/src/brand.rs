use policy::BrandId;
use serde::{Deserialize, Serialize};

use crate::{BrandName, Invocation, TenantId, Timestamp, Version};

/// A unit inside a tenant that members are assigned to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Brand {
    /// Its id.
    pub id: BrandId,
    /// The tenant that it belongs to.
    pub tenant_id: TenantId,
    /// Its name.
    pub name: BrandName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Renewed with every write.
    pub version: Version,
}

impl Brand {
    /// A new one.
    #[must_use]
    pub fn new(tenant_id: TenantId, name: BrandName, invocation: &Invocation) -> Self {
        let id = BrandId(invocation.uuid());
        Self { id, tenant_id, name, created_at: invocation.now(), version: invocation.version() }
    }

    /// The brand with another name.
    #[must_use]
    pub fn renamed(&self, name: BrandName, version: Version) -> Self {
        Self { name, version, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::EventId;
    use crate::samples::{NEW, NOW, TENANT, invocation, patched, survives, text};

    #[test]
    fn a_brand_is_born_with_a_name_and_gets_another() {
        let brand = Brand::new(TENANT, text("Sage"), &invocation());
        assert_eq!((EventId(brand.id.0).made_at(), brand.version.made_at()), (Some(NOW), Some(NOW)));
        let (id, version) = (brand.id, brand.version);
        survives(
            &brand,
            json!({"id": id, "tenant_id": TENANT, "name": "Sage", "created_at": NOW, "version": version}),
        );
        let renamed = brand.renamed(text("Thyme"), NEW);
        assert_eq!(json!(renamed), patched(&brand, json!({"name": "Thyme", "version": NEW})));
    }
}
