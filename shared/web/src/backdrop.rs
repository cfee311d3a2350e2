use std::collections::{BTreeMap, BTreeSet};

use model::{Invitation, Member, Sponsor, SponsorId, Sponsorship, TenantId};
use policy::{BrandId, Brands, Role, Visibility};
use store::{SponsorKey, Store, keys};

use crate::Failure;

/// What can be shown: it names brands, and may rest on a sponsor.
pub trait Shown {
    /// The role that it is about.
    fn role(&self) -> Role;
    /// The brands that it names.
    fn brands(&self) -> &Brands;
    /// Whose right to give stands behind it.
    fn sponsor(&self) -> Option<SponsorId>;
}

impl Shown for Member {
    fn role(&self) -> Role {
        self.role
    }
    fn brands(&self) -> &Brands {
        &self.brands
    }
    fn sponsor(&self) -> Option<SponsorId> {
        None
    }
}

impl Shown for Invitation {
    fn role(&self) -> Role {
        self.role
    }
    fn brands(&self) -> &Brands {
        &self.brands
    }
    fn sponsor(&self) -> Option<SponsorId> {
        self.sponsor_id()
    }
}

/// What stands behind what is shown to somebody: which of the named brands are still there (deleting one leaves its id
/// where it stood, since thousands may name it), which of them the reader sees, and who sponsors what.
pub struct Backdrop {
    visibility: Visibility,
    brands: BTreeSet<BrandId>,
    sponsors: BTreeMap<SponsorId, Sponsor>,
}

impl Backdrop {
    /// For a reader with this visibility, where everything is known already.
    pub(crate) fn of(
        visibility: Visibility,
        brands: impl IntoIterator<Item = BrandId>,
        sponsors: impl IntoIterator<Item = Sponsor>,
    ) -> Self {
        Self {
            visibility,
            brands: brands.into_iter().collect(),
            sponsors: sponsors.into_iter().map(|sponsor| (sponsor.id(), sponsor)).collect(),
        }
    }

    /// Reads what stands behind these, in one trip; in none where they name nothing. `known` is a sponsor who needn't be
    /// read.
    ///
    /// # Errors
    /// When the table can't be read.
    pub(crate) async fn read<'s, S: Shown + 's>(
        store: &Store,
        tenant: TenantId,
        visibility: Visibility,
        known: Sponsor,
        shown: impl IntoIterator<Item = &'s S>,
    ) -> Result<Self, Failure> {
        let mut brands: BTreeSet<BrandId> = visibility.named().collect();
        let mut ids = BTreeSet::new();
        for one in shown {
            brands.extend(one.brands().named().filter(|_| !one.role().reaches_every_brand()));
            ids.extend(one.sponsor().filter(|sponsor| *sponsor != known.id()));
        }
        let (brands, sponsors) = store
            .load((
                brands.into_iter().map(|brand| keys::brand(tenant, brand)).collect::<Vec<_>>(),
                ids.iter().map(|sponsor| SponsorKey::new(tenant, *sponsor)).collect::<Vec<_>>(),
            ))
            .await?;
        let brands = brands.into_iter().flatten().map(|brand| brand.id).collect();
        let found = ids.into_iter().zip(sponsors).filter_map(|(id, sponsor)| Some((id, sponsor?)));
        Ok(Self { visibility, brands, sponsors: found.chain([(known.id(), known)]).collect() })
    }

    /// The brands that somebody in this role with these assigned reaches, as far as they are there and the reader sees
    /// them.
    #[must_use]
    pub fn reach(&self, role: Role, assigned: &Brands) -> Brands {
        self.limit(if role.reaches_every_brand() { &Brands::All } else { assigned })
    }

    /// The part of a set that is there and that the reader sees.
    #[must_use]
    pub fn limit(&self, brands: &Brands) -> Brands {
        match self.visibility.limit(brands) {
            Brands::All => Brands::All,
            Brands::Only(seen) => Brands::Only(&seen & &self.brands),
        }
    }

    /// Whether the reader sees this brand, and it is there.
    #[must_use]
    pub fn sees(&self, brand: BrandId) -> bool {
        self.visibility.sees(brand) && self.brands.contains(&brand)
    }

    /// Whether the invitation's sponsor can still give what it gives; nothing to say of one that is over, or that nobody
    /// had to sponsor.
    pub(crate) fn sponsorship(&self, invitation: &Invitation) -> Option<Sponsorship> {
        let sponsor = invitation.sponsor_id()?;
        (!invitation.status.is_final())
            .then(|| invitation.sponsorship(self.sponsors.get(&sponsor), &self.brands))
    }
}
