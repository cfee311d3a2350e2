use model::Brand;

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::{Change, Store, keys};

impl Store {
    /// Makes a brand.
    ///
    /// # Errors
    /// [`Error::Changed`] when the actor's rights changed, or the same request was answered meanwhile.
    pub async fn create_brand(&self, brand: &Brand, change: Change<'_>) -> Result<(), Error> {
        let key = keys::brand(brand.tenant_id, brand.id);
        self.transaction().add(&key, brand).change(change).commit().await
    }

    /// Writes a brand over the version that was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the brand or the actor's rights changed.
    pub async fn change_brand(&self, before: &Brand, after: &Brand, change: Change<'_>) -> Result<(), Error> {
        let key = keys::brand(after.tenant_id, after.id);
        self.transaction().replace(Fact::Brand, &key, after, before.version).change(change).commit().await
    }

    /// Deletes a brand. Members and invitations keep its id, which then names nothing.
    ///
    /// # Errors
    /// [`Error::Changed`] when the brand or the actor's rights changed.
    pub async fn delete_brand(&self, brand: &Brand, change: Change<'_>) -> Result<(), Error> {
        let key = keys::brand(brand.tenant_id, brand.id);
        let unchanged = Expression::default().when_version(brand.version);
        self.transaction().delete(Fact::Brand, &key, unchanged).change(change).commit().await
    }
}
