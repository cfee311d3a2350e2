use model::{Brand, Stamp};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::{Store, Trace, Witness, keys};

impl Store {
    /// Makes a brand.
    ///
    /// # Errors
    /// [`Error::Changed`] when the actor's rights changed, or the same request was answered meanwhile.
    pub async fn create_brand(
        &self,
        brand: &Brand,
        actor: Witness<'_>,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        self.transaction()
            .create(Fact::Brand, &keys::brand(brand.tenant_id, brand.id), brand)
            .witness(actor)
            .trace(trace)
            .commit()
            .await
    }

    /// Writes a brand over the version that was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the brand or the actor's rights changed.
    pub async fn change_brand(
        &self,
        brand: &Brand,
        read: Stamp,
        actor: Witness<'_>,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        self.transaction()
            .replace(Fact::Brand, &keys::brand(brand.tenant_id, brand.id), brand, read)
            .witness(actor)
            .trace(trace)
            .commit()
            .await
    }

    /// Deletes a brand. Members and invitations keep its id, which then names nothing.
    ///
    /// # Errors
    /// [`Error::Changed`] when the brand or the actor's rights changed.
    pub async fn delete_brand(
        &self,
        brand: &Brand,
        actor: Witness<'_>,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let unchanged = Expression::default().when("version", &brand.version);
        self.transaction()
            .delete(Fact::Brand, &keys::brand(brand.tenant_id, brand.id), unchanged)
            .witness(actor)
            .trace(trace)
            .commit()
            .await
    }
}
