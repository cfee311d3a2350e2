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
