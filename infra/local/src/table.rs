//! The embedded table: `dynoxide-rs`, as strict as DynamoDB, on a clock of ours.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::{Database, ImportOptions, Item};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::template::Template;
use crate::{BoxError, LocalClock};

/// The database and the table in it.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) database: Database,
    pub(crate) name: String,
    pub(crate) stream_arn: String,
    shard: String,
    file: Option<PathBuf>,
    saving: Arc<Mutex<()>>,
    /// How often it was changed without a call: by TTL, or behind everybody's back.
    changes: Arc<AtomicUsize>,
}

fn request<T: DeserializeOwned>(json: Value) -> Result<T, BoxError> {
    Ok(serde_json::from_value(json)?)
}

impl Table {
    /// Makes the table that the template describes; one that was kept in `file` is taken up again.
    pub(crate) fn open(
        template: &Template,
        clock: &LocalClock,
        file: Option<&Path>,
    ) -> Result<Self, BoxError> {
        // The engine takes a clock in memory only, so a file is read at the start and written as time goes by.
        let database = Database::memory_with_clock(Arc::new(clock.clone()))?;
        let (name, create) = template.table()?;
        match file.filter(|f| f.exists()) {
            Some(file) => database.restore_from(&file.to_string_lossy()).map_err(|error| {
                format!("--data {}: not a table that this program has written ({error})", file.display())
            })?,
            None => {
                database.create_table(request(create)?)?;
                database.update_time_to_live(request(template.ttl()?)?)?;
            }
        }
        let streams = serde_json::to_value(database.list_streams(request(json!({"TableName": name}))?)?)?;
        let stream_arn = streams
            .pointer("/Streams/0/StreamArn")
            .and_then(Value::as_str)
            .ok_or("the table has no stream")?
            .to_owned();
        let shard = dynoxide::streams::shard_id(&name);
        let file = file.map(Path::to_owned);
        Ok(Self { database, name, stream_arn, shard, file, saving: Arc::default(), changes: Arc::default() })
    }

    /// A table of its own with the same items and the same stream, kept in memory alone.
    pub(crate) fn fork(&self, clock: &LocalClock) -> Result<Self, BoxError> {
        let copy = std::env::temp_dir().join(format!("muster-{}.sqlite", Uuid::now_v7()));
        let path = copy.to_string_lossy();
        self.database.vacuum_into(&path)?;
        let database = Database::memory_with_clock(Arc::new(clock.clone()))?;
        let restored = database.restore_from(&path);
        std::fs::remove_file(&copy)?;
        restored?;
        Ok(Self { database, file: None, changes: Arc::default(), ..self.clone() })
    }

    /// Where the stream begins.
    pub(crate) fn beginning(&self) -> Result<String, BoxError> {
        let asked = json!({
            "StreamArn": self.stream_arn,
            "ShardId": self.shard,
            "ShardIteratorType": "TRIM_HORIZON",
        });
        Ok(self
            .database
            .get_shard_iterator(request(asked)?)?
            .shard_iterator
            .ok_or("the stream has no beginning")?)
    }

    /// The records after `iterator`, and the iterator to go on with.
    pub(crate) fn records(&self, iterator: &str) -> Result<(Vec<Value>, String), BoxError> {
        let found = self.database.get_records(request(json!({"ShardIterator": iterator}))?)?;
        let records = found.records.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        Ok((records, found.next_shard_iterator.unwrap_or_else(|| iterator.to_owned())))
    }

    /// Removes what its TTL has passed, as DynamoDB would some time later.
    pub(crate) fn sweep(&self) -> Result<usize, BoxError> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        Ok(self.database.sweep_ttl()?)
    }

    /// How often it was changed without a call of DynamoDB's API.
    pub(crate) fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// DynamoDB's `UpdateItem`.
    pub(crate) fn update_item(&self, asked: &Value) -> Result<(), BoxError> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.database.update_item(request(asked.clone())?)?;
        Ok(())
    }

    /// DynamoDB's `PutItem`, of this item.
    pub(crate) fn put_item(&self, item: &Value) -> Result<(), BoxError> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.database.put_item(request(json!({"TableName": self.name, "Item": item}))?)?;
        Ok(())
    }

    /// Puts copies of an item there, each with other values of some attributes. The stream tells nothing of them.
    pub(crate) fn put_copies(
        &self,
        item: &Value,
        differing: impl IntoIterator<Item = Value>,
    ) -> Result<(), BoxError> {
        const AT_ONCE: usize = 10_000;
        self.changes.fetch_add(1, Ordering::SeqCst);
        let item: Item = request(item.clone())?;
        let mut differing = differing.into_iter();
        loop {
            let mut copies = Vec::new();
            for attributes in differing.by_ref().take(AT_ONCE) {
                let attributes: Item = request(attributes)?;
                let mut copy = item.clone();
                copy.extend(attributes);
                copies.push(copy);
            }
            if copies.is_empty() {
                return Ok(());
            }
            self.database.import_items(&self.name, copies, ImportOptions::default())?;
        }
    }

    /// Every item of the table, for looking at all that is stored.
    pub(crate) fn scan(&self) -> Result<Vec<Value>, BoxError> {
        let (mut items, mut from) = (Vec::new(), Value::Null);
        loop {
            let mut asked = json!({"TableName": self.name});
            if !from.is_null() {
                asked["ExclusiveStartKey"] = from;
            }
            let found = serde_json::to_value(self.database.scan(request(asked)?)?)?;
            items.extend(found.get("Items").and_then(Value::as_array).cloned().unwrap_or_default());
            match found.get("LastEvaluatedKey") {
                Some(next) if !next.is_null() => from = next.clone(),
                _ => return Ok(items),
            }
        }
    }

    /// Writes the file, if there is one: aside first, so that a crash leaves the old one.
    pub(crate) fn save(&self) -> Result<(), BoxError> {
        let Some(file) = &self.file else { return Ok(()) };
        self.save_to(file)
            .map_err(|error| format!("--data {}: it can't be written ({error})", file.display()).into())
    }

    fn save_to(&self, file: &Path) -> Result<(), BoxError> {
        let _one_at_a_time = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let aside = file.with_extension("saving");
        if aside.exists() {
            std::fs::remove_file(&aside)?;
        }
        self.database.vacuum_into(&aside.to_string_lossy())?;
        Ok(std::fs::rename(aside, file)?)
    }
}
