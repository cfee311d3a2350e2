//! Reading facts: one strongly consistent batch.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use runtime::metrics::Metric;

use crate::error::Error;
use crate::item::{Item, from_item, key_item};
use crate::keys::{Entity, Key};
use crate::{Answer, Store, transaction};

/// DynamoDB's own bound for one batch.
const BATCH: usize = 100;

/// How often keys that came back unprocessed are asked for again.
const ROUNDS: u32 = 5;

/// The items of one batch, by key.
pub struct Loaded(HashMap<(String, String), Item>);

/// What can be read in one batch: a key, several of them, tuples of all that.
pub trait Want {
    /// What is found.
    type Found;
    #[doc(hidden)]
    fn keys(&self, into: &mut HashMap<(String, String), Item>);
    #[doc(hidden)]
    fn find(&self, loaded: &Loaded) -> Result<Self::Found, Error>;
}

impl<E: Entity> Want for Key<E> {
    type Found = Option<E>;

    fn keys(&self, into: &mut HashMap<(String, String), Item>) {
        into.insert((self.pk.clone(), self.sk.clone()), key_item(self));
    }

    fn find(&self, loaded: &Loaded) -> Result<Option<E>, Error> {
        loaded.0.get(&(self.pk.clone(), self.sk.clone())).cloned().map(from_item).transpose()
    }
}

impl<W: Want> Want for Vec<W> {
    type Found = Vec<W::Found>;

    fn keys(&self, into: &mut HashMap<(String, String), Item>) {
        self.iter().for_each(|want| want.keys(into));
    }

    fn find(&self, loaded: &Loaded) -> Result<Self::Found, Error> {
        self.iter().map(|want| want.find(loaded)).collect()
    }
}

/// `None` wants nothing and finds nothing.
impl<T, W: Want<Found = Option<T>>> Want for Option<W> {
    type Found = Option<T>;

    fn keys(&self, into: &mut HashMap<(String, String), Item>) {
        if let Some(want) = self {
            want.keys(into);
        }
    }

    fn find(&self, loaded: &Loaded) -> Result<Self::Found, Error> {
        self.as_ref().map_or(Ok(None), |want| want.find(loaded))
    }
}

impl<W: Want> Want for &W {
    type Found = W::Found;

    fn keys(&self, into: &mut HashMap<(String, String), Item>) {
        (**self).keys(into);
    }

    fn find(&self, loaded: &Loaded) -> Result<Self::Found, Error> {
        (**self).find(loaded)
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),*))+) => {$(
        impl<$($name: Want),*> Want for ($($name,)*) {
            type Found = ($($name::Found,)*);

            #[allow(unused_variables, reason = "the empty tuple has no keys")]
            fn keys(&self, into: &mut HashMap<(String, String), Item>) {
                $(self.$at.keys(into);)*
            }

            #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple finds nothing")]
            fn find(&self, loaded: &Loaded) -> Result<Self::Found, Error> {
                Ok(($(self.$at.find(loaded)?,)*))
            }
        }
    )+};
}

tuples! { () (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) }

impl Store {
    /// Reads everything that is wanted, strongly consistent, in one batch (of at most 100 keys; more take more).
    ///
    /// # Errors
    /// [`Error::Unavailable`], also when keys stay unprocessed: a key that wasn't read is never taken for absent.
    /// [`Error::Corrupt`] for an item that this version can't read.
    pub async fn load<W: Want>(&self, wants: W) -> Result<W::Found, Error> {
        let mut keys = HashMap::new();
        wants.keys(&mut keys);
        wants.find(&self.read(keys.into_values().collect()).await?)
    }

    /// The items of these keys, as many as there are.
    fn read(&self, asked: Vec<Item>) -> Answer<'_, Loaded> {
        Box::pin(self.batches(asked))
    }

    async fn batches(&self, mut asked: Vec<Item>) -> Result<Loaded, Error> {
        let mut loaded = HashMap::with_capacity(asked.len());
        let mut round = 0;
        while !asked.is_empty() {
            let later = asked.split_off(asked.len().min(BATCH));
            let request = KeysAndAttributes::builder()
                .set_keys(Some(asked))
                .consistent_read(true)
                .build()
                .map_err(|e| Error::Corrupt(e.to_string()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(self.table.as_ref(), request)
                .send()
                .await
                .map_err(|error| self.failed(error))?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                let part = |name| {
                    item.get(name).and_then(|v: &aws_sdk_dynamodb::types::AttributeValue| v.as_s().ok())
                };
                if let (Some(pk), Some(sk)) = (part("pk"), part("sk")) {
                    loaded.insert((pk.clone(), sk.clone()), item);
                }
            }
            asked = answer
                .unprocessed_keys
                .into_iter()
                .flat_map(HashMap::into_values)
                .flat_map(|left| left.keys)
                .collect();
            if !asked.is_empty() {
                self.metrics.count(Metric::TableThrottled);
                round += 1;
                if round > ROUNDS {
                    return Err(Error::Unavailable("keys stayed unprocessed".to_owned()));
                }
                self.pause(round, Duration::from_millis(20)).await;
            } else {
                round = 0;
            }
            asked.extend(later);
        }
        Ok(Loaded(loaded))
    }

    /// Waits before the next try: full jitter under a ceiling that doubles each time.
    pub(crate) async fn pause(&self, round: u32, first: Duration) {
        let mut random = [0];
        self.random.fill(&mut random);
        let [byte] = random;
        tokio::time::sleep(transaction::jitter(round, first, byte)).await;
    }
}
