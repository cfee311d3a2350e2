//! The one table: the only crate that knows DynamoDB
