//! The function `publish`, as Lambda starts it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::direct::run::<publish::Publish>().await
}
